"""Columns of dates as a model takes them: a few calendar parts, read from text in the one form that training showed."""

import dataclasses
import warnings
from collections.abc import Sequence

import pandas as pd
from pandas.tseries.api import guess_datetime_format

from kerasfast.tabular.column_kinds import single_column
from kerasfast.tabular.features.dates import add_date_parts

PARTS = {"categorical": ("Month", "Dayofweek"), "continuous": ("Year", "Day", "Dayofyear", "Hour", "Elapsed")}


def made_columns(names: Sequence[str], kind: str | None = None) -> list[str]:
    """Return the names of the columns that date columns become.

    Args:
        names: Date columns.
        kind: Only the "categorical" or the "continuous" ones.
    """
    kinds = [kind] if kind else list(PARTS)
    return [f"{name}_{part}" for one in kinds for name in names for part in PARTS[one]]


@dataclasses.dataclass
class DateColumn:
    """A column of dates, or of text that reads as dates.

    Attributes:
        name: The column.
        date_format: How to read text, learned from the first rows seen; None for columns of dates.
    """

    name: str
    date_format: str | None = None

    def parts(self, frame: pd.DataFrame) -> dict[str, pd.Series]:
        """Return the columns that the dates become.

        Raises:
            ValueError: If text is no date of the learned form; or of several forms, where none is learned yet.
        """
        series = single_column(frame, self.name)
        if self.date_format is None and is_text(series):
            self.date_format = date_format_of(series)
            if self.date_format is None:
                raise ValueError(
                    f"column {self.name!r} holds text that is no date, or dates of several forms, such as "
                    f"{series.dropna().iloc[0]!r}; convert it with pandas.to_datetime."
                )
        made = add_date_parts(
            series.to_frame(), self.name, prefix=f"{self.name}_", time=True, date_format=self.date_format
        )
        return {name: made[name] for name in made_columns([self.name])}


def is_text(series: pd.Series) -> bool:
    """Return whether all values that are not missing are text."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = pd.Series(series.cat.categories)
    return pd.api.types.infer_dtype(series, skipna=True) == "string"


def date_format_of(series: pd.Series) -> str | None:
    """Return the form, as in `pandas.to_datetime`, in which all text of a column reads as dates; None if there is none.

    Where days and months could change places, the month comes first.
    """
    different = series.dropna().drop_duplicates().astype(str)
    if different.empty:
        return None
    # The longest text shows most of the form: a fraction of a second may be absent elsewhere.
    example = different.loc[different.str.len().idxmax()] if different.index.is_unique else max(different, key=len)
    for day_first in (False, True):
        with warnings.catch_warnings(action="ignore"):  # that 31/1 has the day first; which is what is found out here
            guess = guess_datetime_format(example, dayfirst=day_first)
        if guess and pd.to_datetime(different, format=guess, errors="coerce", utc="%z" in guess).notna().all():
            return guess
    return None
