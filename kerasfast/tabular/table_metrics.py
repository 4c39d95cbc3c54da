"""Metrics of tables by name: area under the curve, average precision, precision, recall and F1, over all rows."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kerasfast.basics.arguments import sized
from kerasfast.metrics.array_metrics import ArrayMetric
from kerasfast.tabular.encoding.targets import Target

# Keras's own metrics that take the probability of the second of two classes, not one column per class.
_OF_ONE_PROBABILITY = (
    keras.metrics.AUC,
    keras.metrics.Precision,
    keras.metrics.Recall,
    keras.metrics.PrecisionAtRecall,
    keras.metrics.RecallAtPrecision,
    keras.metrics.SensitivityAtSpecificity,
    keras.metrics.SpecificityAtSensitivity,
)


def auc(positive: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the receiver operating characteristic: how often a positive row has the higher score.

    Args:
        positive: (rows,) 0 or 1.
        scores: (rows,) larger for more likely positive; equal ones count half.

    Returns:
        From 0 to 1; NaN where all rows are of one kind.

    Example:
        >>> auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.8]))
        0.875
    """
    positive = np.asarray(positive).astype(bool)
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    ones = int(positive.sum())
    pairs = ones * (len(positive) - ones)
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / pairs) if pairs else float("nan")


def average_precision(positive: np.ndarray, scores: np.ndarray) -> float:
    """Return the precision at each positive row, taken in the order of falling scores, averaged over these rows.

    Args:
        positive: (rows,) 0 or 1.
        scores: (rows,) larger for more likely positive; equal ones are taken together.

    Returns:
        From 0 to 1; NaN without a positive row.
    """
    order = np.argsort(-np.asarray(scores), kind="stable")
    hits, sorted_scores = np.asarray(positive)[order].astype(float), np.asarray(scores)[order]
    ends = np.append(np.flatnonzero(np.diff(sorted_scores)), len(hits) - 1)
    found = np.cumsum(hits)[ends]
    if not found[-1]:
        return float("nan")
    return float(np.sum(np.diff(found, prepend=0) / found[-1] * found / (ends + 1)))


def precision(positive: np.ndarray, predicted: np.ndarray) -> float:
    """Return the share of the rows predicted positive that are; 0 where none is predicted."""
    return float(positive[predicted].mean()) if predicted.any() else 0.0


def recall(positive: np.ndarray, predicted: np.ndarray) -> float:
    """Return the share of the positive rows that are predicted so; 0 where there is none."""
    return float(predicted[positive].mean()) if positive.any() else 0.0


def f1(positive: np.ndarray, predicted: np.ndarray) -> float:
    """Return the harmonic mean of precision and recall; 0 where both are."""
    both = int(positive.sum()) + int(predicted.sum())
    return float(2 * (positive & predicted).sum() / both) if both else 0.0


_SCORES: dict[str, tuple[Callable[[np.ndarray, np.ndarray], float], bool]] = {
    "auc": (auc, False),
    "average_precision": (average_precision, False),
    "precision": (precision, True),
    "recall": (recall, True),
    "f1": (f1, True),
}


def table_metrics(metrics: Sequence[Any], target: Target) -> list[Any]:
    """Return metrics as a learner takes them, with the names of scores turned into these.

    "auc", "average_precision", "precision", "recall" and "f1" (in any case) are those of the second of two classes, and
    means over the classes or labels where there are more. A class is predicted where its probability is the largest, a
    label where its own is above 0.5. Where one of these is among the metrics, all others are computed over whole
    validation sets too.

    Raises:
        ValueError: If such a score is wanted of a regression.
    """
    found = [_table_metric(metric, target) for metric in sized("metrics", metrics)]
    return as_array_metrics(found, target) if any(isinstance(metric, ArrayMetric) for metric in found) else found


def as_array_metrics(metrics: Sequence[Any], target: Target) -> list[ArrayMetric]:
    """Return metrics that are computed over all rows at once, in place of Keras's and their names."""
    return [metric if isinstance(metric, ArrayMetric) else _as_array_metric(metric, target) for metric in metrics]


def of_mean(metrics: Sequence[Any], target: Target) -> list[ArrayMetric]:
    """Return metrics of the mean of the members' predictions (rows, members, outputs)."""
    return [
        ArrayMetric(lambda targets, each, metric=metric: metric(targets, each.mean(axis=1)), metric.name)
        for metric in as_array_metrics(metrics, target)
    ]


def _table_metric(metric: Any, target: Target) -> Any:
    name = metric.lower() if isinstance(metric, str) else None
    if name in _SCORES:
        if target.kind == "regression":
            raise ValueError(f"metric {metric!r} is for classes and labels; {list(target.names)} are numbers.")
        return ArrayMetric(_score(name, target), name)
    if isinstance(metric, _OF_ONE_PROBABILITY) and target.kind == "single" and len(target.classes) == 2:
        return ArrayMetric(
            _larger_is_better(lambda targets, predictions: metric(targets, predictions[:, 1])), metric.name
        )
    return metric


def _score(name: str, target: Target) -> Callable[[np.ndarray, np.ndarray], float]:
    function, decides = _SCORES[name]
    classes = np.arange(len(target.classes))

    def score(targets: np.ndarray, predictions: np.ndarray) -> float:
        targets, predictions = np.asarray(targets), np.asarray(predictions)
        positive = targets > 0.5 if target.kind == "multi" else targets.reshape(-1, 1) == classes
        if decides and target.kind == "multi":
            predictions = predictions > 0.5
        elif decides:
            predictions = predictions.argmax(axis=1)[:, None] == classes
        columns = [1] if target.kind == "single" and len(classes) == 2 else classes
        return float(np.mean([function(positive[:, column], predictions[:, column]) for column in columns]))

    return _larger_is_better(score)


def _larger_is_better(function: Callable) -> Callable:
    """Return the function with a note for what keeps the best epoch."""
    function.lower_is_better = False
    return function


def _as_array_metric(metric: Any, target: Target) -> ArrayMetric:
    if metric in ("accuracy", "acc"):
        metric = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        if target.kind == "multi":
            metric = keras.metrics.BinaryAccuracy(name="accuracy")
    return ArrayMetric(keras.metrics.get(metric))
