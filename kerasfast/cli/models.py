"""The bundles that commands open: of pictures or of tables."""

import argparse
import os
import sys
from typing import Any

IMAGE, TABLE = "kerasfast.ImagePredictor", "kerasfast.TablePredictor"
TABLE_ENDINGS = {
    ".csv": "read_csv",
    ".csv.gz": "read_csv",
    ".parquet": "read_parquet",
    ".pq": "read_parquet",
    ".feather": "read_feather",
}


def add_model(parser: argparse.ArgumentParser, writers: str = "`train`, `tabular`, `demo` or `learn.export`") -> None:
    """Declare the argument MODEL; `writers` are the commands and methods whose files are taken."""
    parser.add_argument("model", metavar="MODEL", help=f"a file that {writers} wrote")


def open_model(path: str, *, runtime: str = "keras") -> tuple[str, Any]:
    """Return the kind of a bundle (IMAGE or TABLE) and its predictor, which a runtime may run.

    Raises:
        FileNotFoundError: If there is no such file.
        BundleError: If it is no bundle.
    """
    import kerasfast as kf
    from kerasfast.bundle import record_of

    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no model {path}; `kerasfast train` and `kerasfast tabular` write one.")
    kind = record_of(path)["format"]
    readers = {IMAGE: kf.ImagePredictor, TABLE: kf.TablePredictor}
    if kind not in readers:
        raise kf.BundleError(f"{path} holds a {kind}, which this kerasfast does not know.")
    return kind, readers[kind].load(path, runtime=runtime)


def read_table(path: str) -> Any:
    """Return the table in a CSV, parquet or feather file, or of the CSV on standard input for "-".

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it has another ending.
    """
    import pandas as pd

    if path == "-":
        return pd.read_csv(sys.stdin, low_memory=False)
    ending = next((ending for ending in TABLE_ENDINGS if path.lower().endswith(ending)), None)
    if ending is None:
        raise ValueError(f"{path} is no table: its name must end in {', '.join(TABLE_ENDINGS)}.")
    if TABLE_ENDINGS[ending] == "read_csv":
        from kerasfast.tabular.pipeline.csv_files import read_csv

        return read_csv(path)
    return getattr(pd, TABLE_ENDINGS[ending])(path)
