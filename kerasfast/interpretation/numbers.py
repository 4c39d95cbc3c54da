"""How far predicted numbers are off: errors with bootstrap intervals, and the truth by what was predicted."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasfast.basics.arguments import number, numbers, whole
from kerasfast.interpretation.resampling import bootstrap_weights, percentiles

MEASURES = ("mean_absolute_error", "root_mean_squared_error", "explained")
_WIDE = 1.96  # standard errors


def matching_numbers(targets: Any, predictions: Any, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return targets and predictions as float64 (n, numbers).

    Raises:
        ValueError: When shapes do not fit, there are no rows, or a value is not finite.
    """
    predictions = numbers("predictions", predictions).astype(np.float64)
    targets = numbers("targets", targets).astype(np.float64)
    predictions, targets = (part[:, None] if part.ndim == 1 else part for part in (predictions, targets))
    if predictions.ndim != 2 or predictions.shape[1] != len(names) or not len(predictions):
        raise ValueError(f"`predictions` must be (n, {len(names)}), n 1 or more; received {predictions.shape}.")
    if targets.shape != predictions.shape:
        raise ValueError(f"`targets` must be {predictions.shape} as the predictions; received {targets.shape}.")
    return targets, predictions


def number_frame(
    targets: Any,
    predictions: Any,
    names: Sequence[str],
    *,
    resamples: int = 500,
    level: float = 0.95,
    seed: int = 42,
) -> pd.DataFrame:
    """Return a row per number: mean absolute error, root mean squared error, and the share of the variance explained.

    Args:
        targets, predictions: (n, numbers), in the numbers' own units.
        names: Of the numbers.
        resamples: Of the bootstrap over rows; 0 leaves the intervals out.
        level: Share of the resamples between `_low` and `_high`.
        seed: Of the bootstrap.

    Returns:
        Frame by number with `n`, `bias` (mean of prediction less truth), the three measures and their intervals. What
        is explained is 1 for perfect predictions, 0 for the mean and NaN where all targets are the same.

    Example:
        >>> frame = number_frame([[1.0], [3.0]], [[1.5], [3.5]], ["age"], resamples=0)
        >>> frame.loc["age", ["bias", "mean_absolute_error", "explained"]].tolist()
        [0.5, 0.5, 0.75]
    """
    targets, predictions = matching_numbers(targets, predictions, names)
    resamples, level = whole("resamples", resamples, least=0), number("level", level, above=0, below=1)
    seed, errors = whole("seed", seed, least=0), predictions - targets
    columns: dict[str, Any] = {"n": np.full(len(names), len(targets)), "bias": errors.mean(axis=0)}
    columns |= zip(MEASURES, _measured(targets, errors, np.ones((1, len(targets))))[:, 0], strict=True)
    if resamples:
        drawn = [_measured(targets, errors, weights) for weights in bootstrap_weights(len(targets), resamples, seed)]
        low, high = percentiles(np.concatenate(drawn, axis=1), level)
        for name, least, most in zip(MEASURES, low, high, strict=True):
            columns |= {f"{name}_low": least, f"{name}_high": most}
    return pd.DataFrame(columns, index=pd.Index(list(names), name="number"))


def truth_by_prediction(targets: Any, predictions: Any, *, bins: int = 10) -> pd.DataFrame:
    """Return the mean truth by ranges of the prediction, with about as many rows each.

    Args:
        targets, predictions: (n,).
        bins: How many ranges; fewer where predictions are the same.

    Returns:
        Frame with `low`, `high` (least and largest prediction), `n`, `prediction` (the mean), `truth` (the mean) and
        `truth_low` to `truth_high`, where the mean would lie with other rows, 19 times in 20.

    Example:
        >>> truth_by_prediction([1, 2, 5, 6], [1, 1, 4, 4], bins=2)["truth"].tolist()
        [1.5, 5.5]
    """
    targets, predictions = matching_numbers(targets, predictions, ["number"])
    edges = np.unique(np.quantile(predictions, np.linspace(0, 1, whole("bins", bins) + 1)))
    place = np.clip(np.searchsorted(edges, predictions[:, 0], side="right") - 1, 0, max(len(edges) - 2, 0))
    found = []
    for bin_ in np.unique(place):
        truth, said = targets[place == bin_, 0], predictions[place == bin_, 0]
        mean, spread = truth.mean(), _WIDE * truth.std() / np.sqrt(len(truth))
        found.append((said.min(), said.max(), len(said), said.mean(), mean, mean - spread, mean + spread))
    return pd.DataFrame(found, columns=["low", "high", "n", "prediction", "truth", "truth_low", "truth_high"])


def doubtful_numbers(targets: Any, predictions: Any, names: Sequence[str], *, least: float = 5.0) -> pd.DataFrame:
    """Return the rows whose number is far from what models say that did not learn from them, the farthest first.

    Args:
        targets: (n, numbers) as labelled.
        predictions: (n, numbers) out of fold.
        names: Of the numbers.
        least: Least distance, in spreads of the usual one (1.4826 times the median: for normal errors their deviation).

    Returns:
        Frame by row with `number`, `label`, `suggested` and `spreads`, the distance.

    Example:
        >>> labels = np.array([1.0, 2.0, 3.0, 40.0])
        >>> doubtful_numbers(labels, np.array([1.1, 2.2, 2.9, 4.0]), ["age"])["suggested"].tolist()
        [4.0]
    """
    targets, predictions = matching_numbers(targets, predictions, names)
    distances = np.abs(predictions - targets)
    usual = 1.4826 * np.median(distances, axis=0)
    spreads = np.divide(distances, usual, out=np.zeros_like(distances), where=usual > 0)
    rows, columns = np.nonzero(spreads >= number("least", least, above=0))
    order = np.argsort(-spreads[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    about = {
        "number": np.array(names, dtype=object)[columns], "label": targets[rows, columns],
        "suggested": predictions[rows, columns], "spreads": spreads[rows, columns],
    }  # fmt: skip
    return pd.DataFrame(about, index=pd.Index(rows, name="row", dtype=int))


def _measured(targets: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (measures, b, numbers) for the weights (b, n) of the rows."""
    mean = lambda values: weights @ values / weights.sum(axis=1, keepdims=True)
    squares = mean(np.square(errors))
    centred = targets - targets.mean(axis=0)
    variance = np.maximum(mean(np.square(centred)) - np.square(mean(centred)), 0)
    explained = 1 - np.divide(squares, variance, out=np.full_like(squares, np.nan), where=variance > 0)
    return np.stack([mean(np.abs(errors)), np.sqrt(squares), explained])
