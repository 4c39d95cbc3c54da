"""What the values of a column are (numbers, texts, dates), and plain forms that can be compared and stored."""

import difflib
import numbers
import os
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasfast.tabular.number_texts import read_numbers

_KINDS_OF_OBJECTS = {
    "string": "text",
    "boolean": "boolean",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "date": "date",
    "datetime": "date",
    "datetime64": "date",
    "timedelta": "duration",
    "timedelta64": "duration",
}
_ADVICE = {
    "text": "convert it with .astype(str)",
    "number": "convert it with pandas.to_numeric",
    "boolean": "compare or map it to True and False",
    "date": "convert it with pandas.to_datetime",
    "date with time zone": "convert it with pandas.to_datetime(..., utc=True)",
    "duration": "convert it with pandas.to_timedelta",
}
KINDS = tuple(_ADVICE)
INTERCHANGEABLE = {"number", "boolean"}


def check_frame(name: str, frame: Any) -> None:
    """Check that this is a frame with rows, whose columns have one name each.

    Raises:
        TypeError: For anything but a frame.
        ValueError: For one without rows, or with columns in levels.
    """
    if not isinstance(frame, pd.DataFrame):
        hint = " `from_csv` and `from_files` take files." if isinstance(frame, (str, os.PathLike)) else ""
        raise TypeError(f"`{name}` must be a pandas DataFrame; received {type(frame).__name__}.{hint}")
    if frame.columns.nlevels > 1:
        raise ValueError(f"`{name}` has columns in {frame.columns.nlevels} levels; give each one name.")
    if not len(frame):
        raise ValueError(f"`{name}` has no rows.")


def single_column(frame: pd.DataFrame, column: str) -> pd.Series:
    """Return the one column of that name, or say which columns there are."""
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"expected a pandas DataFrame; received {type(frame).__name__}.")
    if not isinstance(column, Hashable) or column not in frame.columns:
        near = difflib.get_close_matches(str(column), map(str, frame.columns), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no column {column!r:.100}; the columns are {list(frame.columns)}.{hint}")
    series = frame[column]
    if isinstance(series, pd.DataFrame):
        raise ValueError(f"the frame has {series.shape[1]} columns named {column!r}; rename or drop one.")
    return series


def check_kind(series: pd.Series, fitted: str, received: str | None) -> None:
    """A column without any value (None) may be of any type: readers cannot know it."""
    if received in (None, fitted) or {fitted, received} <= INTERCHANGEABLE:
        return
    raise ValueError(
        f"column {series.name!r} held {fitted} values when the encoder was fitted but holds {received} values "
        f"({series.dtype}) now; {_ADVICE[fitted]}."
    )


def common_kind(series: pd.Series, before: str | None, received: str | None) -> str | None:
    """Return the kind of rows that came in parts, given that of the parts before."""
    if before is None or received is None:
        return before or received
    if before == received:
        return before
    if {before, received} <= INTERCHANGEABLE:
        return "number"
    raise ValueError(
        f"column {series.name!r} held {before} values in earlier rows but holds {received} values ({series.dtype}) "
        f"in later ones; {_ADVICE[before]}."
    )


def factorize(series: pd.Series) -> tuple[str | None, np.ndarray, list[Any], bool]:
    """Return the kind, each row's position in the values (-1 missing), the values, and whether these are in order.

    Dates that differ by nanoseconds only are the same value more than once.
    """
    in_order = isinstance(series.dtype, pd.CategoricalDtype)
    if in_order:
        codes, different = series.cat.codes.to_numpy(), series.cat.categories
    else:
        codes, different = _different(series)
    kind, values = _canonical(different, series.name)
    return (kind if (codes >= 0).any() else None), codes, values, in_order


def _different(series: pd.Series) -> tuple[np.ndarray, pd.Index]:
    if pd.api.types.is_float_dtype(series.dtype):
        # Nullable floats may hold NaN beside their own missing value.
        series = pd.Series(series.to_numpy(np.float64, na_value=np.nan))
    try:
        codes, different = pd.factorize(series)
    except TypeError as error:
        raise ValueError(f"column {series.name!r} holds values that cannot be categories: {error}.") from error
    return codes, pd.Index(different)


def _canonical(different: pd.Index, name: str) -> tuple[str | None, list[Any]]:
    """Return the kind of some different values and the plain Python values that stand for them."""
    if isinstance(different.dtype, (pd.IntervalDtype, pd.PeriodDtype)):
        different = different.astype(str)
    kind = _kind(different, name)
    if kind is None:
        return None, []
    if kind == "text":
        return kind, [str(value) for value in different]
    if kind == "boolean":
        return kind, [bool(value) for value in different]
    if kind == "number":
        plain = [int(value) if isinstance(value, numbers.Integral) else float(value) for value in different]
        _refuse_infinite(np.array(plain, np.float64), name)
        return kind, plain
    return kind, _microseconds(different, kind, name).tolist()


def as_numbers(series: pd.Series) -> tuple[str | None, np.ndarray]:
    """Return the kind of a continuous column and its values as float64, NaN where missing.

    Text counts as the numbers that it reads as (see `number_in_text`).
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        kind, of_level = as_numbers(pd.Series(series.cat.categories, name=series.name))
        return kind if series.notna().any() else None, np.append(of_level, np.nan)[series.cat.codes]
    missing = series.isna().to_numpy()
    if missing.all():
        return None, np.full(len(series), np.nan)
    values = pd.Index(series, dtype=series.dtype)
    kind = _kind(values, series.name)
    if kind == "text":
        numbers_read, strange = read_numbers(series)
        if strange is not None:
            raise ValueError(
                f"continuous column {series.name!r} holds text ({series.dtype}) that is no number: {strange!r}; "
                "convert it with pandas.to_numeric, list it as categorical, or, where it reads as dates, among `dates`."
            )
        return (None if np.isnan(numbers_read).all() else "number"), numbers_read
    if kind not in INTERCHANGEABLE:
        microseconds = _microseconds(values, kind, series.name)
        return kind, np.where(missing, np.nan, microseconds / 1e6)
    try:
        plain = series.to_numpy(np.float64, na_value=np.nan)
    except OverflowError as error:
        raise ValueError(
            f"column {series.name!r} holds whole numbers too large for floats; scale them, or list it as categorical."
        ) from error
    _refuse_infinite(plain, series.name)
    return kind, plain


def _kind(values: pd.Index, name: str) -> str | None:
    """Return what the values are; None where there is none to tell it by."""
    dtype = values.dtype
    if pd.api.types.is_bool_dtype(dtype) and not pd.api.types.is_object_dtype(dtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        return "number"
    if pd.api.types.is_timedelta64_dtype(dtype):
        return "duration"
    if not values.notna().any():
        return None
    inferred = pd.api.types.infer_dtype(values, skipna=True)
    if inferred not in _KINDS_OF_OBJECTS:
        types = sorted({type(value).__name__ for value in values[values.notna()]})
        raise ValueError(
            f"column {name!r} holds values of type {', '.join(types)} ({dtype}), which cannot be encoded together; "
            "convert it to one type, for example with .astype(str)."
        )
    kind = _KINDS_OF_OBJECTS[inferred]
    zoned = kind == "date" and getattr(values[values.notna()][0], "tzinfo", None) is not None
    return "date with time zone" if zoned else kind


def _refuse_infinite(values: np.ndarray, name: str) -> None:
    count = int(np.isinf(values).sum())
    if count:
        raise ValueError(f"column {name!r} has {count} infinite values; replace them, for example by missing ones.")


def _microseconds(values: pd.Index, kind: str, name: str) -> np.ndarray:
    """Return times as whole microseconds: the finest unit in which sentinels such as 9999-12-31 still fit."""
    if isinstance(values.dtype, pd.ArrowDtype):
        values = values.astype(object)
    convert = pd.to_timedelta if kind == "duration" else pd.to_datetime
    try:
        return convert(values).as_unit("us").asi8
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"column {name!r} holds dates or durations that cannot be converted: {error}.") from error


def from_canonical(values: Sequence[Any] | np.ndarray, kind: str) -> pd.Index:
    """Return the pandas values that the plain ones stand for."""
    if kind == "duration":
        return pd.TimedeltaIndex(np.array(values, "timedelta64[us]"))
    if kind.startswith("date"):
        naive = pd.DatetimeIndex(np.array(values, "datetime64[us]"))
        return naive if kind == "date" else naive.tz_localize("UTC")
    return pd.Index(list(values))
