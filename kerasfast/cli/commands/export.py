"""`kerasfast export`: a model in the form of another runtime."""

import argparse
import contextlib
import os
import sys
from typing import Any

from kerasfast.basics.quiet import start_tensorflow
from kerasfast.cli.models import IMAGE, add_model, open_model, read_table
from kerasfast.cli.options import Commands, answer, command, ready_to_write

FORMS = ("keras", "savedmodel", "litert", "litert-dynamic", "litert-int8", "onnx")
MOST = 200  # samples that the ranges of int8 are learned from
EXAMPLES = """
kerasfast export pets.kerasfast --format keras --out pets.keras
kerasfast export pets.kerasfast --format savedmodel --out pets/1
kerasfast export pets.kerasfast --format litert-int8 --data dogscats/train --out pets.tflite
kerasfast export sales.kerasfast --format onnx --out sales.onnx
"""
MORE = (
    "keras: for stock Keras, where kerasfast is not installed. savedmodel: a folder for TensorFlow Serving; of an "
    "image model it takes the bytes of pictures and gives names and probabilities. litert: for phones and boards; "
    "dynamic has 8-bit weights, int8 whole numbers throughout. onnx: for onnxruntime."
)


def add(commands: Commands) -> None:
    """Add the command."""
    about = "write a model in the form of another runtime"
    export = command(commands, "export", about, run, more=MORE, examples=EXAMPLES)
    add_model(export)
    export.add_argument("--format", choices=FORMS, required=True, help="the form")
    export.add_argument("--out", metavar="PATH", required=True, help="where it goes")
    export.add_argument(
        "--data", metavar="DATA", help="of litert-int8: training pictures, or a table, to learn ranges of values from"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    if options.format == "litert-int8" and options.data is None:
        raise ValueError("litert-int8 needs --data, some of the training pictures (or rows).")
    ready_to_write(options.out)
    start_tensorflow(compute=True)
    kind, predictor = open_model(options.model)
    # What converters say of their work goes where notes go.
    with contextlib.redirect_stdout(sys.stderr):
        if kind == IMAGE:
            predictor.export(options.out, options.format, pictures=_pictures(options))
        else:
            predictor.export(options.out, options.format, rows=_rows(options))
    answer(options, {"format": options.format, "path": options.out}, f"Wrote {options.out}.")
    return 0


def _pictures(options: argparse.Namespace) -> list[str] | None:
    if options.format != "litert-int8":
        return None
    from kerasfast.vision.prediction.pictures import pictures_in

    names = pictures_in(options.data)
    step = max(1, len(names) // MOST)
    return [os.path.join(options.data, name) for name in names[::step][:MOST]]


def _rows(options: argparse.Namespace) -> Any:
    return read_table(options.data).head(MOST) if options.format == "litert-int8" else None
