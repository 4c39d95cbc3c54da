"""Metrics and losses of the course: functions (preds, targs), where classes are given as log-probabilities."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from kerasfast.fastai.torch_names.arrays import course_array
from kerasfast.fastai.torch_names.tensors import CourseTensor, plain
from kerasfast.metrics.array_metrics import ArrayMetric


def array_metrics(metrics: Sequence[Callable], as_course: Callable[[Any], Any]) -> list[ArrayMetric]:
    """Return what kerasfast's learner takes, each under a name of its own.

    Args:
        metrics: Functions (preds, targs), Keras metrics or `ArrayMetric`s.
        as_course: From the model's predictions to those that the functions take.
    """
    wrapped = [_array_metric(metric, as_course) for metric in metrics]
    names = [metric.name for metric in wrapped]
    unique = [name if names.index(name) == i else f"{name}_{i}" for i, name in enumerate(names)]
    return [replace(metric, name=name) for metric, name in zip(wrapped, unique, strict=True)]


def as_keras_loss(crit: Any, as_course: Callable[[Any], Any], classes: bool) -> Any:
    """Return a loss for Keras of one of Keras, or of a function (preds, targs) of tensors with torch's methods."""
    if isinstance(crit, (str, keras.losses.Loss)):
        return crit

    def loss(y_true: Any, y_pred: Any) -> Any:
        y_true = keras.ops.cast(y_true, "int64") if classes else y_true  # which Keras gives as floats
        return plain(crit(CourseTensor(as_course(y_pred)), CourseTensor(y_true)))

    return loss


def _array_metric(metric: Callable, as_course: Callable[[Any], Any]) -> ArrayMetric:
    if isinstance(metric, (ArrayMetric, keras.metrics.Metric)):
        return metric if isinstance(metric, ArrayMetric) else ArrayMetric(metric)
    if not callable(metric):
        raise TypeError(f"A metric is a function (preds, targs) of arrays; received {metric!r}.")
    name = getattr(metric, "__name__", None) or getattr(getattr(metric, "func", metric), "__name__", "metric")
    as_tensors = lambda targs, preds: _one_number(metric(course_array(as_course(preds)), course_array(targs)), name)
    said = getattr(metric, "lower_is_better", getattr(getattr(metric, "func", None), "lower_is_better", None))
    return ArrayMetric(as_tensors, name, lower_is_better=said)


def _one_number(value: Any, name: str) -> float:
    """Return what a metric of a lesson gives, maybe an array or a tensor of one number, as that number."""
    found = np.asarray(value)
    if found.size != 1:
        raise ValueError(f"A metric gives one number; `{name}` gave an array of shape {found.shape}: take its mean.")
    return float(found.item())


def log_of(probabilities: Any) -> Any:
    """Return logarithms of an array or a tensor of probabilities; of 0 that of the least float above it."""
    least = math.ldexp(1.0, -126)  # of float32
    if isinstance(probabilities, np.ndarray):
        return np.log(np.maximum(probabilities, least))
    return keras.ops.log(keras.ops.maximum(probabilities, least))
