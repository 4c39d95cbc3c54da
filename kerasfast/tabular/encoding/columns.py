"""What a TableEncoder knows of one column, levels or a scale, and how it learns that from parts of a table."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from kerasfast.basics.arguments import choice, number, whole
from kerasfast.tabular.column_kinds import (
    INTERCHANGEABLE,
    KINDS,
    as_numbers,
    check_kind,
    common_kind,
    factorize,
    from_canonical,
)

UNKNOWN = 0
# The median is exact up to that many rows, or up to the rows of the largest part.
_SAMPLE = 2**20


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

    @property
    def cardinality(self) -> int:
        """The number of codes, the unknown slot included."""
        return len(self.levels) + 1 + (self.missing_code != UNKNOWN)

    def encode(self, series: pd.Series) -> np.ndarray:
        """Return the codes (rows,) int32; a level that training did not show is unknown."""
        kind, codes, values, _ = factorize(series)
        check_kind(series, self.kind, kind)
        known = {level: code for code, level in enumerate(self.levels, start=1)}
        of_value = [known.get(value, UNKNOWN) for value in values] + [self.missing_code]
        return np.array(of_value, np.int32)[codes]

    def decode(self, codes: np.ndarray) -> pd.Categorical:
        """Return ordered categories, missing where the code is unknown (or stands for missing)."""
        codes = np.asarray(codes)
        if len(codes) and (codes.min() < 0 or codes.max() >= self.cardinality):
            raise ValueError(
                f"codes of column {self.name!r} must lie in 0..{self.cardinality - 1}; "
                f"received {codes.min()}..{codes.max()}."
            )
        positions = np.where(codes > len(self.levels), -1, codes - 1)
        return pd.Categorical.from_codes(positions, categories=self.readable_levels(), ordered=True)

    def readable_levels(self) -> pd.Index:
        """The levels as pandas values, in the order of codes 1, 2, ..."""
        return from_canonical(self.levels, self.kind)

    def to_json(self) -> dict[str, Any]:
        levels = list(self.levels)
        if self.kind.startswith("date"):
            levels = np.array(levels, "datetime64[us]").astype(str).tolist()
        return {"name": self.name, "kind": self.kind, "levels": levels, "missing_code": self.missing_code}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "CategoryColumn":
        """Return the column that `to_json` described; KeyError, TypeError or ValueError where that makes no sense."""
        levels, missing = stored["levels"], stored["missing_code"]
        if choice("kind", stored["kind"], KINDS).startswith("date"):
            levels = np.array(levels, "datetime64[us]").astype(np.int64).tolist()
        if not isinstance(levels, list) or not all(isinstance(level, (str, int, float)) for level in levels):
            raise TypeError(f"the levels of {stored['name']!r} are {levels!r:.60}")
        if missing != UNKNOWN and whole("missing_code", missing) != len(levels) + 1:
            raise ValueError(f"the code of missing values of {stored['name']!r} is {missing}")
        return cls(stored["name"], stored["kind"], tuple(levels), missing)


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
    def from_json(cls, stored: dict[str, Any]) -> "NumberColumn":
        """Return the column with these fields; TypeError or ValueError where they make no sense."""
        column = cls(**stored)
        choice("kind", column.kind, KINDS)
        number("mean", column.mean)
        number("scale", column.scale, above=0)
        number("fill", column.fill)
        return column

    @property
    def flag_name(self) -> str:
        return f"{self.name}_na"

    @property
    def encoded_fill(self) -> float:
        """What a missing value becomes."""
        return (self.fill - self.mean) / self.scale

    def encode(self, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """Return the scaled values and which were missing, each (rows,)."""
        kind, raw = as_numbers(series)
        check_kind(series, self.kind, kind)
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
        if self.kind in INTERCHANGEABLE:
            return pd.Series(plain, name=self.name)
        absent = np.isnan(plain)
        microseconds = np.where(absent, 0, np.rint(plain * 1e6)).astype(np.int64)
        return pd.Series(from_canonical(microseconds, self.kind), name=self.name).mask(absent)


class ColumnStatistics:
    """What is known of a column whose rows come in parts.

    Args:
        name: the column.
    """

    role: str

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = 0
        self._kind: str | None = None

    def _add_rows(self, series: pd.Series, kind: str | None) -> None:
        self._kind = common_kind(series, self._kind, kind)
        self.rows += len(series)

    def _known_kind(self) -> str:
        if self._kind is None:
            raise ValueError(f"{self.role} column {self.name!r} has no value in any of {self.rows} rows; leave it out.")
        return self._kind


class CategoryStatistics(ColumnStatistics):
    """Counts the levels of a categorical column."""

    role = "categorical"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._counts: dict[Any, int] = {}
        self._in_order = True
        self._missing = False

    @property
    def levels(self) -> int:
        """The number of different levels so far."""
        return len(self._counts)

    def update(self, series: pd.Series) -> None:
        """Count the next rows."""
        kind, codes, values, in_order = factorize(series)
        self._add_rows(series, kind)
        self._in_order &= in_order
        self._missing |= bool((codes < 0).any())
        for value, count in zip(values, np.bincount(codes[codes >= 0], minlength=len(values)).tolist(), strict=True):
            self._counts[value] = self._counts.get(value, 0) + count

    def column(self, *, max_levels: int | None, min_count: int, separate_missing: bool) -> CategoryColumn:
        """Return the levels that occurred at least `min_count` times, of these the `max_levels` most frequent.

        Raises:
            ValueError: there is no value, or no level that frequent.
        """
        kind = self._known_kind()
        kept = [level for level in self._ordered_levels() if self._counts[level] >= min_count]
        if max_levels is not None and len(kept) > max_levels:
            frequent = set(sorted(kept, key=lambda level: -self._counts[level])[:max_levels])
            kept = [level for level in kept if level in frequent]
        if not kept:
            raise ValueError(
                f"no level of categorical column {self.name!r} occurs {min_count} times; "
                "lower `min_count` or leave it out."
            )
        missing_code = len(kept) + 1 if separate_missing and self._missing else UNKNOWN
        if kind == "number":
            kept = [int(level) if isinstance(level, bool) else level for level in kept]
        return CategoryColumn(self.name, kind, tuple(kept), missing_code)

    def _ordered_levels(self) -> list[Any]:
        return list(self._counts) if self._in_order else sorted(self._counts)


class Moments:
    """Mean and deviation of numbers, or of several columns of them, that come in parts (Chan et al. 1979).

    Attributes:
        count: Values so far, or the sum of their weights.
        mean: Of them.
    """

    def __init__(self) -> None:
        self.count: float = 0
        self.mean: float | np.ndarray = 0.0
        self._squares: float | np.ndarray = 0.0

    @property
    def deviation(self) -> float | np.ndarray:
        """The standard deviation of the values so far."""
        return np.sqrt(self._squares / self.count)

    def add(self, count: float, mean: float | np.ndarray, squares: float | np.ndarray) -> None:
        """Join the mean and the sum of the squared deviations of further values to those so far."""
        if not count:
            return
        total = self.count + count
        distance = mean - self.mean
        with np.errstate(over="ignore", invalid="ignore"):
            self._squares = self._squares + squares + distance * distance * (self.count * count / total)
            self.mean = self.mean + distance * (count / total)
        self.count = total


class NumberStatistics(ColumnStatistics):
    """Measures a continuous column: mean and deviation, and a sample for the median."""

    role = "continuous"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._moments = Moments()
        self._least, self._most = np.inf, -np.inf
        self._sample, self._keys = np.empty(0), np.empty(0)
        self._largest_part = 0
        self._generator = np.random.default_rng(0)

    def update(self, series: pd.Series) -> None:
        """Measure the next rows."""
        kind, values = as_numbers(series)
        self._add_rows(series, kind)
        self._largest_part = max(self._largest_part, len(values))
        values = values[~np.isnan(values)]
        if not len(values):
            return
        self._least, self._most = min(self._least, values.min()), max(self._most, values.max())
        with np.errstate(over="ignore", invalid="ignore"):
            mean = values.mean()
            self._moments.add(len(values), mean, np.square(values - mean).sum())
        self._add_to_sample(values)

    def column(self, *, standardize: bool, flag_missing: bool, flag_always: bool) -> NumberColumn:
        """Return the scale, the fill, and a flag where values were missing or one is forced.

        Raises:
            ValueError: there is no value, or they are too large.
        """
        kind = self._known_kind()
        missing = self.rows - self._moments.count
        fill = float(np.median(self._sample))
        self._moments.add(missing, fill, 0.0)
        mean, scale = self._mean_and_scale() if standardize else (0.0, 1.0)
        if not np.isfinite([fill, mean, scale]).all():
            raise ValueError(f"continuous column {self.name!r} has values too large to standardize; rescale it first.")
        return NumberColumn(self.name, kind, mean, scale, fill, flag_always or (flag_missing and missing > 0))

    def _mean_and_scale(self) -> tuple[float, float]:
        # Rounding gives a constant column a tiny deviation, which would blow a new value up.
        if self._least == self._most:
            return float(self._least), 1.0
        return float(self._moments.mean), float(self._moments.deviation)

    def _add_to_sample(self, values: np.ndarray) -> None:
        """Keep the values with the smallest random keys: every value so far is as likely to be among them."""
        self._sample = np.concatenate([self._sample, values])
        limit = max(_SAMPLE, self._largest_part)
        self._keys = np.concatenate([self._keys, self._generator.random(len(values))])
        if len(self._sample) > limit:
            kept = np.argpartition(self._keys, limit)[:limit]
            self._sample, self._keys = self._sample[kept], self._keys[kept]
