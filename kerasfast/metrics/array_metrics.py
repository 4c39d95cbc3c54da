"""Metrics that are ordinary functions of arrays, computed after each epoch over the whole validation set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasfast.datasets import batches, targets_of


@dataclass(frozen=True)
class ArrayMetric:
    """A function of NumPy arrays as a metric of a `Learner`, over the whole validation set at once.

    No average over batches: scores such as F-beta, a root of a mean or a rank correlation come out right. Predicting
    takes the place of Keras's own validation, so it costs nothing besides the function.

    Args:
        function: Called with the targets and the predictions of all validation samples; returns a number. Targets (n,)
            come as (n, 1) where the predictions are. A Keras metric will do as well.
        name: Name in the table and the history; the function's by default.
        lower_is_better: Whether small values are good, which decides what `best_save_name` saves; by default what the
            function says itself (its attribute `lower_is_better`) or Keras knows of it.

    Raises:
        ValueError: If `function` cannot be called.

    Example:
        >>> def median_error(targets, predictions):
        ...     return np.median(np.abs(targets - predictions))
        >>> metric = ArrayMetric(median_error)      # as in `Learner(..., metrics=[metric])`
        >>> metric.name, metric(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.5, 9.0]))
        ('median_error', 0.5)
    """

    function: Callable[[np.ndarray, np.ndarray], float]
    name: str = field(default="")
    lower_is_better: bool | None = field(default=None, kw_only=True)

    def __post_init__(self):
        if not callable(self.function):
            raise ValueError(f"`ArrayMetric` takes a function (targets, predictions); received {self.function!r}.")
        if not isinstance(self.name, str):
            raise ValueError(f"`name` must be a text; received {self.name!r:.100}.")
        named = getattr(self.function, "name", getattr(self.function, "__name__", type(self.function).__name__))
        object.__setattr__(self, "name", self.name or str(named).strip("<>"))
        if not isinstance(self.lower_is_better, bool | None):
            raise ValueError(f"`lower_is_better` must be True, False or None; received {self.lower_is_better!r}.")

    def __call__(self, targets: np.ndarray, predictions: np.ndarray) -> float:
        """Return the value of the metric."""
        if isinstance(self.function, keras.metrics.Metric):
            self.function.reset_state()
        value = self.function(targets, predictions)
        if np.size(value) != 1:
            raise ValueError(f"Metric {self.name!r} must return one number; received shape {np.shape(value)}.")
        return float(np.reshape(value, ()))


def array_metrics(metrics: Sequence[Any]) -> list[ArrayMetric]:
    """Return the array metrics of a list, which has no other ones besides them.

    Raises:
        ValueError: If the list mixes them with metrics that Keras computes batch by batch.
    """
    found = [metric for metric in metrics if isinstance(metric, ArrayMetric)]
    if found and len(found) < len(metrics):
        others = [metric for metric in metrics if not isinstance(metric, ArrayMetric)]
        raise ValueError(
            f"`metrics` mixes array metrics with others ({others}); wrap these too: `ArrayMetric(keras_metric)`."
        )
    names = [metric.name for metric in found]
    if len(set(names)) < len(names):
        raise ValueError(f"Array metrics need different names; received {', '.join(names)}. Pass `name`.")
    return found


class ArrayValidation(keras.callbacks.Callback):
    """Predict the validation set after each epoch; add `val_loss` and array metrics to the logs.

    Args:
        metrics: What to compute.
        valid: The validation split, with targets.
        loss: The loss that the model was compiled with.
    """

    def __init__(self, metrics: Sequence[ArrayMetric], valid: Any, loss: Any):
        super().__init__()
        self._metrics, self._valid, self._loss = list(metrics), valid, keras.losses.get(loss)
        self._targets = targets_of(valid)

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        predictions = np.asarray(self.model.predict(batches(self._valid), verbose=0))
        targets = _in_shape_of(predictions, self._targets)
        penalties = sum(float(penalty) for penalty in self.model.losses)
        loss = float(np.mean(keras.ops.convert_to_numpy(self._loss(targets, predictions))))
        if isinstance(self._loss, keras.losses.Loss):  # which divides by the replicas of the scope, for their sum
            loss *= tf.distribute.get_strategy().num_replicas_in_sync
        logs["val_loss"] = loss + penalties
        for metric in self._metrics:
            logs[f"val_{metric.name}"] = metric(targets, predictions)


def _in_shape_of(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return targets (n,) as (n, 1) where predictions are: their difference would be (n, n)."""
    return targets[..., None] if predictions.shape == (*targets.shape, 1) else targets
