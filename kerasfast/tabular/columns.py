"""What a TableEncoder knows of one column: the levels of a categorical one, the scale of a continuous one."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from kerasfast.tabular.values import INTERCHANGEABLE, as_numbers, check_kind, factorize, from_canonical

UNKNOWN = 0


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
