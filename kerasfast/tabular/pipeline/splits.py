"""Which rows are for validation: chosen by row numbers, by a share of the rows, or by date."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasfast.basics.arguments import array, number, whole
from kerasfast.tabular.column_kinds import single_column

_BLOCK = 2**16
SPANS = 16  # of time, at least


@dataclasses.dataclass(frozen=True)
class IndexSplit:
    """Validation rows by their numbers (as validation indices of the course), counted over the whole table."""

    indices: np.ndarray

    @classmethod
    def checked(cls, indices: Sequence[int], rows: int) -> "IndexSplit":
        """Return the split.

        Raises:
            ValueError: For numbers that are no rows, or appear twice.
        """
        chosen = array("`valid_indices`", indices)
        if chosen.ndim != 1 or not chosen.size or not np.issubdtype(chosen.dtype, np.integer):
            raise ValueError(f"`valid_indices` must be a list of row numbers; received {indices!r}.")
        chosen = np.sort(np.where(chosen < 0, chosen + rows, chosen))
        if chosen[0] < 0 or chosen[-1] >= rows:
            raise ValueError(f"`valid_indices` must be row numbers below {rows:,}; received {chosen[0]}..{chosen[-1]}.")
        if (np.diff(chosen) == 0).any():
            raise ValueError(f"`valid_indices` has row {chosen[:-1][np.diff(chosen) == 0][0]} twice.")
        check_counts(rows - len(chosen), len(chosen))
        return cls(chosen)

    columns = ()

    def mask(self, frame: pd.DataFrame, first: int) -> np.ndarray:
        """Return which rows (rows,) of a part are for validation; `first` is the number of the part's first row."""
        begin, end = np.searchsorted(self.indices, (first, first + len(frame)))
        chosen = np.zeros(len(frame), bool)
        chosen[self.indices[begin:end] - first] = True
        return chosen


@dataclasses.dataclass(frozen=True)
class FractionSplit:
    """A share of the rows, drawn from a seed: the same rows however the table comes, whole or in parts.

    Attributes:
        fraction: Above 0 and below 1, exact (rounded) in every 65,536 rows.
        seed: Decides which rows.
        rows: Of the whole table.
    """

    fraction: float
    seed: int
    rows: int

    columns = ()

    def __post_init__(self) -> None:
        number("valid_fraction", self.fraction, above=0, below=1)

    def mask(self, frame: pd.DataFrame, first: int) -> np.ndarray:
        """As `IndexSplit.mask`."""
        end = first + len(frame)
        blocks = range(first // _BLOCK, -(-end // _BLOCK))
        chosen = np.concatenate([self._block(block) for block in blocks] or [np.zeros(0, bool)])
        start = first - first // _BLOCK * _BLOCK
        return chosen[start : start + len(frame)]

    def _block(self, block: int) -> np.ndarray:
        rows = min(_BLOCK, self.rows - block * _BLOCK)
        chosen = np.zeros(rows, bool)
        order = np.random.default_rng([self.seed, block]).permutation(rows)
        chosen[order[: round(self.fraction * rows)]] = True
        return chosen


@dataclasses.dataclass(frozen=True)
class DateSplit:
    """The rows from one day to another, both included, as the Rossmann lesson chooses them."""

    column: str
    first: pd.Timestamp
    last: pd.Timestamp

    @classmethod
    def checked(cls, dates: tuple[str, Any, Any]) -> "DateSplit":
        """Return the split for (column, first day, last day).

        Raises:
            ValueError: If these are no dates, or the last is before the first.
        """
        try:
            column, first, last = dates
            first, last = pd.Timestamp(first), pd.Timestamp(last)
        except (TypeError, ValueError) as error:
            raise ValueError(f"`valid_dates` must be (column, first day, last day); received {dates!r}.") from error
        if (first.tzinfo is None) != (last.tzinfo is None):
            raise ValueError(f"`valid_dates` must both have a time zone, or neither; received {first} to {last}.")
        if not first <= last:
            raise ValueError(f"`valid_dates` must go forwards; received {first} to {last}.")
        if last == last.normalize():
            last += pd.Timedelta(days=1) - pd.Timedelta(microseconds=1)
        return cls(column, first, last)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that `mask` looks at."""
        return (self.column,)

    def mask(self, frame: pd.DataFrame, first: int) -> np.ndarray:
        """As `IndexSplit.mask`; rows without a date are for training."""
        if self.column not in frame.columns:
            raise ValueError(f"the table has no date column {self.column!r}; its columns are {list(frame.columns)}.")
        series = single_column(frame, self.column)
        if not pd.api.types.is_datetime64_any_dtype(series.dtype):
            raise ValueError(
                f"column {self.column!r} holds no dates ({series.dtype}); convert it with pandas.to_datetime."
            )
        days = (self.first, self.last)
        if series.dt.tz is None and self.first.tzinfo is not None:
            raise ValueError(
                f"column {self.column!r} has no time zone, but `valid_dates` has ({self.first}); leave it out there."
            )
        if series.dt.tz is not None:
            days = tuple(day.tz_localize(series.dt.tz) if day.tzinfo is None else day for day in days)
        return series.between(*days).to_numpy()


Split = IndexSplit | FractionSplit | DateSplit


def spans_of_time(frame: pd.DataFrame, split: "Split | None") -> np.ndarray | None:
    """Return the number of the span of time in which each training row lies; None unless a split by dates has several.

    Spans are as long as the validation rows', and shorter where there would be fewer than `SPANS`. Rows of one day have
    much in common: a model that is to predict other days must be judged by days that it did not learn from.
    """
    if not isinstance(split, DateSplit):
        return None
    dates = frame[split.column][~split.mask(frame, 0)]
    whole = (dates.max() - dates.min()) / SPANS
    length = max(min(split.last - split.first, whole), pd.Timedelta(microseconds=1))
    spans = ((dates - dates.min()) // length).fillna(-1).to_numpy(int)
    return spans if len(np.unique(spans)) >= SPANS // 2 else None


def choose_split(
    rows: int,
    indices: Sequence[int] | None,
    fraction: float | None,
    dates: tuple[str, Any, Any] | None,
    seed: int,
) -> Split | None:
    """Return the split that the argument given describes; without any, 20% of the rows; None for a fraction of 0.

    Raises:
        ValueError: If they make no sense.
    """
    whole("seed", seed, least=0)
    if indices is not None:
        return IndexSplit.checked(indices, rows)
    if dates is not None:
        return DateSplit.checked(dates)
    fraction = 0.2 if fraction is None else number("valid_fraction", fraction, least=0, below=1)
    return None if fraction == 0 else FractionSplit(fraction, seed, rows)


def with_all_classes(split: Split | None, frame: pd.DataFrame, target: str) -> Split | None:
    """Return a drawn split in which training has a row of each class at least; say of which it has all.

    Args:
        split: Another split than a `FractionSplit` is returned as it is.
        frame: All rows.
        target: The column with the class of each row.
    """
    if not isinstance(split, FractionSplit) or target not in frame.columns:
        return split
    held, classes = split.mask(frame, 0), single_column(frame, target)
    lonely = held & ~classes.isin(classes[~held]).to_numpy() & classes.notna().to_numpy()
    if not lonely.any() or lonely.sum() == held.sum():
        return split
    names = [str(name) for name in classes[lonely].unique()]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    print(f"of so few rows none is held out: {', '.join(names[:5])}{more} ({target})")
    return IndexSplit(np.flatnonzero(held & ~lonely))


def check_counts(training: int, validation: int) -> None:
    """Check that there are rows on both sides of a split.

    Raises:
        ValueError: If there are none.
    """
    if not training or not validation:
        raise ValueError(
            f"the choice of validation rows leaves {training:,} rows for training and {validation:,} for validation; "
            "choose others, or `valid_fraction=0` for no validation."
        )


def one_way(**ways: Any) -> None:
    """Check that the validation rows are chosen in one way, or none.

    Raises:
        ValueError: If there are several.
    """
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise ValueError(f"choose the validation rows in one way; received {', '.join(given)}.")


def chosen_rows(frame: pd.DataFrame, split: Split | None) -> np.ndarray:
    """Return which rows (rows,) of a whole table are for validation; of none without a split.

    Raises:
        ValueError: If there are none on one side.
    """
    if split is None:
        return np.zeros(len(frame), bool)
    chosen = split.mask(frame, 0)
    check_counts(len(frame) - chosen.sum(), chosen.sum())
    return chosen
