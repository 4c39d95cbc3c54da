"""From tables, in memory or in files, to what encodes their rows: one pass over the training rows, piece by piece."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kerasfast.basics.bars import progress_bar
from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.encoding.targets import TargetStatistics
from kerasfast.tabular.pipeline.rows import RowEncoder, Rows, aligned, row_weights
from kerasfast.tabular.pipeline.splits import Split, check_counts
from kerasfast.tabular.pipeline.table_files import FileParts

_PIECE = 2**16


@dataclass(frozen=True, eq=False)
class FrameParts:
    """A frame as `FileParts` is a table in files: in pieces, so that no copy of the whole is ever needed."""

    frame: pd.DataFrame

    @property
    def parts(self) -> Sequence[int]:
        """The numbers of the first rows of the pieces."""
        return range(0, len(self.frame), _PIECE)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.frame)

    def read(self, part: int) -> Iterator[tuple[int, pd.DataFrame]]:
        """Yield (number of the first row, frame) of a piece."""
        yield part, self.frame.iloc[part : part + _PIECE]


def learn_rows(
    source: FileParts | FrameParts,
    split: Split | None,
    encoder: TableEncoder,
    statistics: TargetStatistics,
    weights: str | None,
) -> tuple[RowEncoder, int]:
    """Learn encoder and target from the training rows of a table, in one pass that checks every row.

    Args:
        source: The table.
        split: Which rows are for validation; None for none.
        encoder: Fitted, or to be fitted.
        statistics: Of the targets.
        weights: The column with the weight of each row, if any.

    Returns:
        What encodes rows, and the number of training rows.

    Raises:
        ValueError: Naming a column that cannot be used; or the split leaves no row for training or for validation.
    """
    count, weight = 0, 0.0

    def training_frames() -> Iterator[pd.DataFrame]:
        nonlocal count, weight
        for part in progress_bar(source.parts, desc="learning the columns", leave=False, delay=2):
            for first, frame in source.read(part):
                frame = frame if split is None else frame[~split.mask(frame, first)]
                if len(frame):
                    count += len(frame)
                    counted = row_weights(frame, weights) if weights else None
                    weight += 1.0 if counted is None else float(counted.sum())
                    statistics.update(frame, counted)
                    yield frame
        if not count:
            check_counts(count, source.rows)
        if not weight:
            raise ValueError(f"weight column {weights!r} is 0 in every training row; nothing would be learned.")

    encoder.learn(training_frames())
    if split is not None:
        check_counts(count, source.rows - count)
    return RowEncoder(encoder, statistics.target(), weights), count


def encode_frame(frame: pd.DataFrame, encode: RowEncoder, split: Split | None) -> tuple[Rows, Rows | None]:
    """Return the training rows of a frame, encoded, and those for validation; None without a split."""
    source = FrameParts(frame)
    pieces = [(first, piece) for part in source.parts for first, piece in source.read(part)]
    held = [np.zeros(len(piece), bool) if split is None else split.mask(piece, first) for first, piece in pieces]
    count = int(sum(map(np.sum, held)))
    training = validation = None
    for (_, piece), chosen in zip(pieces, held, strict=True):
        rows = encode(piece)
        if training is None:
            training, validation = _Filling(rows, len(frame) - count), _Filling(rows, count)
        training.add(rows.take(~chosen) if chosen.any() else rows)
        validation.add(rows.take(chosen))
    return training.rows, None if split is None else validation.rows


class _Filling:
    """Rows of a known number that come in pieces.

    Args:
        like: Rows of the same columns.
        count: How many there will be.
    """

    def __init__(self, like: Rows, count: int) -> None:
        self.rows = Rows(*(part if part is None else aligned(count, part.shape[1:], part.dtype) for part in like))
        self._filled = 0

    def add(self, rows: Rows) -> None:
        """Take the next rows."""
        for whole, part in zip(self.rows, rows, strict=True):
            if part is not None:
                whole[self._filled : self._filled + rows.count] = part
        self._filled += rows.count


def encode_test_rows(frame: pd.DataFrame, encode: RowEncoder) -> Rows:
    """Encode rows to predict, with their targets where all are there."""
    names = list(encode.target.names)
    labelled = set(names) <= set(frame.columns) and frame[names].notna().to_numpy().all()
    return encode_frame(frame, RowEncoder(encode.encoder, encode.target if labelled else None), None)[0]
