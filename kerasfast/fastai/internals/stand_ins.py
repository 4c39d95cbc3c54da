"""What stands in for packages of the course's star imports: optional ones at first use, old ones in a few lines."""

import datetime
import importlib
from typing import Any

import pandas as pd

__all__ = ["DataFrameSummary", "Optional", "OptionalName", "Week"]


class Optional:
    """A package that is imported when a name of it is first used.

    Args:
        module: Its module.
        package: What to install where it is missing.
        **others: Names that are ours instead of the module's.
    """

    def __init__(self, module: str, package: str, **others: Any):
        self._module, self._package = module, package
        vars(self).update(others)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by `copy`, `inspect` and notebooks
            raise AttributeError(name)
        try:
            module = importlib.import_module(self._module)
        except ImportError as error:
            raise ImportError(f"`{self._module}` is not installed: pip install {self._package}") from error
        if hasattr(module, name):
            return getattr(module, name)
        return importlib.import_module(f"{self._module}.{name}")

    def __repr__(self) -> str:
        return f"<{self._module}, imported when it is used>"


class OptionalName:
    """A function or a class of a package that is imported when it is first called.

    Args:
        package: Its package.
        name: Its name.
    """

    def __init__(self, package: Optional, name: str):
        self._package, self._name = package, name

    def __call__(self, *arguments: Any, **others: Any) -> Any:
        return getattr(self._package, self._name)(*arguments, **others)

    def __repr__(self) -> str:
        return f"<{self._name} of {self._package!r}>"


class Week:
    """A week of the ISO calendar, for `Week(year, number).monday()`.

    Args:
        year: The ISO year.
        week: From 1; a number beyond the year's last week goes on in the next year.
    """

    def __init__(self, year: int, week: int):
        self.year, self.week = int(year), int(week)

    def day(self, number: int) -> datetime.date:
        """Return a day of it, Monday 0."""
        return datetime.date.fromisocalendar(self.year, 1, 1) + datetime.timedelta(7 * (self.week - 1) + number)

    def monday(self) -> datetime.date:
        """Return its first day."""
        return self.day(0)

    def sunday(self) -> datetime.date:
        """Return its last day."""
        return self.day(6)

    def __repr__(self) -> str:
        return f"Week({self.year}, {self.week})"


class DataFrameSummary:
    """Counts, missing values and moments of every column.

    Args:
        df: The frame.
    """

    def __init__(self, df: pd.DataFrame):
        self.df = df

    def summary(self) -> pd.DataFrame:
        """Return `df.describe(include="all")` with the numbers of missing and of different values."""
        missing = self.df.isna().sum()
        added = {"missing": missing, "missing_perc": 100 * missing / max(1, len(self.df)), "uniques": self.df.nunique()}
        return pd.concat([self.df.describe(include="all"), pd.DataFrame(added).T])

    columns_stats = property(summary)
