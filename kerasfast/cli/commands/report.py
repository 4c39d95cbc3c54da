"""`kerasfast report`: what a trained model can do, where it is wrong and how to use it, as one page."""

import argparse

from kerasfast.basics.quiet import start_tensorflow
from kerasfast.cli.models import IMAGE, open_model, read_table
from kerasfast.cli.options import Commands, answer, command, talking

EXAMPLES = """
kerasfast report run/model.kerasfast dogscats
kerasfast report pets.kerasfast dogscats --out pets.html
kerasfast report sales.kerasfast last_month.csv --train sales.csv
"""
MORE = (
    "One file that needs no network: data, recipe, curves, results beside the best constant answer and cheap peers, "
    "what is wrong, how to use the model. Pictures: the validation pictures, chosen as `kerasfast train` chooses them. "
    "Rows: of a table with the target column, which the model did not learn from."
)


def add(commands: Commands) -> None:
    """Add the command."""
    about = "write a page about a model: results, mistakes, how to use it"
    report = command(commands, "report", about, run, more=MORE, examples=EXAMPLES)
    report.add_argument("model", metavar="MODEL", help="a file that `train`, `tabular`, `demo` or `learn.export` wrote")
    report.add_argument("data", metavar="DATA", help="the folder of the pictures, or a table")
    report.add_argument("--csv", metavar="FILE", help="the table of labels of the pictures")
    report.add_argument("--train", metavar="FILE", help="of a table: the rows that it learned from, to fit peers to")
    report.add_argument("--seed", type=int, metavar="N", help="of the split of pictures (default: the run's, or 42)")
    report.add_argument("--out", metavar="FILE", default="report.html", help="default: ./%(default)s")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    start_tensorflow(compute=True)
    with talking(options):
        kind, predictor = open_model(options.model)
        if kind == IMAGE:
            from kerasfast.runs.reporting import report_pictures

            choices = {"csv": options.csv, "seed": options.seed}
            path = report_pictures(predictor, options.data, options.out, file=options.model, **choices)
        else:
            from kerasfast.runs.reporting import report_rows

            train = None if options.train is None else read_table(options.train)
            path = report_rows(predictor, read_table(options.data), options.out, file=options.model, train=train)
    answer(options, {"report": str(path)}, f"Wrote {path}.")
    return 0
