"""What may be passed as an argument, kind by kind, and values that are tried where they may not be."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np

Legal = Callable[[Any], bool]

# By what a message may call them, so that verdicts can be read.
VALUES: dict[str, Any] = {
    "None": None, "True": True, "'abc'": "abc", "''": "", "'1'": "1", "nan": math.nan, "inf": math.inf,
    "-inf": -math.inf, "-1": -1, "0": 0, "0.5": 0.5, "3.5": 3.5, "-0.5": -0.5, "1e300": 1e300, "10**30": 10**30,
    "int64(1)": np.int64(1), "float32(0.5)": np.float32(0.5), "array(0.5)": np.array(0.5), "array([])": np.array([]),
    "[]": [], "[None]": [None], "[nan]": [math.nan], "['a', 'b']": ["a", "b"], "{}": {}, "{'a': 1}": {"a": 1},
    "object": object(), "b'x'": b"x", "function": lambda *_: None, "1j": 1j, "int": int, "[1, [2]]": [1, [2]],
    "list of 1000": list(range(1000)),
}  # fmt: skip
ACCEPTED_SCALARS = ("int64(1)", "float32(0.5)")


def whole(least: float = -math.inf, most: float = math.inf) -> Legal:
    """Whole numbers within limits."""
    return lambda value: isinstance(value, Integral) and not isinstance(value, bool) and least <= value <= most


def number(
    least: float = -math.inf, most: float = math.inf, *, above: float = -math.inf, below: float = math.inf
) -> Legal:
    """Finite numbers within limits."""

    def legal(value: Any) -> bool:
        real = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
        return real and least <= value <= most and above < value < below

    return legal


def or_none(legal: Legal) -> Legal:
    """None too."""
    return lambda value: value is None or legal(value)


def either(*legal: Legal) -> Legal:
    """What one of several allows."""
    return lambda value: any(one(value) for one in legal)


def flag(value: Any) -> bool:
    """True and False."""
    return isinstance(value, (bool, np.bool_)) or (isinstance(value, Integral) and value in (0, 1))


def text(value: Any) -> bool:
    """Any text but an empty one."""
    return isinstance(value, str) and value != ""


def path(value: Any) -> bool:
    """A path; an empty one is the working directory."""
    return isinstance(value, (str, os.PathLike))


def rates(value: Any) -> bool:
    """One finite number of 0 or more, or a list with one."""
    try:
        array = np.atleast_1d(np.asarray(value))
    except ValueError:
        return False
    right = array.dtype.kind in "iuf" and array.ndim == 1 and len(array) == 1
    return right and bool(np.isfinite(array).all()) and bool((array >= 0).all())


def function(value: Any) -> bool:
    """What can be called."""
    return callable(value)


def nothing(value: Any) -> bool:
    """None of the values that are tried: data, models, frames."""
    return False


def anything(value: Any) -> bool:
    """Not tried: whatever is passed is as good as any other, or is Keras's own affair."""
    return True


def empty(value: Any) -> bool:
    """An empty list or array, or None."""
    return value is None or (isinstance(value, (list, tuple)) and not value) or getattr(value, "shape", None) == (0,)


def two(value: Any) -> bool:
    """A list of two things, which may be anything."""
    return isinstance(value, list) and len(value) == 2


def two_texts(value: Any) -> bool:
    """A list of two texts."""
    return two(value) and all(isinstance(one, str) for one in value)


def no_mapping(value: Any) -> bool:
    """A mapping without entries."""
    return isinstance(value, dict) and not value


def scalar_array(value: Any) -> bool:
    """The array without axes among the values, which is a number."""
    return isinstance(value, np.ndarray) and value.ndim == 0


def whole_numbers(value: Any) -> bool:
    """The list of class numbers among the values."""
    return isinstance(value, list) and len(value) == 1000


# By name of the parameter, since names mean the same everywhere; `calls` has the exceptions.
PARAMETERS: dict[str, Legal] = {
    "lrs": rates, "learning_rates": rates, "learning_rate": number(0), "start": rates, "wds": or_none(rates),
    "weight_decays": or_none(rates), "n_cycle": whole(1), "cycle_len": or_none(whole(1)), "cycle_mult": whole(1),
    "use_clr": or_none(nothing), "use_clr_beta": or_none(nothing), "div": number(above=1), "tail": number(0, below=1),
    "momentum": nothing, "epochs": whole(1), "end": number(above=0), "steps": whole(1), "seed": whole(0),
    "is_test": flag, "freeze": flag, "precompute": flag, "accelerate": flag, "progress": flag, "header": flag,
    "batch_norm": flag, "log": flag, "linear": flag, "outside_links": flag, "test_labelled": flag,
    "restore_best": flag, "weights_only": flag, "quote_formulas": flag, "standardize": flag, "separate_missing": flag,
    "resume": either(flag, text), "cycle_save_name": or_none(text), "best_save_name": or_none(text),
    "batch_size": whole(1), "valid_fraction": number(above=0, below=1), "clip": or_none(number(above=0)),
    "steps_per_execution": whole(1), "hidden": nothing, "dropout": number(0, below=1), "factors": whole(1),
    "members": whole(1), "threshold": number(0, 1), "beta": number(above=0), "folds": whole(2), "fold": whole(0),
    "bins": whole(1), "count": whole(1), "resamples": whole(0), "level": number(above=0, below=1),
    "temperature": number(above=0), "n_aug": whole(0), "rows": whole(1), "repeats": whole(1), "cycles": whole(1),
    "size": whole(1), "cycle_length": number(above=0), "length": number(above=0), "power": number(above=0),
    "name": text, "path": or_none(path), "callbacks": empty, "metrics": anything, "loss": anything,
    "optimizer": function, "jit_compile": anything, "groups": nothing, "data": nothing, "frame": nothing,
    "model": nothing, "kind": nothing, "targets": nothing, "predictions": nothing, "classes": nothing,
    "label_smoothing": number(0, below=1), "top_k": or_none(whole(1)), "on_error": nothing,
    "unknown_rate": number(0, below=1), "embedding_dropout": number(0, below=1), "y_range": or_none(nothing),
    "ax": or_none(nothing), "title": anything,
}  # fmt: skip
