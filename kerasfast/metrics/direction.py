"""Whether small or large values of a metric are good: as it says itself, or as Keras knows; never a guess."""

from typing import Any

import keras

from kerasfast.keras_internals import metric_direction

NAMES = {"acc": "up", "accuracy": "up", "ce": "down", "crossentropy": "down"}  # which Keras resolves at `compile` alone


def metric_name(metric: Any) -> str | None:
    """Return the name of a metric in the epoch table; None where that is left to Keras."""
    name = metric if isinstance(metric, str) else getattr(metric, "name", getattr(metric, "__name__", None))
    return name if isinstance(name, str) else None


def lower_is_better(metric: Any) -> bool:
    """Return whether small values of a metric are good: as it says itself, or as Keras knows.

    Raises:
        ValueError: If neither says so; the message tells how to say it.
    """
    known = _known(metric)
    if known is None:
        raise ValueError(
            f"Whether small or large values of the metric {metric_name(metric) or repr(metric)!r} are good is not "
            "known, so no epoch can be called the best. Say so: `ArrayMetric(function, lower_is_better=True)`, or set "
            "`lower_is_better` of the function or the metric's class to True or False."
        )
    return known


def _known(metric: Any) -> bool | None:
    said = getattr(metric, "lower_is_better", None)
    if isinstance(said, bool):
        return said
    if isinstance(metric, keras.losses.Loss):
        return True
    direction = NAMES.get(metric) if isinstance(metric, str) else metric_direction(metric)
    direction = direction or _direction_of_keras(metric)
    if direction is not None:
        return direction == "down"
    for inner in ("function", "func"):  # of an array metric, of a partial function
        if callable(getattr(metric, inner, None)):
            return _known(getattr(metric, inner))
    return None


def _direction_of_keras(metric: Any) -> str | None:
    """Return what Keras knows of a metric of its own, given by its name or as a function."""
    if not isinstance(metric, str):
        if not getattr(metric, "__module__", "").startswith("keras."):
            return None
        metric = getattr(metric, "__name__", "")
    try:
        return metric_direction(keras.metrics.get(metric))
    except ValueError:  # not a name of Keras
        return None
