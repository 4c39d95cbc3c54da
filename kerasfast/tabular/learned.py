"""What is counted of a column while a training table goes by in parts: levels, means, deviations, medians."""

from typing import Any

import numpy as np
import pandas as pd

from kerasfast.tabular.columns import UNKNOWN, CategoryColumn, NumberColumn
from kerasfast.tabular.values import as_numbers, common_kind, factorize

# The median is exact up to that many rows, or up to the rows of the largest part.
_SAMPLE = 2**20


class CategoryStatistics:
    """Counts the levels of a categorical column.

    Args:
        name: the column.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = 0
        self._kind: str | None = None
        self._counts: dict[Any, int] = {}
        self._in_order = True
        self._missing = False

    def update(self, series: pd.Series) -> None:
        """Count the next rows."""
        kind, codes, values, in_order = factorize(series)
        self._kind = common_kind(series, self._kind, kind)
        self.rows += len(series)
        self._in_order &= in_order
        self._missing |= bool((codes < 0).any())
        for value, count in zip(values, np.bincount(codes[codes >= 0], minlength=len(values)).tolist(), strict=True):
            self._counts[value] = self._counts.get(value, 0) + count

    def column(self, *, max_levels: int | None, min_count: int, separate_missing: bool) -> CategoryColumn:
        """Return the levels that occurred at least `min_count` times, of these the `max_levels` most frequent.

        Raises:
            ValueError: there is no value, or no level that frequent.
        """
        if self._kind is None:
            raise ValueError(f"categorical column {self.name!r} has no value in any of {self.rows} rows; leave it out.")
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
        if self._kind == "number":
            kept = [int(level) if isinstance(level, bool) else level for level in kept]
        return CategoryColumn(self.name, self._kind, tuple(kept), missing_code)

    def _ordered_levels(self) -> list[Any]:
        return list(self._counts) if self._in_order else sorted(self._counts)


class NumberStatistics:
    """Measures a continuous column: mean and squared deviations (Chan et al. 1979), and a sample for the median.

    Args:
        name: the column.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = 0
        self._kind: str | None = None
        self._known = 0
        self._mean = 0.0
        self._squares = 0.0
        self._least, self._most = np.inf, -np.inf
        self._sample, self._keys = np.empty(0), np.empty(0)
        self._largest_part = 0
        self._generator = np.random.default_rng(0)

    def update(self, series: pd.Series) -> None:
        """Measure the next rows."""
        kind, values = as_numbers(series)
        self._kind = common_kind(series, self._kind, kind)
        self.rows += len(values)
        self._largest_part = max(self._largest_part, len(values))
        values = values[~np.isnan(values)]
        if not len(values):
            return
        self._least, self._most = min(self._least, values.min()), max(self._most, values.max())
        with np.errstate(over="ignore", invalid="ignore"):
            mean = values.mean()
            self._merge(len(values), mean, np.square(values - mean).sum())
        self._add_to_sample(values)

    def column(self, *, standardize: bool, flag_missing: bool, flag_always: bool) -> NumberColumn:
        """Return the scale, the fill, and a flag where values were missing or one is forced.

        Raises:
            ValueError: there is no value, or they are too large.
        """
        if self._kind is None:
            raise ValueError(f"continuous column {self.name!r} has no value in any of {self.rows} rows; leave it out.")
        missing = self.rows - self._known
        fill = float(np.median(self._sample))
        self._merge(missing, fill, 0.0)
        mean, scale = self._mean_and_scale() if standardize else (0.0, 1.0)
        if not np.isfinite([fill, mean, scale]).all():
            raise ValueError(f"continuous column {self.name!r} has values too large to standardize; rescale it first.")
        return NumberColumn(self.name, self._kind, mean, scale, fill, flag_always or (flag_missing and missing > 0))

    def _mean_and_scale(self) -> tuple[float, float]:
        # Rounding gives a constant column a tiny deviation, which would blow a new value up.
        if self._least == self._most:
            return float(self._least), 1.0
        return float(self._mean), float(np.sqrt(self._squares / self._known))

    def _merge(self, count: int, mean: float, squares: float) -> None:
        """Join the mean and the squared deviations of further values to those so far."""
        if not count:
            return
        total = self._known + count
        distance = mean - self._mean
        with np.errstate(over="ignore", invalid="ignore"):
            self._squares += squares + distance * distance * (self._known * count / total)
            self._mean += distance * (count / total)
        self._known = total

    def _add_to_sample(self, values: np.ndarray) -> None:
        """Keep the values with the smallest random keys: every value so far is as likely to be among them."""
        self._sample = np.concatenate([self._sample, values])
        limit = max(_SAMPLE, self._largest_part)
        self._keys = np.concatenate([self._keys, self._generator.random(len(values))])
        if len(self._sample) > limit:
            kept = np.argpartition(self._keys, limit)[:limit]
            self._sample, self._keys = self._sample[kept], self._keys[kept]
