"""The score of the Planet competition, as the course's planet.py has it."""

import numpy as np

from kerasfast.metrics.tags import best_threshold

__all__ = ["f2", "opt_th"]


def f2(preds, targs, start: float = 0.17, end: float = 0.24, step: float = 0.01) -> float:
    """Return the samples-averaged F2 of the best threshold in `np.arange(start, end, step)`."""
    return _best(preds, targs, start, end, step)[1]


def opt_th(preds, targs, start: float = 0.17, end: float = 0.24, step: float = 0.01) -> float:
    """Return the threshold that gives the best `f2`."""
    return _best(preds, targs, start, end, step)[0]


def _best(preds, targs, start: float, end: float, step: float) -> tuple[float, float]:
    return best_threshold(np.asarray(targs), np.asarray(preds), beta=2, thresholds=np.arange(start, end, step))
