"""How good predictions are beside those of others: one score with an interval, and one that every kind shares."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from kerasfast.basics.arguments import TARGET_KINDS, choice

_LEAST = 1e-7
RESAMPLES, LEVEL = 300, 0.95


@dataclass(frozen=True)
class Judge:
    """Judges predictions of the same targets.

    One class a row: accuracy, and cross-entropy. Tags: F-beta averaged over rows, and cross-entropy. Numbers: the root
    of the mean squared error, and the mean absolute error; the other way round with `absolute`.

    Args:
        targets: (n,) class indices, (n, tags) of 0 and 1, or (n, outputs) numbers.
        kind: "single", "multi" or "regression".
        beta: Of F-beta, for tags.
        seed: Of the bootstrap over rows.
        absolute: Whether numbers are judged by the mean absolute error first.

    Example:
        >>> judge = Judge(np.array([0, 1, 1, 1]), "single")
        >>> judge.score([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
        0.75
    """

    targets: np.ndarray
    kind: str
    beta: float = 1.0
    seed: int = 42
    absolute: bool = False

    def __post_init__(self):
        choice("kind", self.kind, TARGET_KINDS)

    @property
    def names(self) -> tuple[str, str]:
        """What the two scores are called."""
        if self.kind == "regression":
            first, second = "root mean squared error", "mean absolute error"
            return (second, first) if self.absolute else (first, second)
        return ("accuracy" if self.kind == "single" else f"F{self.beta:g}"), "cross-entropy"

    @property
    def lower_is_better(self) -> bool:
        """Of the first score."""
        return self.kind == "regression"

    def score(self, predictions: Any, threshold: Any = 0.5) -> float:
        """Return the first score."""
        return self._finished(self._rows(np.asarray(predictions), threshold).mean())

    def row(self, predictions: Any, threshold: Any = 0.5) -> dict[str, float]:
        """Return both scores, the first with its interval, by name.

        Args:
            predictions: (n, outputs).
            threshold: A tag is predicted above it; one, or one per tag.
        """
        predictions = np.asarray(predictions, dtype=np.float64)
        values, random = self._rows(predictions, threshold), np.random.default_rng(self.seed)
        drawn = [values[random.integers(len(values), size=len(values))].mean() for _ in range(RESAMPLES)]
        outside = (1 - LEVEL) / 2
        low, high = (self._finished(value) for value in np.quantile(drawn, [outside, 1 - outside]))
        first, second = self.names
        return {
            first: self._finished(values.mean()), f"{first}_low": low, f"{first}_high": high,
            second: self._second(predictions),
        }  # fmt: skip

    def frame(self, answers: Sequence[tuple[str, Any, Any]]) -> pd.DataFrame:
        """Return a row for each (name, predictions, threshold), in their order."""
        rows = [self.row(predictions, threshold) for _, predictions, threshold in answers]
        return pd.DataFrame(rows, index=pd.Index([name for name, _, _ in answers], name="answers by"))

    def _rows(self, predictions: np.ndarray, threshold: Any) -> np.ndarray:
        """Return (n,) numbers whose mean is the score, before `_finished`."""
        if self.kind == "single":
            return (predictions.argmax(axis=1) == self.targets).astype(float)
        if self.kind == "multi":
            truth, chosen, square = self.targets > 0.5, predictions > np.asarray(threshold), self.beta**2
            both = square * truth.sum(axis=1) + chosen.sum(axis=1)
            return (1 + square) * (truth & chosen).sum(axis=1) / np.maximum(both, 1)
        return (np.abs if self.absolute else np.square)(predictions - self._numbers).mean(axis=1)

    def _second(self, predictions: np.ndarray) -> float:
        if self.kind == "regression":
            other = replace(self, absolute=not self.absolute)
            return other.score(predictions)
        likely = np.clip(predictions, _LEAST, 1 - _LEAST)
        if self.kind == "single":
            return float(-np.log(likely[np.arange(len(likely)), self.targets]).mean())
        return float(-np.where(self.targets > 0.5, np.log(likely), np.log1p(-likely)).mean())

    @property
    def _numbers(self) -> np.ndarray:
        return self.targets.reshape(len(self.targets), -1)

    def _finished(self, mean: float) -> float:
        return float(np.sqrt(mean) if self.kind == "regression" and not self.absolute else mean)


def constant_answer(targets: np.ndarray, kind: str, classes: int) -> np.ndarray:
    """Return the predictions (outputs,) that look at nothing: shares of the classes or tags, or means.

    Args:
        targets: Of training rows.
        kind: "single", "multi" or "regression".
        classes: Number of outputs.

    Example:
        >>> constant_answer(np.array([0, 1, 1, 1]), "single", 2).tolist()
        [0.25, 0.75]
    """
    if choice("kind", kind, TARGET_KINDS) == "single":
        return np.bincount(targets, minlength=classes) / len(targets)
    return np.asarray(targets, dtype=np.float64).reshape(len(targets), -1).mean(axis=0)


def verdict(frame: pd.DataFrame, judge: Judge, answers: str, constant: str, of: str = "rows") -> str:
    """Return a sentence that compares a model with the best constant answer, by the interval of its score.

    Args:
        frame: Of `Judge.frame`.
        judge: What made it.
        answers: Row of the model.
        constant: Row of the constant answer.
        of: What the rows are.
    """
    name = judge.names[0]
    own, low, high = frame.loc[answers, [name, f"{name}_low", f"{name}_high"]]
    other = frame.loc[constant, name]
    figures = f"{name} {own:.3g} against {other:.3g}"
    worst = high if judge.lower_is_better else low
    better: Callable[[float], bool] = lambda value: value < other if judge.lower_is_better else value > other
    if better(worst):
        return f"The model beats the best constant answer: {figures} on {len(judge.targets):,} held-out {of}."
    if better(own):
        return f"The model is hardly better than the best constant answer: {figures}, which may be chance."
    return f"The model does not beat the best constant answer: {figures}. Something is wrong with data or training."
