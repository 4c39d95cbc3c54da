"""`kerasfast export`: a model in the form of another runtime."""

import argparse

from kerasfast.cli.models import open_model
from kerasfast.cli.options import Commands, answer, command
from kerasfast.cli.start import start_tensorflow

FORMATS = ("keras",)
EXAMPLES = """
kerasfast export pets.kerasfast --format keras --out pets.keras
"""


def add(commands: Commands) -> None:
    """Add the command."""
    export = command(commands, "export", "write a model in the form of another runtime", run, examples=EXAMPLES)
    export.add_argument("model", metavar="MODEL", help="a file that `train`, `tabular`, `demo` or `learn.export` wrote")
    export.add_argument(
        "--format", choices=FORMATS, required=True, help="keras: for stock Keras, where kerasfast is not"
    )
    export.add_argument("--out", metavar="FILE", required=True, help="where it goes")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    start_tensorflow()
    _, predictor = open_model(options.model)
    predictor.model.save(options.out)
    answer(options, {"format": options.format, "path": options.out}, f"Wrote {options.out}.")
    return 0
