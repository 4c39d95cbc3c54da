"""Whether probabilities can be believed: the calibration curve, its error, and one temperature that mends it."""

from typing import Any

import numpy as np
import pandas as pd

from kerasfast.basics.arguments import choice, number, numbers, whole

KINDS = ("single", "multi")
COLDEST, HOTTEST = 0.01, 100.0
_LEAST = 1e-12


def check_probabilities(predictions: np.ndarray, kind: str) -> None:
    """Raise ValueError where predictions (n, classes) are no probabilities."""
    inside = predictions.min() >= 0 and predictions.max() <= 1
    if not inside or (kind == "single" and np.abs(predictions.sum(axis=1) - 1).max() > 0.02):
        raise ValueError(
            "`predictions` must be probabilities, which of classes add up to 1; received values from "
            f"{predictions.min():.3g} to {predictions.max():.3g}. Let the head end in softmax or sigmoid."
        )


def believed(targets: Any, predictions: Any, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and whether what they speak of is true, both flat.

    Of one class a picture ("single") the likeliest class counts, (n,); of tags ("multi") every tag, (n * tags,).
    """
    targets, predictions = matching(targets, predictions, kind)
    if kind == "multi":
        return predictions.ravel(), targets.ravel() > 0.5
    return predictions.max(axis=1), predictions.argmax(axis=1) == targets


def matching(targets: Any, predictions: Any, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return targets and predictions as arrays whose shapes suit each other.

    Raises:
        ValueError: If they are no numbers, or do not suit.
    """
    axes = 2 if choice("kind", kind, KINDS) == "multi" else 1
    targets = numbers("targets", targets, axes=axes)
    predictions = numbers("predictions", predictions, axes=2).astype(np.float64)
    if targets.shape != predictions.shape[:axes]:
        raise ValueError(f"`targets` of shape {targets.shape} do not suit predictions of shape {predictions.shape}.")
    return targets, predictions


def calibration_frame(targets: Any, predictions: Any, kind: str, *, bins: int = 10) -> pd.DataFrame:
    """Return a row per bin of probabilities: how many lie in it, their mean, and the share that is true.

    Args:
        targets: (n,) class indices for "single", (n, tags) of 0 and 1 for "multi".
        predictions: (n, classes) probabilities.
        kind: "single" (the likeliest class of each picture counts) or "multi" (every tag of every picture).
        bins: Of equal width between 0 and 1; empty ones are left out.

    Returns:
        Frame with `low`, `high`, `n`, `probability` and `share`.

    Example:
        >>> calibration_frame([[1], [0]], [[0.9], [0.9]], "multi")["share"].tolist()
        [0.5]
    """
    likely, true = believed(targets, predictions, kind)
    bins = whole("bins", bins)
    if not (likely.size and likely.min() >= 0 and likely.max() <= 1):
        raise ValueError("`predictions` must be probabilities from 0 to 1, one or more.")
    place = np.minimum((likely * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    used = np.flatnonzero(count)
    means, shares = (
        np.bincount(place, weights=values, minlength=bins)[used] / count[used] for values in (likely, true)
    )
    return pd.DataFrame(
        {"low": used / bins, "high": (used + 1) / bins, "n": count[used], "probability": means, "share": shares}
    )


def expected_calibration_error(targets: Any, predictions: Any, kind: str, *, bins: int = 10) -> float:
    """Return the mean distance between probability and truth over the bins of `calibration_frame`, weighted by n.

    Args:
        targets, predictions, kind, bins: See `calibration_frame`.

    Example:
        >>> round(expected_calibration_error([[1], [0]], [[0.9], [0.9]], "multi"), 3)
        0.4
    """
    frame = calibration_frame(targets, predictions, kind, bins=bins)
    return float(np.average((frame["probability"] - frame["share"]).abs(), weights=frame["n"]))


def fit_temperature(targets: Any, predictions: Any, kind: str) -> float:
    """Return the temperature for `with_temperature` that makes the log-likelihood of the targets greatest.

    Above 1 the model was too sure of itself. Fit it on pictures that the model did not learn from. The likelihood
    is concave in 1 / temperature, so that its slope's only zero is found by bisection; where the pictures would
    have it beyond 0.01 or 100 (all of them right, for instance), that limit is returned.

    Args:
        targets, predictions, kind: See `calibration_frame`.

    Returns:
        The temperature, 0.01 to 100.

    Example:
        >>> round(fit_temperature([[1], [1], [1], [0]], [[0.9]] * 4, "multi"), 3)  # log(9) / log(3): they are 0.75
        2.0
    """
    targets, predictions = matching(targets, predictions, kind)
    scores = _scores(predictions, kind)
    truth = targets > 0.5 if kind == "multi" else targets[:, None] == np.arange(scores.shape[1])
    low, high = 1 / HOTTEST, 1 / COLDEST
    for _ in range(60):
        middle = np.sqrt(low * high)
        slope = ((truth - _shares(scores * middle, kind)) * scores).sum()
        low, high = (middle, high) if slope > 0 else (low, middle)
    return float(1 / np.sqrt(low * high))


def with_temperature(predictions: Any, temperature: float, kind: str) -> np.ndarray:
    """Return probabilities whose logits are divided by a temperature; the likeliest class stays the likeliest.

    Args:
        predictions: (n, classes) probabilities.
        temperature: Above 0.
        kind: "single" (softmax) or "multi" (sigmoid).

    Raises:
        ValueError: For a temperature of 0 or less, or another kind.

    Example:
        >>> with_temperature([[0.8, 0.2]], 1.0, "single").round(3).tolist()
        [[0.8, 0.2]]
    """
    return _shares(_scores(predictions, kind) / number("temperature", temperature, above=0), kind)


def _scores(predictions: Any, kind: str) -> np.ndarray:
    """Return logits, those of a softmax up to a number per row."""
    likely = numbers("predictions", predictions, axes=2).astype(np.float64)
    if likely.min() < 0 or likely.max() > 1:
        raise ValueError("`predictions` must be probabilities from 0 to 1.")
    likely = np.clip(likely, _LEAST, 1.0)
    if choice("kind", kind, KINDS) == "single":
        return np.log(likely)
    likely = np.minimum(likely, 1 - _LEAST)
    return np.log(likely) - np.log1p(-likely)


def _shares(scores: np.ndarray, kind: str) -> np.ndarray:
    if kind == "multi":
        return 0.5 * (1 + np.tanh(scores / 2))
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
