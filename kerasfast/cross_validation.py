"""Cross-validation: train once for each part of the data, predict it, and average the members on the test set."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasfast.basics.arguments import function, whole
from kerasfast.datasets import Data, targets_of

Score = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What `cross_validate` returns.

    Attributes:
        predictions: (n, ...) out-of-fold predictions, fold after fold: of every picture or row by the learner that did
            not train on it.
        targets: (n, ...) in the same order.
        folds: (n,) the fold of each.
        names: (n,) names of the pictures, in the same order; None for other data.
        scores: The score of each fold.
        test_predictions: (m, ...) mean of the members' predictions for the test set; None without one.

    Example:
        >>> rows = np.zeros(4)
        >>> CrossValidation(rows, rows, np.array([0, 0, 1, 1]), None, (0.8, 0.9), None)
        CrossValidation(score 0.85 ± 0.05 over 2 folds)
    """

    predictions: np.ndarray
    targets: np.ndarray
    folds: np.ndarray
    names: np.ndarray | None
    scores: tuple[float, ...]
    test_predictions: np.ndarray | None

    def __repr__(self) -> str:
        scores = np.array(self.scores)
        return f"CrossValidation(score {scores.mean():.4g} ± {scores.std():.2g} over {len(scores)} folds)"


def cross_validate(
    make_learner: Callable[[Any], Any],
    data: Any,
    folds: int = 5,
    *,
    score: Score | None = None,
    predict: Callable[[Any, bool], np.ndarray] | None = None,
) -> CrossValidation:
    """Train a learner for every fold, and predict with each what it has not seen.

    Args:
        make_learner: Function that takes the data of a fold and returns a trained learner.
        data: `ImageData`, or other data with a method `fold(fold, folds)`; or a list of data sets, one for each fold,
            such as `TableData` with other `valid_indices` each.
        folds: How many; a list of data sets has as many as it has members.
        score: Function (targets, predictions) -> number. By default the accuracy of classes, the share of right tags at
            the threshold 0.5, the mean absolute error of numbers.
        predict: Function (learner, whether for the test set) -> predictions (n, ...), such as one that averages `tta`;
            `learner.predict` by default.

    Returns:
        The predictions of all folds, and their scores.

    Raises:
        ValueError: When the data cannot be divided, or a learner does not predict a row for each target.

    Example:
        >>> class Ones:      # stands for a trained learner
        ...     def predict(self, is_test=False):
        ...         return np.ones((2, 1))
        >>> rows = tf.data.Dataset.from_tensor_slices((np.ones((2, 1)), np.ones((2, 1)))).batch(2)
        >>> error = lambda targets, predictions: abs(targets - predictions).mean()
        >>> cross_validate(lambda data: Ones(), [kf.Datasets(rows, rows)] * 2, score=error)
        fold 1 of 2: 0
        fold 2 of 2: 0
        CrossValidation(score 0 ± 0 over 2 folds)

    With pictures:

        def make_learner(data):
            learn = kf.ImageLearner.pretrained("efficientnet_lite0", data, precompute=True)
            learn.fit(0.01, 3)
            return learn

        result = kf.cross_validate(make_learner, data, folds=5)
        print(result, best_threshold(result.targets, result.predictions))
    """
    function("make_learner", make_learner)
    members, names, tests, scores = [], [], [], []
    for fold, (part, count) in enumerate(_parts(data, folds)):
        learner = make_learner(part)
        if not hasattr(learner, "predict"):
            raise ValueError(f"`make_learner` must return a learner with `predict`; received {type(learner).__name__}.")
        ask = predict or (lambda learner, is_test: learner.predict(is_test=is_test))
        predictions, targets = np.asarray(ask(learner, False)), targets_of(part.valid)
        if len(predictions) != len(targets):
            raise ValueError(f"`predict` gave {len(predictions)} rows for the {len(targets)} targets of fold {fold}.")
        scores.append(float((score or _usual_score)(targets, predictions)))
        members.append((predictions, targets))
        names.append(getattr(part.valid, "files", None))
        if part.test is not None:
            tests.append(np.asarray(ask(learner, True)))
        print(f"fold {fold + 1} of {count}: {scores[-1]:.4g}")
    predictions, targets = (np.concatenate(arrays) for arrays in zip(*members, strict=True))
    return CrossValidation(
        predictions=predictions,
        targets=targets,
        folds=np.repeat(np.arange(len(members)), [len(one) for one, _ in members]),
        names=None if names[0] is None else np.concatenate(names),
        scores=tuple(scores),
        test_predictions=np.mean(tests, axis=0) if tests else None,
    )


def _parts(data: Any, folds: int) -> Iterator[tuple[Data, int]]:
    """Yield the data of each fold, and how many there are."""
    if isinstance(data, Sequence):
        if len(data) < 2:
            raise ValueError(f"A list of data sets needs two members or more, one for each fold; received {len(data)}.")
        yield from ((part, len(data)) for part in data)
        return
    folds = whole("folds", folds, least=2)
    if not hasattr(data, "fold"):
        raise ValueError(
            f"`data` must have a method `fold(fold, folds)`, as `ImageData` has, or be a list of data sets, one for "
            f"each fold; received {type(data).__name__}."
        )
    yield from ((data.fold(fold, folds), folds) for fold in range(folds))


def _usual_score(targets: np.ndarray, predictions: np.ndarray) -> float:
    """Return the accuracy of classes, the share of right tags, or the mean absolute error, as the targets are."""
    if targets.dtype.kind in "iu" and predictions.ndim == 2 and predictions.shape[1] > 1:
        return float((predictions.argmax(1) == targets.reshape(-1)).mean())
    targets = targets.reshape(predictions.shape)
    if predictions.ndim == 2 and predictions.shape[1] > 1 and np.isin(targets, (0, 1)).all():
        return float(((predictions > 0.5) == (targets > 0.5)).mean())
    return float(np.abs(predictions - targets).mean())
