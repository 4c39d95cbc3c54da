"""Tables in parquet and feather files, read part by part so that no more than a part need fit into memory."""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Sequence

import pandas as pd

from kerasfast.tabular.frames import check_columns, format_of

Files = str | os.PathLike | Sequence[str | os.PathLike]  # one, a folder of them, or several
_PIECE = 2**16


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
            for position, rows in enumerate(_rows_of_parts(path, kind)):
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
        for batch in _batches(part, columns):
            for start in range(0, batch.num_rows, _PIECE):
                # Without the metadata of pandas, which would ask for an index that was not read.
                piece = batch.slice(start, _PIECE).to_pandas(ignore_metadata=True, date_as_object=False)
                yield first, piece
                first += len(piece)


def _files(paths: Files) -> list[pathlib.Path]:
    files = []
    for path in map(pathlib.Path, [paths] if isinstance(paths, (str, os.PathLike)) else paths):
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


def _batches(part: Part, columns: list[str]) -> Iterator:
    import pyarrow.ipc
    import pyarrow.parquet

    if format_of(part.path) == "parquet":
        with pyarrow.parquet.ParquetFile(part.path) as file:
            yield from file.iter_batches(_PIECE, row_groups=[part.position], columns=columns)
        return
    with pyarrow.memory_map(str(part.path)) as opened:
        yield pyarrow.ipc.open_file(opened).get_batch(part.position).select(columns)
