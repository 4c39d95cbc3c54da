"""Checks of what a `TableEncoder` is told: names of columns, limits by column, which columns get flags."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from kerasfast.basics.arguments import whole


def column_names(names: Sequence[str], role: str) -> list[str]:
    """Return column names as a list, checked: texts, each once."""
    if isinstance(names, Mapping) or not isinstance(names, Iterable) or not getattr(names, "ndim", 1):
        raise TypeError(f"{role} columns must be a list of names; received {names!r:.100}.")
    names = [names] if isinstance(names, str) else list(names)
    wrong = [name for name in names if not isinstance(name, str) or not name]
    if wrong:
        raise TypeError(f"{role} column names must be text; received {wrong}. Rename the columns.")
    if len(set(names)) < len(names):
        raise ValueError(f"{role} columns are listed twice: {sorted({n for n in names if names.count(n) > 1})}.")
    return names


def per_column(
    limit: int | Mapping[str, int] | None, option: str, columns: list[str], *, least: int
) -> int | dict[str, int] | None:
    """Return a limit of levels, checked: a number for all categorical columns, or numbers by column."""
    limits = dict(limit) if isinstance(limit, Mapping) else {None: limit}
    strangers = [name for name in limits if name is not None and name not in columns]
    if strangers:
        raise ValueError(f"`{option}` names {strangers}, which are no categorical columns; these are {columns}.")
    for value in limits.values():
        if not (value is None and option == "max_levels"):
            whole(option, value, least=least)
    return limits if isinstance(limit, Mapping) else limit


def of_column(limit: int | dict[str, int] | None, name: str, default: int | None) -> int | None:
    """Return the limit of one column."""
    return limit.get(name, default) if isinstance(limit, dict) else limit


def flag_choice(choice: str | Sequence[str], continuous: list[str]) -> str | list[str]:
    """Return which continuous columns get a missing-value flag, checked."""
    if isinstance(choice, str):
        if choice not in ("learned", "all", "none"):
            allowed = "'learned', 'all', 'none' or a list of columns"
            raise ValueError(f"`missing_flags` must be {allowed}; received {choice!r}.")
        return choice
    choice = column_names(choice, "flagged")
    strangers = [name for name in choice if name not in continuous]
    if strangers:
        raise ValueError(f"`missing_flags` names {strangers}, which are no continuous columns; these are {continuous}.")
    return list(choice)


def matrix(array: np.ndarray, name: str, width: int) -> np.ndarray:
    """Return an array, checked: (rows, width)."""
    array = np.asarray(array)
    if array.ndim != 2 or array.shape[1] != width:
        raise ValueError(f"`{name}` must have the shape (rows, {width}); received {array.shape}.")
    return array
