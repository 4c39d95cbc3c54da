"""Encoded rows of a table, and how columns become them."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kerasfast.tabular.column_kinds import as_numbers, single_column
from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.encoding.targets import Target

ALIGNMENT = 64  # bytes; TensorFlow works on the memory of an array where it begins at a multiple of it


def aligned(rows: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an array (rows, *shape), not filled, whose memory TensorFlow can work on."""
    size = rows * int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    begin = -memory.ctypes.data % ALIGNMENT
    return memory[begin : begin + size].view(dtype).reshape(rows, *shape)


class Rows(NamedTuple):
    """Encoded rows.

    Attributes:
        codes: (rows, categorical columns) int32.
        values: (rows, continuous columns and flags) float32.
        targets: (rows,) int32 class numbers or (rows, outputs) float32; None for unlabelled rows.
        weights: (rows,) float32, None where all rows count the same.
    """

    codes: np.ndarray
    values: np.ndarray
    targets: np.ndarray | None = None
    weights: np.ndarray | None = None

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.codes)

    def take(self, index: np.ndarray | slice) -> "Rows":
        """Return some of the rows, in the order of `index`."""
        return Rows(*(None if part is None else part[index] for part in self))

    @classmethod
    def joined(cls, rows: Sequence["Rows"]) -> "Rows":
        """Return all rows below each other."""
        if len(rows) == 1:
            return rows[0]
        return cls(*(None if parts[0] is None else np.concatenate(parts) for parts in zip(*rows, strict=True)))


@dataclasses.dataclass(frozen=True)
class RowEncoder:
    """From the columns of a table to `Rows`.

    Attributes:
        encoder: Fitted.
        target: None leaves targets and weights out.
        weights: The column with the weight of each row.
    """

    encoder: TableEncoder
    target: Target | None = None
    weights: str | None = None

    @property
    def columns(self) -> list[str]:
        """The columns that a table must have."""
        wanted = list(self.encoder.columns)
        if self.target is not None:
            wanted += [*self.target.names, *([self.weights] if self.weights else [])]
        return list(dict.fromkeys(wanted))

    def __call__(self, frame: pd.DataFrame) -> Rows:
        """Encode a table.

        Raises:
            ValueError: Naming the column that is not there or cannot be encoded.
        """
        codes, values = self.encoder.transform(frame)
        if self.target is None:
            return Rows(codes, values)
        return Rows(codes, values, self.target.encode(frame), self.weights and row_weights(frame, self.weights))


def row_weights(frame: pd.DataFrame, name: str) -> np.ndarray:
    """Return the weight of each row, (rows,) float32.

    Raises:
        ValueError: If the column is not there, or holds anything but finite numbers of 0 or more.
    """
    if name not in frame.columns:
        raise ValueError(f"the table has no weight column {name!r}; its columns are {list(frame.columns)}.")
    numbers = as_numbers(single_column(frame, name))[1]
    wrong = ~(numbers >= 0)
    if wrong.any():
        raise ValueError(
            f"weight column {name!r} must hold numbers of 0 or more; row {int(np.argmax(wrong))} has "
            f"{numbers[np.argmax(wrong)]:g}."
        )
    return numbers.astype(np.float32)
