"""A guess of what the columns of a strange table are: categories, numbers, dates, or nothing to learn from."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

CATEGORIES = 20  # whole numbers with no more different values than this are taken for categories
_LOOKED_AT = 200
_DATE = r"\d{4}-\d{1,2}-\d{1,2}([T ].*)?"


@dataclass
class Columns:
    """The columns of a table by what they are.

    Attributes:
        categorical: Levels.
        continuous: Numbers.
        dates: Turned into year, month, day and so on.
        left_out: Not learned from, with the reason.
    """

    categorical: list[str] = field(default_factory=list)
    continuous: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Return the guess in words, a line per kind."""
        kinds = {"categories": self.categorical, "numbers": self.continuous, "dates": self.dates}
        lines = [f"{name:11} {', '.join(columns)}" for name, columns in kinds.items() if columns]
        return lines + [f"{'left out':11} {name}: {reason}" for name, reason in self.left_out.items()]


def guess_columns(frame: pd.DataFrame, *, without: Sequence[str] = (), dates: Sequence[str] = ()) -> Columns:
    """Look at a table and say what its columns are.

    Args:
        frame: The table.
        without: Columns that are not looked at: the target, ids.
        dates: Columns known to be dates.
    """
    found = Columns()
    for name in frame.columns:
        if name in without:
            continue
        series = frame[name]
        values = series.dropna()
        if name in dates or _is_date(values):
            found.dates.append(name)
        elif values.nunique() < 2:
            found.left_out[name] = "it has a single value" if len(values) else "it has no value"
        elif pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
            _sort_levels(found, name, values)
        elif pd.api.types.is_integer_dtype(values) and values.nunique() <= CATEGORIES:
            found.categorical.append(name)
        elif pd.api.types.is_integer_dtype(values) and values.is_unique and values.is_monotonic_increasing:
            found.left_out[name] = "it counts the rows"
        else:
            found.continuous.append(name)
    return found


def _sort_levels(found: Columns, name: str, values: pd.Series) -> None:
    if values.nunique() > max(50, len(values) // 2):
        found.left_out[name] = f"nearly every row has a value of its own, such as {str(values.iloc[0])[:40]!r}"
    else:
        found.categorical.append(name)


def _is_date(values: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(values):
        return True
    if pd.api.types.is_numeric_dtype(values) or not len(values):
        return False
    return bool(values.head(_LOOKED_AT).astype(str).str.fullmatch(_DATE).all())
