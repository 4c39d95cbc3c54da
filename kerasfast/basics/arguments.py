"""Checks of arguments: one rule for whole numbers, numbers and choices, and one form of error for all of them."""

import difflib
import math
from collections.abc import Collection
from numbers import Integral, Real
from typing import Any

TARGET_KINDS = ("single", "multi", "regression")  # one class, several tags, numbers


def whole(name: str, value: Any, *, least: int = 1, most: int | None = None) -> int:
    """Return `value` as an `int`, where it is a whole number from `least` to `most`.

    NumPy's integers count as whole numbers; `True`, 2.0 and "2" do not.

    Raises:
        ValueError: For anything else.

    Example:
        >>> whole("epochs", 3)
        3
        >>> whole("epochs", 0)
        Traceback (most recent call last):
        ...
        ValueError: `epochs` must be a whole number, 1 or more; received 0.
    """
    right = isinstance(value, Integral) and not isinstance(value, bool)
    if not right or value < least or (most is not None and value > most):
        allowed = f"{least} or more" if most is None else f"from {least} to {most}"
        raise ValueError(f"`{name}` must be a whole number, {allowed}; received {value!r}.")
    return int(value)


def number(
    name: str,
    value: Any,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
) -> float:
    """Return `value` as a `float`, where it is a finite number, `least <= value <= most` and `above < value < below`.

    NumPy's numbers count; `True`, NaN, infinities and "0.1" do not.

    Raises:
        ValueError: For anything else.

    Example:
        >>> number("dropout", 0.5, least=0, below=1)
        0.5
        >>> number("dropout", 1, least=0, below=1)
        Traceback (most recent call last):
        ...
        ValueError: `dropout` must be a number, 0 or more and below 1; received 1.
    """
    right = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if not (right and least <= value <= most and above < value < below):
        limits = [(least, "{} or more"), (above, "above {}"), (most, "{} or less"), (below, "below {}")]
        said = " and ".join(words.format(limit) for limit, words in limits if math.isfinite(limit))
        raise ValueError(f"`{name}` must be a {f'number, {said}' if said else 'finite number'}; received {value!r}.")
    return float(value)


def choice(name: str, value: Any, allowed: Collection[str]) -> str:
    """Return `value`, where it is one of `allowed`.

    Raises:
        ValueError: For anything else, with the nearest allowed value.

    Example:
        >>> choice("pool", "average", ["avg", "max"])
        Traceback (most recent call last):
        ...
        ValueError: `pool` must be one of 'avg', 'max'; received 'average'. Did you mean 'avg'?
    """
    if not isinstance(value, str) or value not in allowed:
        near = difflib.get_close_matches(str(value), list(allowed), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        listed = ", ".join(repr(one) for one in allowed)
        raise ValueError(f"`{name}` must be one of {listed}; received {value!r}.{hint}")
    return value
