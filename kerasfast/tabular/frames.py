"""Tables to and from feather and parquet files, written whole or not at all."""

import os
import pathlib
from collections.abc import Sequence

import pandas as pd

from kerasfast.files import atomic_path

FORMATS = {".feather": "feather", ".parquet": "parquet", ".pq": "parquet"}


def write_frame(frame: pd.DataFrame, path: str | os.PathLike) -> pathlib.Path:
    """Write a table to a feather or parquet file, by the file's ending; a failed write leaves no file behind.

    Column types survive: dates with their unit and time zone, categories with their order, nullable types.
    Feather holds no row index; parquet does.

    Args:
        frame: the table; its column names must be different texts.
        path: ends in `.feather`, `.parquet` or `.pq`; an existing file is replaced.

    Returns:
        The path.

    Raises:
        ValueError: another ending, column names that repeat or are no text, an index that feather would lose.
        ImportError: pyarrow is not installed.
    """
    path = pathlib.Path(path)
    kind = format_of(path)
    _check_storable(frame, path, kind)
    with atomic_path(path) as unfinished:
        getattr(frame, f"to_{kind}")(unfinished)
    return path


def read_frame(path: str | os.PathLike, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a feather or parquet file, by the file's ending.

    Args:
        path: ends in `.feather`, `.parquet` or `.pq`.
        columns: read only these, which is faster; all when omitted.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another ending, or columns that the file does not have.
        ImportError: pyarrow is not installed.
    """
    path = pathlib.Path(path)
    kind = format_of(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {str(path)!r}.")
    if columns is not None:
        check_columns(path, kind, columns)
    reader = pd.read_feather if kind == "feather" else pd.read_parquet
    return reader(path, columns=None if columns is None else list(columns))


def format_of(path: pathlib.Path) -> str:
    """Return "feather" or "parquet", by the file's ending."""
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path.name!r} must end in one of {list(FORMATS)}, to say in which format the table is.")
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError("feather and parquet files need pyarrow: pip install 'kerasfast[tabular]'") from error
    return FORMATS[path.suffix.lower()]


def _check_storable(frame: pd.DataFrame, path: pathlib.Path, kind: str) -> None:
    unnamed = [name for name in frame.columns if not isinstance(name, str)]
    if unnamed:
        raise ValueError(f"column names must be text to be written; received {unnamed}. Rename them.")
    if not frame.columns.is_unique:
        raise ValueError(f"column names repeat: {sorted(set(frame.columns[frame.columns.duplicated()]))}; rename them.")
    if kind == "feather" and not frame.index.equals(pd.RangeIndex(len(frame))):
        raise ValueError(
            f"a feather file cannot hold the row index ({frame.index[:3].tolist()}, ...) for {path.name!r}; "
            "call frame.reset_index(), with drop=True where the index means nothing, or write parquet."
        )


def check_columns(path: pathlib.Path, kind: str, columns: Sequence[str]) -> None:
    """Raise a ValueError that names the columns which the file does not have."""
    import pyarrow.ipc
    import pyarrow.parquet

    if kind == "parquet":
        names = pyarrow.parquet.read_schema(path).names
    else:
        with pyarrow.ipc.open_file(path) as opened:
            names = opened.schema.names
    absent = [column for column in columns if column not in names]
    if absent:
        raise ValueError(f"{path.name!r} has no columns {absent}; it has {names}.")
