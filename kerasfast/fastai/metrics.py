"""The course's metrics, functions of (predictions, targets) as arrays; any function like them is a metric too."""

import numpy as np

from kerasfast.keras_internals import better
from kerasfast.metrics.tags import fbeta_score

__all__ = [
    "accuracy", "accuracy_multi", "accuracy_multi_np", "accuracy_np", "accuracy_thresh", "f1", "f1_np", "fbeta",
    "fbeta_np", "log_loss", "precision", "precision_np", "recall", "recall_np",
]  # fmt: skip


def accuracy(preds, targs) -> float:
    """Share of rows whose largest prediction (n, classes) is the target (n,); of `TTA()`'s views, of their mean."""
    preds = np.asarray(preds)
    if preds.ndim == 3:
        preds = np.mean(np.exp(preds) if np.all(preds <= 0) else preds, axis=0)
    return float(np.mean(np.argmax(preds, axis=1) == np.asarray(targs)))


def accuracy_np(preds, targs) -> float:
    """Share of rows whose largest prediction (n, classes) is the target (n,)."""
    return accuracy(preds, targs)


def accuracy_multi(preds, targs, thresh: float) -> float:
    """Share of all elements where a prediction above `thresh` agrees with a target of 0 or 1."""
    return float(np.mean((np.asarray(preds) > thresh) == (np.asarray(targs) > 0.5)))


def accuracy_multi_np(preds, targs, thresh: float) -> float:
    """Share of all elements where a prediction above `thresh` agrees with a target of 0 or 1."""
    return accuracy_multi(preds, targs, thresh)


def accuracy_thresh(thresh: float):
    """Return the metric `accuracy_multi` for a threshold."""

    @better("up")
    def accuracy_thresh(preds, targs) -> float:
        return accuracy_multi(preds, targs, thresh)

    return accuracy_thresh


def recall(preds, targs, thresh: float = 0.5) -> float:
    """Share of the true tags of all rows that are predicted, or of the second of two classes; NaN without any."""
    scores, truth = _as_tags(preds, targs)
    return _share(truth & (scores > thresh), truth)


def precision(preds, targs, thresh: float = 0.5) -> float:
    """Share of the predicted tags of all rows that are true, or of the second of two classes; NaN without any."""
    scores, truth = _as_tags(preds, targs)
    return _share(truth & (scores > thresh), scores > thresh)


def fbeta(preds, targs, beta: float, thresh: float = 0.5) -> float:
    """F-beta with one count over all rows and classes (micro average); for Planet's score see `planet.f2`."""
    scores, truth = _as_tags(preds, targs)
    return fbeta_score(truth, scores, beta=beta, threshold=thresh, average="micro")


def f1(preds, targs, thresh: float = 0.5) -> float:
    """`fbeta` with beta 1."""
    return fbeta(preds, targs, 1, thresh)


f1_np, fbeta_np, precision_np, recall_np = f1, fbeta, precision, recall


def log_loss(*args, **kwargs) -> float:
    """scikit-learn's `log_loss`, of `TTA()`'s views (views, n, classes) that of their mean; it needs scikit-learn."""
    try:
        from sklearn.metrics import log_loss
    except ImportError as error:
        raise ImportError("`metrics.log_loss` is scikit-learn's; install it: pip install scikit-learn") from error
    if len(args) > 1 and np.ndim(args[1]) == 3:
        args = (args[0], np.mean(args[1], axis=0), *args[2:])
    return log_loss(*args, **kwargs)


def _as_tags(preds, targs) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and truth (rows, tags); of two classes, (n, 2) and (n,), those of the second as the one tag."""
    preds, targs = np.asarray(preds), np.asarray(targs)
    if preds.shape == targs.shape:
        return preds, targs > 0.5
    if preds.ndim != 2 or preds.shape != (len(targs), 2):
        raise ValueError(
            f"Recall, precision and F-beta are of tags, or of two classes; received predictions {preds.shape} and "
            f"targets {targs.shape}. For several classes see `sklearn.metrics.recall_score(..., average=...)`."
        )
    second = preds[:, 1:]
    return (np.exp(second) if np.all(preds <= 0) else second), targs.reshape(-1, 1) > 0.5


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else float("nan")


for _metric in (accuracy, accuracy_np, accuracy_multi, accuracy_multi_np, recall, precision, fbeta, f1):
    better("up")(_metric)
