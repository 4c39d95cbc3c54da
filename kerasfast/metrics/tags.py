"""Score tag predictions: F-beta over a whole epoch inside Keras, and the same numbers from NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasfast.basics.arguments import choice, number, numbers
from kerasfast.keras_internals import better

AVERAGES = ("samples", "micro", "macro")
# What `np.arange(0.17, 0.24, 0.01)` of the course's planet.py holds: seven values, without 0.24 itself.
PLANET_THRESHOLDS = (0.17, 0.18, 0.19, 0.20, 0.21, 0.22, 0.23)
DEFAULT_GRID = tuple(round(0.01 * step, 2) for step in range(2, 99))
# A target above this counts as "has the tag", so that smoothed labels mean what they meant before.
_TRUE_ABOVE = 0.5


@keras.saving.register_keras_serializable("kerasfast")
@better("up")
class FBeta(keras.metrics.Metric):
    """F-beta of multi-label predictions, accumulated over every row of the epoch.

    `(1 + beta^2) * tp / ((1 + beta^2) * tp + beta^2 * fn + fp)`, and 0 where that is 0 / 0: scikit-learn's
    `fbeta_score(..., zero_division=0)`. With a grid of thresholds the result is the largest score over the grid.

    Args:
        beta: How many times more recall counts than precision; above 0.
        average: `"samples"` (mean over the rows), `"micro"` (one count over all classes) or `"macro"`
            (mean over the classes).
        threshold: A class is predicted where the prediction is above it. 0.5 when `thresholds` is not given either.
        thresholds: A grid of thresholds to search instead. Of equally good ones the first is taken.
        name: Name in the logs.
        dtype: Precision to accumulate in; never less than float32.

    Raises:
        ValueError: For a wrong argument, or for targets and predictions that are not both (rows, classes).

    Example:
        >>> metric = FBeta(2, thresholds=[0.1, 0.25, 0.5])      # as in `model.compile(metrics=[metric])`
        >>> metric.update_state([[1, 0], [1, 1]], [[0.3, 0.2], [0.9, 0.4]])
        >>> float(metric.result()), metric.best_threshold
        (1.0, 0.25)
    """

    def __init__(
        self,
        beta: float = 2.0,
        *,
        average: str = "samples",
        threshold: float | None = None,
        thresholds: Sequence[float] | np.ndarray | None = None,
        name: str = "fbeta",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.beta = number("beta", beta, above=0)
        self.average = choice("average", average, AVERAGES)
        self.threshold, self.thresholds = threshold, None if thresholds is None else _as_floats(thresholds)
        self._grid = _checked_grid(self.threshold, self.thresholds)
        self._precision = keras.backend.result_type(self.dtype, "float32")
        self._counts = None
        if average == "samples":
            self._score_sum = self._zeros((len(self._grid),), "score_sum")
            self._row_sum = self._zeros((), "row_sum")
        elif average == "micro":
            self._counts = self._zeros((3, len(self._grid), 1), "counts")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: targets and predictions (rows, classes), and optionally one weight per row."""
        y_true, y_pred = _matched_tensors(y_true, y_pred, self._precision)
        truth = ops.expand_dims(ops.cast(y_true > _TRUE_ABOVE, self._precision), 1)
        grid = ops.reshape(ops.convert_to_tensor(self._grid, dtype=self._precision), (1, -1, 1))
        predicted = ops.cast(ops.expand_dims(y_pred, 1) > grid, self._precision)
        weights = _row_weights(sample_weight, y_pred, self._precision)
        # (3, rows, thresholds, classes): hits, misses, false alarms.
        counts = ops.stack([truth * predicted, truth * (1 - predicted), (1 - truth) * predicted])
        if self.average == "samples":
            scores = self._score(ops.sum(counts, axis=-1))
            self._score_sum.assign_add(ops.sum(scores * weights[:, None], axis=0))
            self._row_sum.assign_add(ops.sum(weights))
        else:
            self._add_counts(ops.sum(counts * weights[:, None, None], axis=1))

    def result(self) -> Any:
        """Return the score, the largest over the grid when there is one; 0 before the first row."""
        return ops.max(self._scores())

    @property
    def best_threshold(self) -> float:
        """The threshold of the grid that reached `result()` over the rows seen since the last reset."""
        seen = self._row_sum if self.average == "samples" else self._counts
        if seen is None or not np.any(ops.convert_to_numpy(seen)):
            raise RuntimeError(f"{self.name}.best_threshold needs rows: read it after an epoch or `evaluate`.")
        return self._grid[int(np.argmax(ops.convert_to_numpy(self._scores())))]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this metric."""
        own = {"beta": self.beta, "average": self.average, "threshold": self.threshold}
        return {**super().get_config(), **own, "thresholds": self.thresholds and list(self.thresholds)}

    def _zeros(self, shape: tuple[int, ...], name: str) -> Any:
        return self.add_variable(shape=shape, initializer="zeros", dtype=self._precision, name=name)

    def _add_counts(self, counts: Any) -> None:
        if self.average == "micro":
            counts = ops.sum(counts, axis=-1, keepdims=True)
        elif self._counts is None:
            self._counts = self._zeros(tuple(counts.shape), "counts")
        if counts.shape[-1] != self._counts.shape[-1]:
            seen, received = self._counts.shape[-1], counts.shape[-1]
            raise ValueError(f"{self.name} has seen batches with {seen} classes; received one with {received}.")
        self._counts.assign_add(counts)

    def _score(self, counts: Any) -> Any:
        hits, misses, false_alarms = counts[0], counts[1], counts[2]
        gain = (1 + self.beta**2) * hits
        return ops.divide_no_nan(gain, gain + self.beta**2 * misses + false_alarms)

    def _scores(self) -> Any:
        if self.average == "samples":
            return ops.divide_no_nan(self._score_sum, self._row_sum)
        if self._counts is None:
            return ops.zeros((len(self._grid),), dtype=self._precision)
        return ops.mean(self._score(self._counts), axis=-1)


def f2(**arguments: Any) -> FBeta:
    """Return the course's Planet metric: samples-averaged F2, the largest over thresholds 0.17 to 0.23 by 0.01.

    The course takes the largest over `np.arange(0.17, 0.24, 0.01)`, which ends at 0.23, on the whole validation set.

    Args:
        **arguments: Arguments of `FBeta` that should differ, for example `name` or `thresholds`.

    Returns:
        A new `FBeta`.

    Example:
        >>> metric = f2()
        >>> metric.update_state([[1, 0]], [[0.3, 0.1]])
        >>> float(metric.result()), metric.best_threshold
        (1.0, 0.17)
    """
    defaults = {"beta": 2.0, "average": "samples", "name": "f2"}
    if arguments.get("threshold") is None:
        defaults["thresholds"] = PLANET_THRESHOLDS
    return FBeta(**{**defaults, **arguments})


@keras.saving.register_keras_serializable("kerasfast")
@better("up")
class ThresholdAccuracy(keras.metrics.Mean):
    """The share of all elements where `prediction > threshold` agrees with the target; the course's `accuracy_thresh`.

    Args:
        threshold: Predictions above it count as 1; between 0 and 1.
        name: Name in the logs.
        dtype: Precision to accumulate in.

    Raises:
        ValueError: For a threshold outside (0, 1), or shapes of targets and predictions that differ.

    Example:
        >>> metric = ThresholdAccuracy(0.3)
        >>> metric.update_state([[1, 0], [1, 1]], [[0.4, 0.2], [0.9, 0.1]])
        >>> float(metric.result())
        0.75
    """

    def __init__(self, threshold: float = 0.5, name: str = "accuracy_thresh", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.threshold = _checked_grid(number("threshold", threshold), None)[0]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and predictions of the same shape, and optionally weights per row or element."""
        y_true, y_pred = _matched_tensors(y_true, y_pred, "float32", rank=None)
        agreement = ops.equal(y_true > _TRUE_ABOVE, y_pred > self.threshold)
        super().update_state(ops.cast(agreement, "float32"), sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this metric."""
        return {**super().get_config(), "threshold": self.threshold}


@better("up")
def fbeta_score(
    targets: np.ndarray, predictions: np.ndarray, beta: float = 2, threshold: float = 0.5, average: str = "samples"
) -> float:
    """Return F-beta of an array of predictions: what `FBeta` gives after an epoch over the same rows.

    Args:
        targets: 0 or 1, shape (rows, classes).
        predictions: Scores, shape (rows, classes); above `threshold` means predicted.
        beta: How many times more recall counts than precision.
        threshold: Between 0 and 1.
        average: `"samples"`, `"micro"` or `"macro"`.

    Returns:
        The score, from 0 to 1.

    Raises:
        ValueError: For a wrong argument, shapes that differ, no rows, or predictions that are not finite.

    Example:
        >>> round(fbeta_score(np.array([[1, 0], [1, 1]]), np.array([[0.6, 0.2], [0.9, 0.4]])), 3)
        0.778
    """
    return best_threshold(targets, predictions, beta=beta, thresholds=[threshold], average=average)[1]


def best_threshold(
    targets: np.ndarray,
    predictions: np.ndarray,
    *,
    beta: float = 2,
    thresholds: Sequence[float] | np.ndarray | None = None,
    average: str = "samples",
) -> tuple[float, float]:
    """Return the threshold that scores best on these predictions, and its F-beta.

    Args:
        targets: 0 or 1, shape (rows, classes).
        predictions: Scores, shape (rows, classes).
        beta: How many times more recall counts than precision.
        thresholds: The grid to search; 0.02 to 0.98 by 0.01 when not given. Of equally good ones the first is taken.
        average: `"samples"`, `"micro"` or `"macro"`.

    Returns:
        The threshold and its score.

    Raises:
        ValueError: For a wrong argument, shapes that differ, no rows, or predictions that are not finite.

    Example:
        >>> best_threshold(np.array([[1, 0], [1, 1]]), np.array([[0.6, 0.2], [0.9, 0.4]]))
        (0.2, 1.0)
    """
    grid = _checked_grid(None, DEFAULT_GRID if thresholds is None else thresholds)
    truth, predictions = _matched_arrays(targets, predictions)
    beta, average = number("beta", beta, above=0), choice("average", average, AVERAGES)
    scores = [_array_score(truth, predictions > threshold, beta, average) for threshold in grid]
    best = int(np.argmax(scores))
    return grid[best], scores[best]


def best_constant(targets: np.ndarray, beta: float = 2) -> tuple[np.ndarray, float]:
    """Return the best prediction that looks at no picture: the same tags for every row, and their samples F-beta.

    The candidates are the most frequent tag, the two most frequent, and so on. A model has to beat this score.

    Args:
        targets: 0 or 1, shape (rows, classes).
        beta: How many times more recall counts than precision.

    Returns:
        The tags as 0.0 or 1.0 with shape (classes,), and the score.

    Raises:
        ValueError: For a wrong `beta`, or targets that are no rows of 0 and 1.

    Example:
        >>> tags, score = best_constant(np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0]]))
        >>> tags.tolist(), round(score, 3)
        ([1.0, 1.0, 0.0], 0.889)
    """
    truth, _ = _matched_arrays(targets, targets)
    beta = number("beta", beta, above=0)
    order = np.argsort(-truth.sum(axis=0), kind="stable")
    # Row by row, how many of the k most frequent tags are right, for every k at once.
    hits = np.cumsum(truth[:, order], axis=1)
    totals = beta**2 * truth.sum(axis=1, keepdims=True) + np.arange(1, truth.shape[1] + 1)
    scores = np.mean((1 + beta**2) * hits / totals, axis=0)
    tags = np.zeros(truth.shape[1])
    tags[order[: int(np.argmax(scores)) + 1]] = 1.0
    return tags, float(scores.max())


def _array_score(truth: np.ndarray, predicted: np.ndarray, beta: float, average: str) -> float:
    axis = {"samples": 1, "macro": 0, "micro": None}[average]
    hits = np.sum(truth & predicted, axis=axis)
    # hits + misses = truth and hits + false alarms = predicted, so the formula's denominator needs no more counts.
    total = np.asarray(beta**2 * np.sum(truth, axis=axis) + np.sum(predicted, axis=axis))
    gain = np.asarray((1 + beta**2) * hits)
    return float(np.mean(np.divide(gain, total, out=np.zeros(total.shape), where=total > 0)))


def _as_floats(thresholds: Sequence[float] | np.ndarray) -> tuple[float, ...]:
    if np.ndim(numbers("thresholds", thresholds, finite=False)) != 1:
        raise ValueError(f"`thresholds` must be a list of numbers (one goes in `threshold`); received {thresholds!r}.")
    return tuple(float(value) for value in thresholds)


def _checked_grid(threshold: float | None, thresholds: Sequence[float] | np.ndarray | None) -> tuple[float, ...]:
    if threshold is not None and thresholds is not None:
        raise ValueError(f"Pass `threshold` or `thresholds`, not both; received {threshold!r} and {thresholds!r}.")
    if thresholds is not None:
        grid = _as_floats(thresholds)
    else:
        grid = (0.5 if threshold is None else number("threshold", threshold),)
    if not grid or not all(0 < value < 1 for value in grid):
        raise ValueError(f"Thresholds must lie between 0 and 1, and there must be at least one; received {list(grid)}.")
    return grid


def _check_shapes(expected: tuple[int | None, ...], received: tuple[int | None, ...], rank: int | None) -> None:
    same = len(expected) == len(received) and all(
        a == b or None in (a, b) for a, b in zip(expected, received, strict=True)
    )
    if not same:
        raise ValueError(f"Targets must have the shape of the predictions, {expected}; received {received}.")
    if rank is not None and len(expected) != rank:
        raise ValueError(f"Targets and predictions must be (rows, classes); received the shape {expected}.")


def _matched_tensors(y_true: Any, y_pred: Any, dtype: str, rank: int | None = 2) -> tuple[Any, Any]:
    y_pred, y_true = ops.cast(y_pred, dtype), ops.cast(y_true, dtype)
    # A generator without a signature gives targets of unknown rank, which only the running graph can check.
    if getattr(y_true.shape, "rank", 0) is None:
        return ops.reshape(y_true, ops.shape(y_pred)), y_pred
    _check_shapes(tuple(y_pred.shape), tuple(y_true.shape), rank)
    return y_true, y_pred


def _row_weights(sample_weight: Any, y_pred: Any, dtype: str) -> Any:
    if sample_weight is None:
        return ops.ones_like(y_pred[:, 0])
    weights = ops.cast(sample_weight, dtype)
    shape = tuple(weights.shape)
    if len(shape) == 2 and shape[1] == 1:
        return weights[:, 0]
    if len(shape) != 1:
        raise ValueError(f"`sample_weight` must hold one weight per row, (rows,) or (rows, 1); received {shape}.")
    return weights


def _matched_arrays(targets: np.ndarray, predictions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    targets, predictions = numbers("targets", targets), numbers("predictions", predictions, finite=False)
    _check_shapes(predictions.shape, targets.shape, rank=2)
    if targets.size == 0:
        raise ValueError(f"At least one row and one class are needed; received the shape {targets.shape}.")
    if not np.isfinite(predictions).all():
        count = int(np.sum(~np.isfinite(predictions).all(axis=1)))
        raise ValueError(f"Predictions must be finite; {count} of {len(predictions)} rows hold NaN or infinity.")
    return targets > _TRUE_ABOVE, predictions
