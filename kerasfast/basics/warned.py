"""Warnings at the line of whoever called kerasfast, and what is worth one."""

import sys
import warnings
from collections.abc import Iterable
from typing import Any


def warn_caller(message: str) -> None:
    """Warn at the line of the first caller outside kerasfast, whichever of our functions it went through."""
    level, frame = 2, sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == "kerasfast":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def alike_names(names: Iterable[Any]) -> str:
    """Return in words the first two names that differ in blanks or capitals alone; an empty text where none do.

    Example:
        >>> alike_names(["cat", "dog", "Cat"])
        "'cat' and 'Cat', which differ in blanks or capitals alone"
    """
    seen: dict[str, str] = {}
    for name in names:
        if isinstance(name, str):
            first = seen.setdefault("".join(name.split()).casefold(), name)
            if first != name:
                return f"{first!r} and {name!r}, which differ in blanks or capitals alone"
    return ""
