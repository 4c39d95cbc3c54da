"""Rows of tables as the course's sets and loaders."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasfast.tabular.column_kinds import check_frame, single_column

__all__ = ["ColumnarDataset", "ColumnarLoader"]


class ColumnarDataset:
    """Rows of a table: `ds[0]` is [codes, values, target].

    Args:
        cats: (rows, categorical columns) codes.
        conts: (rows, continuous columns) values.
        y: Targets; zeros by default. Those of a regression become (rows, 1).
        is_reg: Whether the targets are values.
        is_multi: Whether a row can have several labels.
    """

    def __init__(self, cats: np.ndarray, conts: np.ndarray, y: Any, is_reg: bool = True, is_multi: bool = False):
        self.cats, self.conts = np.asarray(cats, np.int64), np.asarray(conts, np.float32)
        y = np.zeros(len(self.cats)) if y is None else np.asarray(y)
        self.y = y[:, None] if is_reg and y.ndim == 1 else y
        self.is_reg, self.is_multi = is_reg, is_multi

    @classmethod
    def from_data_frame(
        cls, df: pd.DataFrame, cat_flds: Sequence[str], y: Any = None, is_reg: bool = True, is_multi: bool = False
    ) -> "ColumnarDataset":
        """Take the columns `cat_flds` as codes and all others as values."""
        check_frame("df", df)
        cat_flds = list(cat_flds)
        for name in df.columns:
            kind = single_column(df, name).dtype.kind
            if kind not in ("iub" if name in cat_flds else "iubf"):
                wanted = "codes (whole numbers)" if name in cat_flds else "numbers"
                raise ValueError(f"Column {name!r} must hold {wanted}; it holds {df[name].dtype}: see `proc_df`.")
        for name in cat_flds:
            single_column(df, name)
        return cls(df[cat_flds].to_numpy(), df.drop(columns=cat_flds).to_numpy(np.float32), y, is_reg, is_multi)

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, idx: Any) -> list[np.ndarray]:
        return [self.cats[idx], self.conts[idx], self.y[idx]]

    def loader(self, batch_size: int | None = None, shuffle: bool | None = None) -> "ColumnarLoader":
        """Return the batches of the rows."""
        return ColumnarLoader(self, 64 if batch_size is None else batch_size, bool(shuffle))

    @property
    def arrays(self) -> tuple:
        """(codes, values, targets), None for a kind of column that is not there."""
        return (*self.inputs, self.y)

    @property
    def inputs(self) -> tuple:
        """(codes, values), None for a kind of column that is not there."""
        return tuple(part if part.shape[1] else None for part in (self.cats, self.conts))


class ColumnarLoader:
    """Batches [codes, values, targets] of rows as arrays.

    Args:
        dataset: The rows.
        batch_size: Rows per batch.
        shuffle: Whether each loop has another order, from NumPy's global random state.
    """

    def __init__(self, dataset: ColumnarDataset, batch_size: int, shuffle: bool = False):
        self.dataset, self.batch_size, self.shuffle = dataset, batch_size, shuffle

    def __len__(self) -> int:
        return math.ceil(len(self.dataset) / self.batch_size)

    def __iter__(self) -> Iterator[list[np.ndarray]]:
        count = len(self.dataset)
        order = np.random.permutation(count) if self.shuffle else np.arange(count)
        for start in range(0, count, self.batch_size):
            yield self.dataset[order[start : start + self.batch_size]]
