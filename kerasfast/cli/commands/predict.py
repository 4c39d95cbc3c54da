"""`kerasfast predict`: what a trained model says of pictures or rows."""

import argparse
import glob
import os
import sys
from typing import Any

from kerasfast.basics.quiet import start_tensorflow
from kerasfast.cli.models import IMAGE, add_model, open_model, read_table
from kerasfast.cli.options import Commands, answer, command, ready_to_write, talking

EXAMPLES = """
kerasfast predict pets.kerasfast holiday/ --out predictions.csv
kerasfast predict pets.kerasfast 'photos/*.jpg' one.png --top-k 3
find . -name '*.jpg' | kerasfast predict pets.kerasfast - --skip-broken
kerasfast predict sales.kerasfast new_rows.csv --out sales.csv
"""
MORE = (
    "Pictures get a row each: file, prediction and the probability of every class; rows of a table get their "
    "prediction. Exit status 1: broken pictures were left out."
)


def add(commands: Commands) -> None:
    """Add the command."""
    predict = command(
        commands,
        "predict",
        "say what a model makes of pictures, or of the rows of a table",
        run,
        more=MORE,
        examples=EXAMPLES,
    )
    add_model(predict)
    predict.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="files, folders or patterns; - reads names (or a CSV) from standard input",
    )
    predict.add_argument("--out", metavar="FILE", help="a CSV file for the result (default: standard output)")
    predict.add_argument("--top-k", type=int, metavar="K", help="show the K likeliest classes only")
    predict.add_argument("--skip-broken", action="store_true", help="leave broken pictures out instead of stopping")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    if options.out:
        ready_to_write(options.out)
    start_tensorflow(compute=True)
    with talking(options):
        kind, predictor = open_model(options.model)
        frame = _of_pictures(predictor, options) if kind == IMAGE else _of_rows(predictor, options.paths)
    if options.out:
        write_csv(frame, options.out)
        print(f"Wrote {len(frame)} predictions to {options.out}.", file=sys.stderr)
    elif not options.json:
        frame.to_csv(sys.stdout, index=False)
    answer(options, frame.to_dict("records"))
    return 1 if frame.attrs.get("skipped") else 0


def write_csv(frame: Any, path: str) -> None:
    """Write a frame to a CSV file, whole or not at all."""
    from kerasfast.basics.files import atomic_path

    with atomic_path(path) as unfinished:
        frame.to_csv(unfinished, index=False)


def _of_pictures(predictor: Any, options: argparse.Namespace) -> Any:
    files = expanded(options.paths)
    # One folder alone is not spelt out, so that the files are named from there.
    pictures = files[0] if len(files) == 1 else [file for path in files for file in _files_of(path)]
    return predictor.predict(pictures, top_k=options.top_k, on_error="skip" if options.skip_broken else "raise")


def _of_rows(predictor: Any, paths: list[str]) -> Any:
    import pandas as pd

    frames = [read_table(path) for path in (paths if paths == ["-"] else expanded(paths))]
    predictions = predictor.predict(pd.concat(frames, ignore_index=True))
    if predictor.target.kind == "single" and "prediction" not in predictions.columns:
        predictions.insert(0, "prediction", predictions.idxmax(axis=1))
    return predictions


def expanded(paths: list[str]) -> list[str]:
    """Return paths with patterns resolved, and the names on standard input in the place of "-".

    Raises:
        FileNotFoundError: If a pattern matches nothing, or standard input names nothing.
    """
    found = []
    for path in paths:
        if path == "-":
            names = [line.rstrip("\n") for line in sys.stdin if line.strip()]
        else:
            names = (
                sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) and not os.path.exists(path) else [path]
            )
        if not names:
            raise FileNotFoundError("Standard input names no files." if path == "-" else f"No file matches {path!r}.")
        found += names
    return found


def _files_of(path: str) -> list[str]:
    if not os.path.isdir(path):
        return [path]
    from kerasfast.vision.prediction.pictures import pictures_in

    return [os.path.join(path, name) for name in pictures_in(path)]
