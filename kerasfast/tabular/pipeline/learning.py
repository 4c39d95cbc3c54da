"""From tables, in memory or in files, to what encodes their rows: one pass over the training rows, piece by piece."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.encoding.targets import TargetStatistics
from kerasfast.tabular.pipeline.rows import RowEncoder, Rows, row_weights
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
    count = 0

    def training_frames() -> Iterator[pd.DataFrame]:
        nonlocal count
        for part in tqdm(source.parts, desc="learning the columns", leave=False, delay=2):
            for first, frame in source.read(part):
                frame = frame if split is None else frame[~split.mask(frame, first)]
                if len(frame):
                    count += len(frame)
                    statistics.update(frame)
                    if weights:
                        row_weights(frame, weights)
                    yield frame

    encoder.learn(training_frames())
    if split is not None:
        check_counts(count, source.rows - count)
    return RowEncoder(encoder, statistics.target(), weights), count


def encode_frame(frame: pd.DataFrame, encode: RowEncoder, split: Split | None) -> tuple[Rows, Rows | None]:
    """Return the training rows of a frame, encoded, and those for validation; None without a split."""
    whole, chosen, source = None, np.zeros(len(frame), bool), FrameParts(frame)
    for part in source.parts:
        for first, piece in source.read(part):
            rows = encode(piece)
            if whole is None:
                whole = Rows(*(array if array is None else np.empty((len(frame), *array.shape[1:]), array.dtype)
                               for array in rows))  # fmt: skip
            for target, array in zip(whole, rows, strict=True):
                if array is not None:
                    target[first : first + rows.count] = array
            if split is not None:
                chosen[first : first + rows.count] = split.mask(piece, first)
    return (whole, None) if split is None else (whole.take(~chosen), whole.take(chosen))


def encode_test_rows(frame: pd.DataFrame, encode: RowEncoder) -> Rows:
    """Encode rows to predict, with their targets where all are there."""
    names = list(encode.target.names)
    labelled = set(names) <= set(frame.columns) and frame[names].notna().to_numpy().all()
    return encode_frame(frame, RowEncoder(encode.encoder, encode.target if labelled else None), None)[0]
