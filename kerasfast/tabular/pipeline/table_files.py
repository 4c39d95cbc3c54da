"""Tables in feather and parquet files: written whole or not at all, read whole or part by part."""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from kerasfast.basics import arguments
from kerasfast.basics.arguments import sized
from kerasfast.basics.files import atomic_path

Files = str | os.PathLike | Sequence[str | os.PathLike]  # one, a folder of them, or several
_PIECE = 2**16
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

    Example:
        >>> write_frame(pd.DataFrame({"Store": [1, 2], "State": ["HE", "TH"]}), "stores.feather").name
        'stores.feather'
    """
    path = pathlib.Path(path)
    kind = format_of(path)
    _check_storable(frame, path, kind)
    checksums = {"write_page_checksum": True} if kind == "parquet" else {}
    with atomic_path(path) as unfinished:
        getattr(frame, f"to_{kind}")(unfinished, **checksums)
    return path


def read_frame(path: str | os.PathLike, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a feather or parquet file, by the file's ending.

    Args:
        path: ends in `.feather`, `.parquet` or `.pq`.
        columns: read only these, which is faster; all when omitted.

    Returns:
        The table.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another ending, columns that the file does not have, or a file that is damaged.
        ImportError: pyarrow is not installed.

    Example:
        >>> path = write_frame(pd.DataFrame({"Store": [1, 2], "State": ["HE", "TH"]}), "stores.parquet")
        >>> read_frame(path, ["State"])["State"].tolist()
        ['HE', 'TH']
    """
    path = pathlib.Path(path)
    kind = format_of(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {str(path)!r}.")
    if columns is not None:
        check_columns(path, kind, columns)
    columns = None if columns is None else list(columns)
    with _naming(path):
        if kind == "parquet":
            return pd.read_parquet(path, columns=columns, page_checksum_verification=True)
        for position in range(len(_rows_of_parts(path, kind))):
            _feather_part(path, position)
        return pd.read_feather(path, columns=columns)


def format_of(path: pathlib.Path) -> str:
    """Return "feather" or "parquet", by the file's ending."""
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path.name!r} must end in one of {list(FORMATS)}, to say in which format the table is.")
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError("feather and parquet files need pyarrow: pip install 'kerasfast[tabular]'") from error
    return FORMATS[path.suffix.lower()]


@contextlib.contextmanager
def _naming(path: pathlib.Path) -> Iterator[None]:
    """Turn whatever reading a damaged file raises into a ValueError that names the file."""
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    # pyarrow's readers raise their own errors, KeyError, struct.error, UnicodeDecodeError and more on damaged files.
    except Exception as error:
        raise ValueError(f"{str(path)!r} is no {format_of(path)} file, or is damaged: {error}") from error


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

    with _naming(path):
        if kind == "parquet":
            names = pyarrow.parquet.read_schema(path).names
        else:
            with pyarrow.ipc.open_file(path) as opened:
                names = opened.schema.names
    absent = [column for column in columns if column not in names]
    if absent:
        raise ValueError(f"{path.name!r} has no columns {absent}; it has {names}.")


@dataclasses.dataclass(frozen=True)
class Part:
    """A row group of a parquet file, or a record batch of a feather file.

    Attributes:
        path: The file.
        position: Of the part in the file.
        first: The number of its first row, counted over all files.
        rows: How many it has.
    """

    path: pathlib.Path
    position: int
    first: int
    rows: int


class FileParts:
    """One table in one or more files.

    Args:
        paths: Files that end in `.parquet`, `.pq` or `.feather`, or a folder of such files (in the order of
            their names).
        columns: The columns that will be read.

    Raises:
        FileNotFoundError: If a file is not there, or a folder has none.
        ValueError: If a file lacks columns, or all files together have no rows.
        ImportError: If pyarrow is not installed.
    """

    def __init__(self, paths: Files, columns: Sequence[str]) -> None:
        self.columns = list(columns)
        self.parts: list[Part] = []
        for path in _files(paths):
            kind = format_of(path)
            check_columns(path, kind, self.columns)
            first = self.rows
            with _naming(path):
                lengths = _rows_of_parts(path, kind)
            for position, rows in enumerate(lengths):
                self.parts.append(Part(path, position, first, rows))
                first += rows
        if not self.rows:
            raise ValueError(f"the table in {_files(paths)[0].name!r} has no rows.")

    @property
    def rows(self) -> int:
        """The number of rows of all files."""
        return self.parts[-1].first + self.parts[-1].rows if self.parts else 0

    def read(self, part: Part, columns: Sequence[str] | None = None) -> Iterator[tuple[int, pd.DataFrame]]:
        """Yield (number of the first row, frame) for pieces of a part, 65,536 rows or fewer each.

        Args:
            part: One of `parts`.
            columns: Read only these.
        """
        first = part.first
        columns = self.columns if columns is None else list(columns)
        for piece in _pieces(part, columns):
            yield first, piece
            first += len(piece)


def _files(paths: Files) -> list[pathlib.Path]:
    files = []
    listed = [paths] if isinstance(paths, (str, os.PathLike)) else sized("files", paths)
    for path in (arguments.path("files", one) for one in listed):
        inside = sorted(file for ending in ("parquet", "pq", "feather") for file in path.glob(f"*.{ending}"))
        files += inside if path.is_dir() else [path]
        if not inside and not path.is_file():
            problem = "has no parquet or feather file" if path.is_dir() else "is not there"
            raise FileNotFoundError(f"{str(path)!r} {problem}.")
    if not files:
        raise ValueError("no file was given.")
    return files


def _rows_of_parts(path: pathlib.Path, kind: str) -> list[int]:
    import pyarrow.ipc
    import pyarrow.parquet

    if kind == "parquet":
        metadata = pyarrow.parquet.read_metadata(path)
        return [metadata.row_group(position).num_rows for position in range(metadata.num_row_groups)]
    with pyarrow.memory_map(str(path)) as opened:
        reader = pyarrow.ipc.open_file(opened)
        return [reader.get_batch(position).num_rows for position in range(reader.num_record_batches)]


def _pieces(part: Part, columns: list[str]) -> Iterator[pd.DataFrame]:
    batches = _batches(part, columns)
    while True:
        with _naming(part.path):
            batch = next(batches, None)
        if batch is None:
            return
        for start in range(0, batch.num_rows, _PIECE):
            with _naming(part.path):
                # Without the metadata of pandas, which would ask for an index that was not read.
                piece = batch.slice(start, _PIECE).to_pandas(ignore_metadata=True, date_as_object=False)
            yield piece


def _batches(part: Part, columns: list[str]) -> Iterator[Any]:
    import pyarrow.parquet

    if format_of(part.path) == "parquet":
        with pyarrow.parquet.ParquetFile(part.path, page_checksum_verification=True) as file:
            yield from file.iter_batches(_PIECE, row_groups=[part.position], columns=columns)
    else:
        yield _feather_part(part.path, part.position).select(columns)


def _feather_part(path: pathlib.Path, position: int) -> Any:
    """Return a record batch of a feather file, whose declared lengths and places were compared with what is there."""
    import pyarrow.ipc

    with pyarrow.memory_map(str(path)) as opened:
        batch = pyarrow.ipc.open_file(opened).get_batch(position)
    batch.validate(full=True)
    return batch
