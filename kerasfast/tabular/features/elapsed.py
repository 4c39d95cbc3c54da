"""What happened around each row of its group: time since and until an event, rolling sums and means."""

import dataclasses
import datetime
import sys
from collections.abc import Sequence

import numpy as np
import pandas as pd
from pandas.api.indexers import BaseIndexer

from kerasfast.basics.arguments import names as listed_names
from kerasfast.basics.arguments import whole
from kerasfast.tabular.column_kinds import single_column
from kerasfast.tabular.features.dates import as_dates

STATISTICS = ("sum", "mean", "min", "max", "std", "count")
UNITS = ("D", "h", "m", "s", "ms", "us", "ns")


def add_elapsed(
    frame: pd.DataFrame,
    events: str | Sequence[str],
    by: str | Sequence[str] | None,
    date: str,
    *,
    after: str | None = "After",
    before: str | None = "Before",
    unit: str = "D",
    never: int | None = None,
    signed: bool = False,
) -> pd.DataFrame:
    """Return a new frame with the time since the previous and until the next event of each row's group.

    A row on the day of an event is 0 away from it, however many rows that day has. Where the group has no event
    on that side of the row the value is missing, which differs from 0; the course wrote 0 there: `never=0`.

    Args:
        frame: the table, in any order; it is not changed.
        events: columns of booleans or of numbers (not 0 means that the event took place).
        by: column or columns of the group (the course: "Store"), None for one group.
        date: the date column, of any unit.
        after: prefix of the columns with the time since the previous event; None leaves them out.
        before: prefix of the columns with the time until the next event; None leaves them out.
        unit: what is counted, in whole units: one of D, h, m, s, ms, us, ns.
        never: the whole number to write where there is no event; missing (NaN) when omitted.
        signed: write the time until the next event as a negative number, as the course's row loop did.

    Raises:
        ValueError: no such column, missing dates, groups or events, names that exist already.
        TypeError: an event column that is neither boolean nor numeric.

    Example:
        >>> days = pd.date_range("2015-01-01", periods=4)
        >>> table = pd.DataFrame({"Store": 1, "Date": days, "Promo": [0, 1, 0, 0]})
        >>> add_elapsed(table, "Promo", "Store", "Date")["AfterPromo"].tolist()
        [nan, 0.0, 1.0, 2.0]
    """
    if unit not in UNITS:
        raise ValueError(f"unknown unit {unit!r}; pass one of {list(UNITS)}.")
    if never is not None:
        never = whole("never", never, least=-sys.maxsize)
    flags = {event: _happened(frame, event) for event in _as_list(events)}
    timeline = _timeline(frame, by, date)
    columns = {}
    for event, happened in flags.items():
        if after is not None:
            columns[after + event] = _elapsed(timeline, timeline.previous(happened), unit, never, 1)
        if before is not None:
            columns[before + event] = _elapsed(timeline, timeline.next(happened), unit, never, 1 if signed else -1)
    return _with_columns(frame, columns)


def add_rolling(
    frame: pd.DataFrame,
    columns: str | Sequence[str],
    by: str | Sequence[str] | None,
    date: str,
    *,
    window: int | str | pd.Timedelta,
    statistic: str = "sum",
    backward: str | None = "_bw",
    forward: str | None = "_fw",
    min_periods: int = 1,
) -> pd.DataFrame:
    """Return a new frame with rolling statistics of each row's group, looking backwards and forwards in time.

    Every window contains the row itself. Missing values are left out of the statistic.

    Args:
        frame: the table, in any order; it is not changed.
        columns: columns of numbers or booleans.
        by: column or columns of the group, None for one group.
        date: the date column, which gives the order.
        window: a number of rows (the course: 7), or a length of time such as "7D": then the rows less than that
            away, so that gaps in the dates do not widen the window.
        statistic: sum, mean, min, max, std or count.
        backward: suffix of the columns that look back; None leaves them out.
        forward: suffix of the columns that look ahead; None leaves them out.
        min_periods: values that a window must hold, otherwise the result is missing.

    Raises:
        ValueError: no such column, missing dates or groups, infinite values, names that exist already.
        TypeError: a column that is neither boolean nor numeric.

    Example:
        >>> table = pd.DataFrame({"Date": pd.date_range("2015-01-01", periods=4), "Promo": [0, 1, 1, 0]})
        >>> add_rolling(table, "Promo", None, "Date", window=2)[["Promo_bw", "Promo_fw"]].values.tolist()
        [[0.0, 1.0], [1.0, 2.0], [2.0, 1.0], [1.0, 0.0]]
    """
    if statistic not in STATISTICS:
        raise ValueError(f"unknown statistic {statistic!r}; pass one of {list(STATISTICS)}.")
    numbers = {column: _finite_numbers(frame, column) for column in _as_list(columns)}
    timeline = _timeline(frame, by, date)
    sides = {backward: timeline.windows_back, forward: timeline.windows_ahead}
    bounds = {suffix: _Bounds(*windows(window)) for suffix, windows in sides.items() if suffix is not None}
    results = {}
    for column, values in numbers.items():
        ordered = pd.Series(values[timeline.order])
        for suffix, indexer in bounds.items():
            rolled = ordered.rolling(indexer, min_periods=min_periods).agg(statistic)
            results[column + suffix] = timeline.to_rows(rolled.to_numpy())
    return _with_columns(frame, results)


@dataclasses.dataclass
class _Timeline:
    """The rows sorted by group, then date; every array is in that order.

    Attributes:
        order: row positions of the frame.
        dates: datetime64.
        group_start, group_end: first position of the row's group, and the one after its last.
        day_start, day_end: the same for the rows of the same group and the same date.
    """

    order: np.ndarray
    dates: np.ndarray
    group_start: np.ndarray
    group_end: np.ndarray
    day_start: np.ndarray
    day_end: np.ndarray

    def to_rows(self, values: np.ndarray) -> np.ndarray:
        """Put values of this order back into the frame's."""
        rows = np.empty_like(values)
        rows[self.order] = values
        return rows

    def previous(self, happened: np.ndarray) -> np.ndarray:
        """Return the position of the last event up to each row's date, -1 where the group has none."""
        positions = np.arange(len(self.order))
        last = np.maximum.accumulate(np.where(happened[self.order], positions, -1))[self.day_end - 1]
        return np.where(last >= self.group_start, last, -1)

    def next(self, happened: np.ndarray) -> np.ndarray:
        """Return the position of the first event from each row's date on, -1 where the group has none."""
        count = len(self.order)
        marked = np.where(happened[self.order], np.arange(count), count)
        first = np.minimum.accumulate(marked[::-1])[::-1][self.day_start]
        return np.where(first < self.group_end, first, -1)

    def windows_back(self, window: int | str | pd.Timedelta) -> tuple[np.ndarray, np.ndarray]:
        """Return the first position of each row's window into the past and the one after its last."""
        positions = np.arange(len(self.order))
        if _is_rows(window):
            return np.maximum(positions - window + 1, self.group_start), positions + 1
        return self._first_later_than(-_length(window)), self.day_end

    def windows_ahead(self, window: int | str | pd.Timedelta) -> tuple[np.ndarray, np.ndarray]:
        """Return the first position of each row's window into the future and the one after its last."""
        positions = np.arange(len(self.order))
        if _is_rows(window):
            return positions, np.minimum(positions + window, self.group_end)
        return self.day_start, self._first_later_than(_length(window), side="left")

    def _first_later_than(self, shift: np.timedelta64, *, side: str = "right") -> np.ndarray:
        """Search each row's date + shift within its group; ranks of dates keep the joint key from overflowing."""
        different, ranks = np.unique(self.dates, return_inverse=True)
        shifted = np.searchsorted(different, different + shift, side=side)[ranks]
        width = len(different) + 1
        return np.searchsorted(self.group_start * width + ranks, self.group_start * width + shifted, side="left")


class _Bounds(BaseIndexer):
    """Windows given by their positions, for pandas' compiled rolling functions."""

    def __init__(self, start: np.ndarray, end: np.ndarray) -> None:
        super().__init__()
        self.start, self.end = start.astype(np.int64), end.astype(np.int64)

    def get_window_bounds(
        self,
        num_values: int = 0,
        min_periods: int | None = None,
        center: bool | None = None,
        closed: str | None = None,
        step: int | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        return self.start, self.end


def _timeline(frame: pd.DataFrame, by: str | Sequence[str] | None, date: str) -> _Timeline:
    dates = as_dates(frame, date)
    if dates.dt.tz is not None:
        # Local days: a day of 23 hours is still one day.
        dates = dates.dt.tz_localize(None)
    _refuse_missing(dates, date)
    dates = dates.to_numpy()
    groups = _groups(frame, by)
    order = np.lexsort((dates, groups))
    groups, dates = groups[order], dates[order]
    new_group = _differs_from_previous(groups)
    new_day = new_group | _differs_from_previous(dates)
    return _Timeline(order, dates, *_runs(new_group), *_runs(new_day))


def _groups(frame: pd.DataFrame, by: str | Sequence[str] | None) -> np.ndarray:
    names = [] if by is None else _as_list(by)
    for name in names:
        _refuse_missing(single_column(frame, name), name)
    if not names or not len(frame):
        return np.zeros(len(frame), np.int64)
    keys = frame[names].reset_index(drop=True)
    return keys.groupby(names, sort=False, observed=True).ngroup().to_numpy()


def _differs_from_previous(values: np.ndarray) -> np.ndarray:
    differs = np.ones(len(values), bool)
    differs[1:] = values[1:] != values[:-1]
    return differs


def _runs(starts_here: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for every position, where its run starts and the position after its end."""
    starts = np.flatnonzero(starts_here)
    run = np.cumsum(starts_here) - 1
    return starts[run], np.append(starts[1:], len(starts_here))[run]


def _elapsed(timeline: _Timeline, event: np.ndarray, unit: str, never: int | None, sign: int) -> np.ndarray:
    # Truncated before the sign is applied: half a day before an event is 0 days, not -1.
    away = timeline.dates - timeline.dates[event]
    whole = sign * np.sign(away.astype(np.int64)) * (np.abs(away) // np.timedelta64(1, unit))
    filled = np.where(event >= 0, whole, np.nan if never is None else never)
    return timeline.to_rows(filled)


def _happened(frame: pd.DataFrame, column: str) -> np.ndarray:
    return _numbers(frame, column, "Compare it first, for example frame[{!r}] != '0'", missing=False) != 0


def _finite_numbers(frame: pd.DataFrame, column: str) -> np.ndarray:
    values = _numbers(frame, column, "Convert {!r} with pandas.to_numeric", missing=True)
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise ValueError(f"column {column!r} has {infinite} infinite values; replace them first.")
    return values


def _numbers(frame: pd.DataFrame, column: str, advice: str, *, missing: bool) -> np.ndarray:
    series = single_column(frame, column)
    if not pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_complex_dtype(series.dtype):
        advice = advice.format(column)
        raise TypeError(f"column {column!r} must be boolean or numeric; received {series.dtype}. {advice}.")
    if not missing:
        _refuse_missing(series, column)
    return series.to_numpy(np.float64, na_value=np.nan)


def _refuse_missing(series: pd.Series, column: str) -> None:
    count = int(series.isna().sum())
    if count:
        raise ValueError(f"column {column!r} has {count} missing values; fill them or drop these rows first.")


def _with_columns(frame: pd.DataFrame, columns: dict[str, np.ndarray]) -> pd.DataFrame:
    taken = [name for name in columns if name in frame.columns]
    if taken:
        raise ValueError(f"the frame has the columns {taken} already; drop them or pass other prefixes or suffixes.")
    return pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)


def _as_list(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else listed_names("columns", names, least=1)


def _is_rows(window: int | str | pd.Timedelta) -> bool:
    if isinstance(window, bool) or not isinstance(window, (int, np.integer)):
        return False
    whole("window", window)
    return True


def _length(window: str | pd.Timedelta) -> np.timedelta64:
    advice = f"`window` must be a number of rows or a length of time such as '7D'; received {window!r}."
    if not isinstance(window, (str, datetime.timedelta, np.timedelta64)):
        raise ValueError(advice)
    if isinstance(window, str) and window.strip().isdecimal():  # pandas would count nanoseconds
        raise ValueError(advice)
    try:
        length = pd.Timedelta(window)
    except ValueError as error:
        raise ValueError(advice) from error
    if not length > pd.Timedelta(0):
        raise ValueError(f"`window` must be longer than nothing; received {window!r}.")
    return length.to_timedelta64()
