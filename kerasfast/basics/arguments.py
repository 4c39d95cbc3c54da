"""Checks of arguments: one rule for whole numbers, numbers and choices, and one form of error for all of them."""

import difflib
import math
import os
import pathlib
from collections.abc import Callable, Collection, Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

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


def flag(name: str, value: Any) -> bool:
    """Return `value` as a `bool`, where it is True, False, 1 or 0; `"False"`, None and lists are no flags.

    Raises:
        ValueError: For anything else.

    Example:
        >>> flag("flip", "no")
        Traceback (most recent call last):
        ...
        ValueError: `flip` must be True or False; received 'no'.
    """
    if not isinstance(value, (bool, np.bool_)) and not (isinstance(value, Integral) and value in (0, 1)):
        raise ValueError(f"`{name}` must be True or False; received {value!r:.100}.")
    return bool(value)


def text(name: str, value: Any) -> str:
    """Return `value`, where it is a text that is not empty.

    Raises:
        ValueError: For anything else.
    """
    if not isinstance(value, str) or not value:
        raise ValueError(f"`{name}` must be a text; received {value!r:.100}.")
    return value


def function(name: str, value: Any) -> Callable[..., Any]:
    """Return `value`, where it can be called.

    Raises:
        ValueError: For anything else.
    """
    if not callable(value):
        raise ValueError(f"`{name}` must be a function; received {value!r:.100}.")
    return value


def names(name: str, value: Any, *, least: int = 0) -> list[str]:
    """Return texts in a list, tuple, array or index as a list; one text alone is no list of names.

    Raises:
        ValueError: For anything else, or fewer than `least`.

    Example:
        >>> names("classes", "cat")
        Traceback (most recent call last):
        ...
        ValueError: `classes` must be a list of texts; received 'cat'.
    """
    several = isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)) and getattr(value, "ndim", 1)
    listed = list(value) if several else []
    if not several or len(listed) < least or not all(isinstance(one, str) for one in listed):
        wanted = "a list of texts" if least == 0 else f"a list of texts, {least} or more"
        raise ValueError(f"`{name}` must be {wanted}; received {value!r:.100}.")
    return listed


def path(name: str, value: Any) -> pathlib.Path:
    """Return a text or a path as a path, `~` meaning the home folder.

    Raises:
        ValueError: For anything else.
    """
    if not isinstance(value, (str, os.PathLike)) or isinstance(os.fspath(value), bytes):
        raise ValueError(f"`{name}` must be a path; received {value!r:.100}.")
    return pathlib.Path(value).expanduser()


def limits_of(name: str, value: Any, count: int) -> np.ndarray:
    """Return one number from 0 to 1, or as many as `count`, as an array (count,).

    Raises:
        ValueError: For anything else.
    """
    single = isinstance(value, Real)
    limits = (
        np.array([number(name, value, least=0, most=1)]) if single else numbers(name, value, axes=1).astype(np.float64)
    )
    if len(limits) not in (1, count) or (len(limits) == 1 != count and not single):
        raise ValueError(f"`{name}` must be one number, or {count}, one for each; received {len(limits)}.")
    if limits.min() < 0 or limits.max() > 1:
        raise ValueError(f"`{name}` must be from 0 to 1; received {value!r:.100}.")
    return np.broadcast_to(limits, (count,))


def numbers(name: str, value: Any, *, axes: int | None = None, finite: bool = True) -> np.ndarray:
    """Return numbers as an array of their own type.

    Args:
        name: Of the argument.
        value: An array, or lists.
        axes: How many there must be, none of them empty; None for any number.
        finite: Whether NaN and infinities are refused.

    Raises:
        ValueError: For anything else.
    """
    try:
        array = np.asarray(value)
        right = array.dtype.kind in "biuf" and (axes is None or (array.ndim == axes and array.size > 0))
        right = right and (not finite or bool(np.isfinite(array).all()))
    except ValueError:  # lists of unequal length
        right = False
    if not right:
        kind = {None: "numbers", 1: "a list of numbers", 2: "rows of numbers"}.get(axes, f"an array of {axes} axes")
        raise ValueError(f"`{name}` must be {'finite ' * (finite and axes is None)}{kind}; received {value!r:.100}.")
    return array


def array(name: str, value: Any) -> np.ndarray:
    """Return an array, or lists as one.

    Raises:
        ValueError: For lists of unequal length.
    """
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array or lists of equal length; received {value!r:.100}.") from error


def sized(name: str, value: Any) -> Any:
    """Return `value`, where it is a list, an array or the like, of anything; a text or a mapping is none.

    Raises:
        ValueError: For anything else.
    """
    no_list = isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__len__")
    if no_list or not getattr(value, "ndim", 1):
        raise ValueError(f"`{name}` must be a list; received {value!r:.100}.")
    return value
