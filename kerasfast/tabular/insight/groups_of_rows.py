"""What figures are told by: columns, levels, ranges of numbers and of time; a mean with its interval."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.features.date_columns import made_columns

Columns = Mapping[str, tuple[Sequence[int], Sequence[int]]]
"""Positions of each column among codes and values."""
_WIDE = 1.96  # standard errors


def row_groups(series: pd.Series, kind: str, bins: int) -> pd.Categorical:
    """Return the level or the range of a column that each row is in.

    Args:
        series: The column; of dates seconds since 1970.
        kind: "category", "number" or "date".
        bins: Ranges of numbers and dates, with about as many rows each.

    Example:
        >>> list(row_groups(pd.Series(["a", None]), "category", 2))
        ['a', 'unknown']
    """
    if kind == "category":
        return pd.Categorical(series.astype(object).where(series.notna(), "unknown").astype(str))
    if kind == "number":
        return pd.Categorical(pd.qcut(series, bins, duplicates="drop"))
    return _date_ranges(pd.to_datetime(series.round(), unit="s"), bins)


def mean_with_interval(name: str, values: np.ndarray) -> dict[str, float]:
    """Return the mean of values (n,) as `name`, and where it would lie with others, 19 times in 20."""
    mean, spread = float(values.mean()), _WIDE * float(values.std() / np.sqrt(len(values)))
    return {name: mean, f"{name}_low": mean - spread, f"{name}_high": mean + spread}


def with_dates(positions: Columns, encoder: TableEncoder | None) -> dict[str, tuple[list[int], list[int]]]:
    """Return the positions with the parts of each date under its name."""
    parts = {} if encoder is None else {part: date for date in encoder.dates for part in made_columns([date])}
    joined: dict[str, tuple[list[int], list[int]]] = {}
    for name, (codes, values) in positions.items():
        own = joined.setdefault(parts.get(name, name), ([], []))
        own[0].extend(codes)
        own[1].extend(values)
    return joined


def _date_ranges(days: pd.Series, bins: int) -> pd.Categorical:
    """Return spans of time with about as many rows each, named by their first day."""
    edges = np.unique(days.quantile(np.linspace(0, 1, bins + 1)[:-1]).dt.normalize().to_numpy())
    place = np.searchsorted(edges, days.to_numpy(), side="right") - 1
    return pd.Categorical.from_codes(np.maximum(place, 0), [f"from {str(edge)[:10]}" for edge in edges])
