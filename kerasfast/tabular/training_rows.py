"""The training rows of files: one pass learns from them and counts them, then views stream them."""

from collections.abc import Iterator

import pandas as pd
from tqdm.auto import tqdm

from kerasfast.tabular.batching import Batching
from kerasfast.tabular.parts import FileParts
from kerasfast.tabular.rows import RowEncoder, row_weights
from kerasfast.tabular.splits import Split, check_counts
from kerasfast.tabular.targets import TargetStatistics
from kerasfast.tabular.views import StreamView


class TrainingRows:
    """Iterates over the training rows of files, frame by frame, checking and counting them on the way.

    Args:
        source: The files.
        split: Which rows are for validation; None for none.
        statistics: Of the targets; learn from every frame.
        weights: The column with the weight of each row, if any.

    Attributes:
        count: Training rows, known after a whole pass.
    """

    def __init__(self, source: FileParts, split: Split | None, statistics: TargetStatistics, weights: str | None):
        self.source, self.split, self.statistics, self.weights = source, split, statistics, weights
        self.count = 0

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for part in tqdm(self.source.parts, desc="learning the columns", leave=False, delay=2):
            for first, frame in self.source.read(part):
                frame = frame if self.split is None else frame[~self.split.mask(frame, first)]
                if len(frame):
                    self.count += len(frame)
                    self.statistics.update(frame)
                    if self.weights:
                        row_weights(frame, self.weights)
                    yield frame

    def view(self, encode: RowEncoder, batching: Batching, shuffle_rows: int) -> StreamView:
        """Return the view of the training rows, after a whole pass.

        Raises:
            ValueError: If the split leaves no rows for training or none for validation.
        """
        if self.split is not None:
            check_counts(self.count, self.source.rows - self.count)
        return StreamView(self.source, encode, batching, self.count, self.split, shuffle_rows=shuffle_rows)

    def rest(self, encode: RowEncoder, batching: Batching) -> StreamView | None:
        """Return the view of the rows for validation, after a whole pass; None without a split."""
        if self.split is None:
            return None
        count = self.source.rows - self.count
        return StreamView(self.source, encode, batching, count, self.split, validation=True)
