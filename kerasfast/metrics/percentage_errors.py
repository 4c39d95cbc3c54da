"""Root mean squared percentage error, Rossmann's metric, over the whole epoch; of numbers or of their logarithms."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasfast.basics.arguments import numbers
from kerasfast.keras_internals import better


@keras.saving.register_keras_serializable("kerasfast")
@better("down")
class RMSPE(keras.metrics.Metric):
    """Root mean squared percentage error: `sqrt(mean(((y_true - y_pred) / y_true) ** 2))`, a fraction.

    Targets of 0 have no percentage and are left out, as Kaggle's Rossmann competition does.

    Args:
        log: Whether targets and predictions are natural logarithms; then both are exponentiated first.
        name: Name in the logs.
        dtype: Precision to accumulate in.

    Example:
        >>> metric = RMSPE()
        >>> metric.update_state([100.0, 0.0, 200.0], [90.0, 5.0, 220.0])
        >>> round(float(metric.result()), 3)
        0.1
    """

    def __init__(self, log: bool = False, name: str = "rmspe", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.log = log
        self.squares = self.add_weight(shape=(), initializer="zeros", name="squares")
        self.count = self.add_weight(shape=(), initializer="zeros", name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and predictions of the same number of elements, and optionally weights per row."""
        y_pred = ops.cast(y_pred, self.dtype)
        y_true = ops.reshape(ops.cast(y_true, self.dtype), ops.shape(y_pred))
        if self.log:
            ratio, known = 1 - ops.exp(y_pred - y_true), ops.ones_like(y_true)
        else:
            known = ops.cast(y_true != 0, self.dtype)
            ratio = (y_true - y_pred) / ops.where(known > 0, y_true, 1.0)
        if sample_weight is not None:
            weights = ops.cast(sample_weight, self.dtype)
            known *= ops.reshape(weights, (-1,) + (1,) * (len(known.shape) - 1))
        self.squares.assign_add(ops.sum(known * ratio**2))
        self.count.assign_add(ops.sum(known))

    def result(self) -> Any:
        """Return the error of all batches since `reset_state`; 0 before the first."""
        return ops.sqrt(ops.divide_no_nan(self.squares, self.count))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this metric."""
        return {**super().get_config(), "log": self.log}


def rmspe() -> RMSPE:
    """Return Rossmann's metric for a model that learns the numbers themselves.

    Returns:
        A new `RMSPE`.

    Example:
        >>> rmspe().name
        'rmspe'
    """
    return RMSPE()


def exp_rmspe() -> RMSPE:
    """Return the metric of the Rossmann lesson: RMSPE of a model that learns logarithms.

    Returns:
        A new `RMSPE(log=True)`.

    Example:
        >>> metric = exp_rmspe()
        >>> metric.update_state(np.log([100.0, 200.0]), np.log([90.0, 220.0]))
        >>> round(float(metric.result()), 3)
        0.1
    """
    return RMSPE(log=True, name="exp_rmspe")


@better("down")
def rmspe_score(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Return the RMSPE of arrays of the same shape; targets of 0 are left out.

    Args:
        targets: Of any shape.
        predictions: Of the same shape and in the same units.

    Returns:
        A fraction: 0.1 is ten percent.

    Raises:
        ValueError: If the shapes differ, or no target differs from 0.

    Example:
        >>> round(rmspe_score(np.array([100.0, 0.0, 200.0]), np.array([90.0, 5.0, 220.0])), 3)
        0.1
    """
    pair = numbers("targets", targets), numbers("predictions", predictions)
    targets, predictions = (array.astype(np.float64) for array in pair)
    if targets.shape != predictions.shape:
        raise ValueError(f"targets have the shape {targets.shape}, predictions {predictions.shape}; they must agree.")
    known = targets != 0
    if not known.any():
        raise ValueError("no target differs from 0; the percentage error needs one.")
    return float(np.sqrt(np.mean((1 - predictions[known] / targets[known]) ** 2)))
