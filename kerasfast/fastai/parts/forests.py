"""The course's limit of the rows that a tree of a random forest is grown from."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasfast.basics.arguments import whole

__all__ = ["reset_rf_samples", "set_rf_samples"]


def set_rf_samples(n: int) -> None:
    """Grow each tree of scikit-learn's random forests from `n` rows drawn for it, until `reset_rf_samples()`.

    Forests that were made with a `max_samples` of their own, or with `bootstrap=False`, keep to that. In a forest of
    one process, or several threads; `max_samples=n` of the forest itself does the same everywhere.
    """
    most = whole("n", n)
    reset_rf_samples()
    for kind in _kinds():
        kind.fit = _limited(kind.fit, most)


def reset_rf_samples() -> None:
    """Let random forests draw as many rows as there are again."""
    for kind in _kinds():
        if hasattr(vars(kind).get("fit"), "limit"):
            del kind.fit


def _limited(fit: Callable, most: int) -> Callable:
    @functools.wraps(fit)
    def limited(forest: Any, X: Any, *arguments: Any, **others: Any) -> Any:
        if not forest.bootstrap or forest.max_samples is not None:
            return fit(forest, X, *arguments, **others)
        try:
            forest.max_samples = min(most, np.shape(X)[0])
            return fit(forest, X, *arguments, **others)
        finally:
            forest.max_samples = None

    limited.limit = most  # type: ignore[attr-defined]
    return limited


def _kinds() -> tuple[type, type]:
    try:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    except ImportError as error:
        raise ImportError("Random forests are scikit-learn's: pip install scikit-learn") from error
    return RandomForestClassifier, RandomForestRegressor
