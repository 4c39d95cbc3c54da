"""Calendar columns from a date column: year, ISO week, month ends, seconds since 1970, for every date unit."""

import re

import numpy as np
import pandas as pd

from kerasfast.tabular.column_kinds import single_column

# pandas 3.1 deprecated the names dayofweek and dayofyear, which the course's columns still carry.
_ATTRIBUTES = {"Dayofweek": "day_of_week", "Dayofyear": "day_of_year"}
NUMBERS = ("Year", "Month", "Week", "Day", "Dayofweek", "Dayofyear")
FLAGS = ("Is_month_end", "Is_month_start", "Is_quarter_end", "Is_quarter_start", "Is_year_end", "Is_year_start")
TIMES = ("Hour", "Minute", "Second")


def add_date_parts(
    frame: pd.DataFrame,
    column: str,
    *,
    prefix: str | None = None,
    time: bool = False,
    drop: bool = False,
    date_format: str | None = None,
) -> pd.DataFrame:
    """Return a new frame with the calendar parts of a date column as further columns.

    The parts and their names are those of the course's `add_datepart`: Year, Month, Week (ISO 8601), Day,
    Dayofweek (Monday is 0), Dayofyear, Is_month_end, Is_month_start, Is_quarter_end, Is_quarter_start, Is_year_end,
    Is_year_start, then Hour, Minute and Second with `time`, and Elapsed (whole seconds since 1970-01-01 UTC).
    Week is the ISO week while Year is the calendar year, as in the course: 2014-12-29 is week 1, year 2014.
    A missing date gives missing numbers and False flags.

    Args:
        frame: the table; it is not changed.
        column: a column of dates of any unit (s, ms, us, ns), with or without time zone, or of text to be parsed.
        prefix: put before the names; by default the column's name without a final "Date" or "date".
        time: add Hour, Minute and Second.
        drop: leave the date column itself out; otherwise a column of text is returned parsed.
        date_format: how to parse text, as in `pandas.to_datetime`; guessed from the first value when omitted.

    Raises:
        ValueError: no such column, text that is no date, or a name that the frame has already.
        TypeError: the column holds numbers, which do not say what they count.

    Example:
        >>> sales = pd.DataFrame({"Date": ["2015-07-31"], "Sales": [5263]})
        >>> add_date_parts(sales, "Date")[["Year", "Week", "Is_month_end", "Elapsed"]].values.tolist()
        [[2015, 31, True, 1438300800]]
    """
    dates = as_dates(frame, column, date_format=date_format)
    if prefix is None:
        prefix = re.sub("[Dd]ate$", "", column)
    parts = {prefix + name: values for name, values in _parts(dates, time).items()}
    kept = frame.drop(columns=column) if drop else frame.assign(**{column: dates})
    taken = [name for name in parts if name in kept.columns]
    if taken:
        raise ValueError(f"the frame has the columns {taken} already; drop them or pass another `prefix`.")
    return pd.concat([kept, pd.DataFrame(parts, index=frame.index)], axis=1)


def as_dates(frame: pd.DataFrame, column: str, *, date_format: str | None = None) -> pd.Series:
    """Return a column as datetime64 of whatever unit it has, text and date objects parsed.

    Args:
        frame: the table.
        column: its column of dates, periods, date objects or text.
        date_format: how to parse text, as in `pandas.to_datetime`.

    Raises:
        ValueError: no such column, or text that is no date.
        TypeError: the column holds numbers.
    """
    series = single_column(frame, column)
    if isinstance(series.dtype, (pd.ArrowDtype, pd.CategoricalDtype)):
        series = series.astype(object)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return series
    if isinstance(series.dtype, pd.PeriodDtype):
        return series.dt.to_timestamp()
    if pd.api.types.is_numeric_dtype(series.dtype):
        raise TypeError(
            f"column {column!r} holds numbers ({series.dtype}), not dates; convert it first, "
            f"for example with pandas.to_datetime(frame[{column!r}], unit='s')."
        )
    return _parsed(series, date_format)


def _parsed(series: pd.Series, date_format: str | None) -> pd.Series:
    # Tables repeat their dates, so parsing each different text once is much faster.
    codes, different = pd.factorize(series)
    try:
        dates = pd.to_datetime(pd.Series(different), format=date_format)
    except (ValueError, TypeError) as error:
        raise ValueError(f"column {series.name!r} holds values that are no dates: {error}") from error
    if not pd.api.types.is_datetime64_any_dtype(dates.dtype):
        raise ValueError(f"column {series.name!r} mixes time zones; convert it with pandas.to_datetime(..., utc=True).")
    return pd.Series(pd.api.extensions.take(dates.array, codes, allow_fill=True), index=series.index, name=series.name)


def _parts(dates: pd.Series, time: bool) -> dict[str, np.ndarray]:
    codes, different = pd.factorize(dates)
    calendar = pd.Series(different)
    parts = {name: _spread(_attribute(calendar, name).to_numpy("int32"), codes, np.nan) for name in NUMBERS}
    parts |= {name: _spread(_attribute(calendar, name).to_numpy(bool), codes, False) for name in FLAGS}
    if time:
        parts |= {name: _spread(_attribute(calendar, name).to_numpy("int32"), codes, np.nan) for name in TIMES}
    return parts | {"Elapsed": _spread(_seconds(different), codes, np.nan)}


def _attribute(dates: pd.Series, name: str) -> pd.Series:
    if name == "Week":
        return dates.dt.isocalendar().week
    return getattr(dates.dt, _ATTRIBUTES.get(name, name.lower()))


def _spread(of_different: np.ndarray, codes: np.ndarray, missing: float | bool) -> np.ndarray:
    """Give every row the value of its date; code -1 stands for a missing date."""
    if (codes >= 0).all():
        return of_different[codes]
    return np.append(of_different, missing)[codes]


def _seconds(dates: pd.DatetimeIndex) -> np.ndarray:
    # pandas dates count s, ms, us or ns: dividing the integers by a fixed 10**9 is wrong for three of them.
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[dates.unit]
    return dates.asi8 // per_second
