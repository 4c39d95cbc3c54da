"""Where classes and tags go wrong: confusion, and precision, recall and the like with bootstrap intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasfast.basics.arguments import limits_of, names, number, numbers, whole
from kerasfast.interpretation.resampling import bootstrap_weights, percentiles

MEASURES = ("precision", "recall", "f1", "average_precision")


def confusion_matrix(truth: Any, predicted: Any, count: int) -> np.ndarray:
    """Return counts (true classes, predicted classes) of class indices, both (n,).

    Raises:
        ValueError: When lengths differ or an index is not one of `count` classes.

    Example:
        >>> confusion_matrix([0, 0, 1], [0, 1, 1], 2).tolist()
        [[1, 1], [0, 1]]
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.shape != predicted.shape or truth.ndim != 1:
        raise ValueError(f"`truth` and `predicted` must both be (n,); received {truth.shape} and {predicted.shape}.")
    both = np.concatenate([truth, predicted])
    if both.size and not (both.min() >= 0 and both.max() < count):
        raise ValueError(f"Class indices must be 0 to {count - 1}; received {both.min()} to {both.max()}.")
    cells = truth.astype(np.int64) * count + predicted.astype(np.int64)
    return np.bincount(cells, minlength=count * count).reshape(count, count)


def confused_order(matrix: Any) -> np.ndarray:
    """Return an order (classes,) that puts classes which are confused with each other side by side.

    Chains of classes are joined, the most confused first, at the ends that are most alike; classes that are confused
    with none stay in their order at the end.

    Args:
        matrix: Counts, (true classes, predicted classes).

    Example:
        >>> confused_order([[5, 0, 4], [0, 9, 0], [3, 0, 6]]).tolist()
        [0, 2, 1]
    """
    matrix = np.asarray(matrix, dtype=float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"`matrix` must be (classes, classes); received {matrix.shape}.")
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    alike = shares + shares.T
    np.fill_diagonal(alike, 0)
    chains = {index: [index] for index in range(len(alike))}
    links = alike.copy()
    while len(chains) > 1 and links.max() > 0:
        first, second = map(int, np.unravel_index(links.argmax(), links.shape))
        a, b = len(chains[first]), len(chains[second])
        chains[first] = _joined(chains[first], chains.pop(second), alike)
        links[first] = links[:, first] = (a * links[first] + b * links[second]) / (a + b)
        links[second] = links[:, second] = links[first, first] = 0
    return np.array([index for chain in sorted(chains.values(), key=_confused_first) for index in chain], dtype=int)


def confused_pairs(matrix: Any, classes: Sequence[str]) -> pd.DataFrame:
    """Return what is taken for what: true and predicted class, `n`, and its share of the true class; the most first.

    Args:
        matrix: Counts, (true classes, predicted classes).
        classes: A name per class.

    Example:
        >>> pairs = confused_pairs([[5, 0, 4], [0, 9, 0], [3, 0, 6]], ["ant", "bee", "cat"])
        >>> pairs[["true", "predicted"]].iloc[0].tolist()
        ['ant', 'cat']
    """
    matrix, names = np.asarray(matrix), np.array(classes, dtype=object)
    true, predicted = np.nonzero(matrix * ~np.eye(len(matrix), dtype=bool))
    counts = matrix[true, predicted]
    shares = counts / matrix.sum(axis=1)[true]
    frame = pd.DataFrame({"true": names[true], "predicted": names[predicted], "n": counts, "share": shares})
    return frame.sort_values(["n", "share"], ascending=False, kind="stable", ignore_index=True)


def _confused_first(chain: list[int]) -> tuple[bool, int]:
    return len(chain) == 1, min(chain)


def _joined(left: list[int], right: list[int], alike: np.ndarray) -> list[int]:
    ways = [(one, other) for one in (left, left[::-1]) for other in (right, right[::-1])]
    one, other = max(ways, key=lambda way: alike[way[0][-1], way[1][0]])
    return one + other


def class_frame(
    targets: Any,
    predictions: Any,
    classes: Sequence[str],
    *,
    threshold: float | Sequence[float] = 0.5,
    resamples: int = 500,
    level: float = 0.95,
    seed: int = 42,
) -> pd.DataFrame:
    """Return a row per class or tag: n, precision, recall, F1 and average precision, each with an interval.

    Intervals are percentiles of a bootstrap over pictures: they tell how far a figure would move with another
    validation set of the same size, not with another training. What is undefined (the precision of a class that is
    never predicted, all but n of one that never occurs) is NaN.

    Args:
        targets: (n,) class indices, or (n, classes) of 0 and 1 for tags.
        predictions: (n, classes) probabilities.
        classes: A name per class.
        threshold: A tag is predicted above it, one or one per tag. Of classes the likeliest is predicted.
        resamples: Of the bootstrap; 0 leaves the intervals out.
        level: Share of the resamples between `_low` and `_high`.
        seed: Of the bootstrap.

    Returns:
        Frame by class with `n` (true ones), the four measures, `precision_low`, `precision_high` and so on, and for
        tags `threshold`.

    Raises:
        ValueError: When shapes differ or an argument is out of range.

    Example:
        >>> frame = class_frame([0, 0, 1], [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]], ["cat", "dog"], resamples=0)
        >>> frame.loc["dog", ["n", "precision", "recall"]].tolist()
        [1.0, 0.5, 1.0]
    """
    classes = names("classes", classes)
    truth, predictions = one_hot(targets, predictions, classes)
    resamples, level = whole("resamples", resamples, least=0), number("level", level, above=0, below=1)
    seed, limits = whole("seed", seed, least=0), limits_of("threshold", threshold, len(classes))
    tags = np.ndim(targets) == 2
    if tags:
        chosen = predictions > limits
    else:
        chosen = np.arange(len(classes)) == predictions.argmax(axis=1)[:, None]
    measured = _Measured(truth, chosen, predictions)
    values = measured.with_weights(np.ones((1, len(truth))))[:, 0]
    columns: dict[str, Any] = {"n": truth.sum(axis=0)}
    columns.update(zip(MEASURES, values, strict=True))
    if resamples:
        drawn = [measured.with_weights(weights) for weights in bootstrap_weights(len(truth), resamples, seed)]
        low, high = percentiles(np.concatenate(drawn, axis=1), level)
        for name, least, most in zip(MEASURES, low, high, strict=True):
            columns |= {f"{name}_low": least, f"{name}_high": most}
    if tags:
        columns["threshold"] = limits
    return pd.DataFrame(columns, index=pd.Index(classes, name="tag" if tags else "class"))


def one_hot(targets: Any, predictions: Any, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the truth (n, classes) as bool, and the predictions as float64.

    Raises:
        ValueError: When shapes do not fit, there are no rows, or a target is no class.
    """
    targets = numbers("targets", targets)
    predictions = numbers("predictions", predictions, finite=False).astype(np.float64)
    if predictions.ndim != 2 or predictions.shape[1] != len(classes) or not len(predictions):
        raise ValueError(f"`predictions` must be (n, {len(classes)}), n 1 or more; received {predictions.shape}.")
    if targets.shape not in (predictions.shape, predictions.shape[:1]):
        raise ValueError(f"`targets` must be (n,) or (n, classes) beside {predictions.shape}; got {targets.shape}.")
    if targets.ndim == 2:
        return targets > 0.5, predictions
    if not (targets.min() >= 0 and targets.max() < len(classes)):
        raise ValueError(f"Targets must be 0 to {len(classes) - 1}; received {targets.min()} to {targets.max()}.")
    return targets[:, None] == np.arange(len(classes)), predictions


class _Measured:
    """The measures of all classes as a function of the weights of the pictures."""

    def __init__(self, truth: np.ndarray, chosen: np.ndarray, predictions: np.ndarray):
        self.truth, self.chosen = truth.astype(float), chosen.astype(float)
        self.right = self.truth * self.chosen
        self.ranks = [_Ranked(truth[:, index], predictions[:, index]) for index in range(truth.shape[1])]

    def with_weights(self, weights: np.ndarray) -> np.ndarray:
        """Return (measures, b, classes) for the weights (b, n) of the pictures."""
        right, chosen, true = (weights @ array for array in (self.right, self.chosen, self.truth))
        areas = np.stack([ranked.average_precision(weights) for ranked in self.ranks], axis=1)
        with np.errstate(invalid="ignore"):
            precision, recall, f1 = right / chosen, right / true, 2 * right / (chosen + true)
        return np.stack([precision, recall, np.where(true > 0, f1, np.nan), areas])


class _Ranked:
    """One class's pictures from the likeliest on; equal probabilities count as one step."""

    def __init__(self, truth: np.ndarray, likely: np.ndarray):
        self.order = np.argsort(-likely, kind="stable")
        sorted_values = likely[self.order]
        self.ends = np.flatnonzero(np.append(sorted_values[1:] != sorted_values[:-1], True))
        self.truth = truth[self.order]

    def average_precision(self, weights: np.ndarray) -> np.ndarray:
        """Return (b,) for the weights (b, n): the sum of precision times the gain in recall."""
        weights = weights[:, self.order]
        found = np.cumsum(weights * self.truth, axis=1)[:, self.ends]
        seen = np.cumsum(weights, axis=1)[:, self.ends]
        gains = np.diff(found, axis=1, prepend=0)
        total = found[:, -1]
        area = (gains * found / np.maximum(seen, 1)).sum(axis=1)
        return np.divide(area, total, out=np.full(len(total), np.nan), where=total > 0)
