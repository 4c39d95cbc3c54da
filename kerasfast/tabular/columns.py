"""What a TableEncoder learns of one column: the levels of a categorical one, the scale of a continuous one."""

import dataclasses
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

UNKNOWN = 0
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
_INTERCHANGEABLE = {"number", "boolean"}


@dataclasses.dataclass(frozen=True)
class CategoryColumn:
    """The levels of a categorical column: level i has code i + 1, code 0 is *unknown*.

    Attributes:
        name: the column.
        kind: text, number, boolean, date, "date with time zone" or duration.
        levels: in order; dates and durations as whole microseconds.
        missing_code: the code of missing values; 0 unless they have a slot of their own, the last one.
    """

    name: str
    kind: str
    levels: tuple[Any, ...]
    missing_code: int = UNKNOWN

    @classmethod
    def fit(
        cls, series: pd.Series, *, max_levels: int | None, min_count: int, separate_missing: bool
    ) -> "CategoryColumn":
        """Learn the levels that occur at least `min_count` times, of these the `max_levels` most frequent."""
        kind, codes, values, in_order = _factorize(series)
        if kind is None:
            raise ValueError(f"categorical column {series.name!r} has no value in any of {len(series)} rows; leave it out.")
        counts = np.bincount(codes[codes >= 0], minlength=len(values))
        order = list(range(len(values))) if in_order else sorted(range(len(values)), key=values.__getitem__)
        kept = [index for index in order if counts[index] >= min_count]
        if max_levels is not None and len(kept) > max_levels:
            frequent = set(sorted(kept, key=lambda index: -counts[index])[:max_levels])
            kept = [index for index in kept if index in frequent]
        if not kept:
            raise ValueError(
                f"no level of categorical column {series.name!r} occurs {min_count} times; lower `min_count` or leave it out."
            )
        own_slot = separate_missing and bool((codes < 0).any())
        return cls(series.name, kind, tuple(values[index] for index in kept), len(kept) + 1 if own_slot else UNKNOWN)

    @property
    def cardinality(self) -> int:
        """The number of codes, the unknown slot included."""
        return len(self.levels) + 1 + (self.missing_code != UNKNOWN)

    def encode(self, series: pd.Series) -> np.ndarray:
        """Return the codes (rows,) int32; a level that training did not show is unknown."""
        kind, codes, values, _ = _factorize(series)
        _check_kind(series, self.kind, kind)
        known = {level: code for code, level in enumerate(self.levels, start=1)}
        of_value = [known.get(value, UNKNOWN) for value in values] + [self.missing_code]
        return np.array(of_value, np.int32)[codes]

    def decode(self, codes: np.ndarray) -> pd.Categorical:
        """Return ordered categories, missing where the code is unknown (or stands for missing)."""
        codes = np.asarray(codes)
        if len(codes) and not (0 <= codes.min() and codes.max() < self.cardinality):
            raise ValueError(
                f"codes of column {self.name!r} must lie in 0..{self.cardinality - 1}, got {codes.min()}..{codes.max()}."
            )
        positions = np.where(codes > len(self.levels), -1, codes - 1)
        return pd.Categorical.from_codes(positions, categories=self.readable_levels(), ordered=True)

    def readable_levels(self) -> pd.Index:
        """The levels as pandas values, in the order of codes 1, 2, ..."""
        return _from_canonical(self.levels, self.kind)

    def to_json(self) -> dict[str, Any]:
        levels = list(self.levels)
        if self.kind.startswith("date"):
            levels = np.array(levels, "datetime64[us]").astype(str).tolist()
        return {"name": self.name, "kind": self.kind, "levels": levels, "missing_code": self.missing_code}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "CategoryColumn":
        levels = stored["levels"]
        if stored["kind"].startswith("date"):
            levels = np.array(levels, "datetime64[us]").astype(np.int64).tolist()
        return cls(stored["name"], stored["kind"], tuple(levels), stored["missing_code"])


@dataclasses.dataclass(frozen=True)
class NumberColumn:
    """How a continuous column becomes a number near 0: `(value - mean) / scale`, missing values first filled.

    Attributes:
        name: the column.
        kind: number, boolean, date, "date with time zone" or duration; dates and durations count seconds.
        mean, scale: of the filled training column; the scale of a constant column is 1.
        fill: the median of the training column.
        flagged: whether a 0/1 column says which values were missing.
    """

    name: str
    kind: str
    mean: float
    scale: float
    fill: float
    flagged: bool

    @classmethod
    def fit(cls, series: pd.Series, *, standardize: bool, flag_missing: bool, flag_always: bool) -> "NumberColumn":
        """Learn the fill and the scale, and a flag where values are missing or one is forced."""
        kind, raw = _as_numbers(series)
        missing = np.isnan(raw)
        if kind is None:
            raise ValueError(f"continuous column {series.name!r} has no value in any of {len(series)} rows; leave it out.")
        fill = float(np.median(raw[~missing]))
        filled = np.where(missing, fill, raw)
        mean, scale = _mean_and_scale(filled) if standardize else (0.0, 1.0)
        if not np.isfinite([fill, mean, scale]).all():
            raise ValueError(f"continuous column {series.name!r} has values too large to standardize; rescale it first.")
        return cls(series.name, kind, mean, scale, fill, flag_always or (flag_missing and bool(missing.any())))

    @property
    def flag_name(self) -> str:
        return f"{self.name}_na"

    @property
    def encoded_fill(self) -> float:
        """What a missing value becomes."""
        return (self.fill - self.mean) / self.scale

    def encode(self, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """Return the scaled values and which were missing, each (rows,)."""
        kind, raw = _as_numbers(series)
        _check_kind(series, self.kind, kind)
        missing = np.isnan(raw)
        with np.errstate(over="ignore"):
            scaled = ((np.where(missing, self.fill, raw) - self.mean) / self.scale).astype(np.float32)
        if not np.isfinite(scaled).all():
            raise ValueError(f"continuous column {series.name!r} has values too large for float32 after scaling.")
        return scaled, missing

    def decode(self, values: np.ndarray, missing: np.ndarray | None) -> pd.Series:
        """Return the values before scaling, as far as float32 held them."""
        plain = np.asarray(values, np.float64) * self.scale + self.mean
        if missing is not None:
            plain = np.where(missing, np.nan, plain)
        if self.kind in _INTERCHANGEABLE:
            return pd.Series(plain, name=self.name)
        absent = np.isnan(plain)
        microseconds = np.where(absent, 0, np.rint(plain * 1e6)).astype(np.int64)
        return pd.Series(_from_canonical(microseconds, self.kind), name=self.name).mask(absent)


def _mean_and_scale(values: np.ndarray) -> tuple[float, float]:
    # Rounding gives a constant column a tiny deviation, which would blow a new value up.
    if values.min() == values.max():
        return float(values[0]), 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        return float(values.mean()), float(values.std())


def _check_kind(series: pd.Series, fitted: str, received: str | None) -> None:
    """A column without any value (None) may be of any type: readers cannot know it."""
    if received in (None, fitted) or {fitted, received} <= _INTERCHANGEABLE:
        return
    raise ValueError(
        f"column {series.name!r} held {fitted} values when the encoder was fitted but holds {received} values "
        f"({series.dtype}) now; {_ADVICE[fitted]}."
    )


def _factorize(series: pd.Series) -> tuple[str | None, np.ndarray, list[Any], bool]:
    """Return the kind, each row's position in the different values (-1 missing), these values, and if they are in order."""
    in_order = isinstance(series.dtype, pd.CategoricalDtype)
    if in_order:
        codes, different = series.cat.codes.to_numpy(), series.cat.categories
    else:
        codes, different = _different(series)
    kind, values = _canonical(different, series.name)
    if len(set(values)) < len(values):
        # Dates that differ by nanoseconds only are one level.
        positions = {value: position for position, value in enumerate(dict.fromkeys(values))}
        codes, values = np.array([positions[value] for value in values] + [-1])[codes], list(positions)
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


def _as_numbers(series: pd.Series) -> tuple[str | None, np.ndarray]:
    """Return the kind of a continuous column and its values as float64, NaN where missing."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        kind, of_level = _as_numbers(pd.Series(series.cat.categories, name=series.name))
        return kind if series.notna().any() else None, np.append(of_level, np.nan)[series.cat.codes]
    missing = series.isna().to_numpy()
    if missing.all():
        return None, np.full(len(series), np.nan)
    kind = _kind(pd.Index(series, dtype=series.dtype), series.name)
    if kind == "text":
        raise ValueError(
            f"continuous column {series.name!r} holds text ({series.dtype}); convert it with pandas.to_numeric, "
            "or list it as categorical."
        )
    if kind not in _INTERCHANGEABLE:
        return kind, np.where(missing, np.nan, _microseconds(pd.Index(series, dtype=series.dtype), kind, series.name) / 1e6)
    values = series.to_numpy(np.float64, na_value=np.nan)
    _refuse_infinite(values, series.name)
    return kind, values


def _kind(values: pd.Index, name: str) -> str | None:
    """Return what the values are; None where there is none to tell it by."""
    dtype = values.dtype
    if dtype != object and pd.api.types.is_bool_dtype(dtype):
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


def _from_canonical(values: Sequence[Any] | np.ndarray, kind: str) -> pd.Index:
    if kind == "duration":
        return pd.TimedeltaIndex(np.array(values, "timedelta64[us]"))
    if kind.startswith("date"):
        naive = pd.DatetimeIndex(np.array(values, "datetime64[us]"))
        return naive if kind == "date" else naive.tz_localize("UTC")
    return pd.Index(list(values))
