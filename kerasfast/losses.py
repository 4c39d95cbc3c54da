"""Losses for classes and tags that are rare, uncertain or wrongly labelled; each is computed in the graph."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasfast.basics.arguments import number, numbers, sized

LEAST_PROBABILITY = 1e-7


@keras.saving.register_keras_serializable("kerasfast")
class ClassLoss(keras.losses.Loss):
    """Cross-entropy of one class per row, with label smoothing and a weight for each class.

    Args:
        class_weights: (classes,) how much a row of each class counts; see `balanced_weights`.
        label_smoothing: The share of each target that is spread over all classes: wrong labels then cost less.
        name: Name of the loss.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> loss = ClassLoss(class_weights=balanced_weights(np.array([0, 0, 0, 1])))      # as `Learner(..., loss=loss)`
        >>> rare, common = loss.call([1], np.array([[0.5, 0.5]])), loss.call([0], np.array([[0.5, 0.5]]))
        >>> round(float(rare[0] / common[0]), 2)
        3.0
    """

    plain = "sparse_categorical_crossentropy"  # what a saved model says it was trained with

    def __init__(self, *, class_weights: Any = None, label_smoothing: float = 0.0, name: str = "class_loss"):
        super().__init__(name=name)
        self.class_weights = _weights(class_weights)
        self.label_smoothing = number("label_smoothing", label_smoothing, least=0, below=1)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row, of class numbers (n,) or (n, 1) and probabilities (n, classes)."""
        classes = y_pred.shape[-1]
        targets = ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), classes, dtype=y_pred.dtype)
        weights = 1.0 if self.class_weights is None else targets @ _column(self.class_weights, classes, y_pred.dtype)
        targets = targets * (1 - self.label_smoothing) + self.label_smoothing / classes
        losses = -ops.sum(targets * ops.log(ops.maximum(y_pred, LEAST_PROBABILITY)), axis=-1)
        return losses if self.class_weights is None else losses * weights[:, 0]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        return {"class_weights": self.class_weights, "label_smoothing": self.label_smoothing, "name": self.name}


@keras.saving.register_keras_serializable("kerasfast")
class TagLoss(keras.losses.Loss):
    """Cross-entropy of several tags per row; weights for rare tags, and less attention to what is easy.

    Args:
        tag_weights: (tags,) how much a tag counts where a row has it; see `balanced_weights`.
        label_smoothing: Targets are moved so far from 0 and 1 towards 1/2.
        focus: (present, absent) exponents: a tag that is there with probability p counts (1 - p) ** present times its
            loss, one that is not p ** absent times. (2, 2) is the focal loss of Lin et al. (2017), (0, 4) with a
            margin of 0.05 the asymmetric loss of Ridnik et al. (2021), for which most tags are absent and easily so.
        margin: Probabilities of absent tags up to this cost nothing.
        name: Name of the loss.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> plain, focal = TagLoss(), TagLoss(focus=(2, 2))
        >>> likely = np.array([[0.9, 0.2]])
        >>> float(plain.call([[1, 0]], likely)[0]) > 10 * float(focal.call([[1, 0]], likely)[0])
        True
    """

    plain = "binary_crossentropy"

    def __init__(
        self,
        *,
        tag_weights: Any = None,
        label_smoothing: float = 0.0,
        focus: tuple[float, float] = (0.0, 0.0),
        margin: float = 0.0,
        name: str = "tag_loss",
    ):
        super().__init__(name=name)
        self.tag_weights = _weights(tag_weights)
        self.label_smoothing = number("label_smoothing", label_smoothing, least=0, below=1)
        self.focus = tuple(number("focus", value, least=0) for value in sized("focus", focus))
        if len(self.focus) != 2:
            raise ValueError(f"`focus` must be two exponents (present, absent); received {focus!r:.100}.")
        self.margin = number("margin", margin, least=0, below=1)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the mean loss of each row's tags, of targets and probabilities (n, tags)."""
        present = ops.cast(y_true, y_pred.dtype)
        missed = 1 - y_pred
        claimed = ops.maximum(y_pred - self.margin, 0.0)
        of_present = -ops.log(ops.maximum(y_pred, LEAST_PROBABILITY)) * _power(missed, self.focus[0])
        of_absent = -ops.log(ops.maximum(1 - claimed, LEAST_PROBABILITY)) * _power(claimed, self.focus[1])
        if self.tag_weights is not None:
            of_present = of_present * ops.reshape(_column(self.tag_weights, y_pred.shape[-1], y_pred.dtype), (1, -1))
        share = present * (1 - self.label_smoothing) + self.label_smoothing / 2
        return ops.mean(share * of_present + (1 - share) * of_absent, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild this loss."""
        own = {"tag_weights": self.tag_weights, "label_smoothing": self.label_smoothing}
        return {**own, "focus": self.focus, "margin": self.margin, "name": self.name}


def balanced_weights(targets: np.ndarray, *, most: float = 20.0) -> np.ndarray:
    """Return weights with which classes, or the presence and the absence of each tag, count alike.

    Args:
        targets: Class numbers (n,), or multi-hot rows (n, tags).
        most: The largest weight: without a bound one row could decide everything.

    Returns:
        For classes n / (classes * count), so that rows weigh 1 in the mean; for tags absent / present. 1 for a class or
        a tag that no row has.

    Raises:
        ValueError: For targets of another shape.

    Example:
        >>> balanced_weights(np.array([0, 0, 0, 1]))
        array([0.66666667, 2.        ])
    """
    most, targets = number("most", most, least=1), numbers("targets", targets)
    if targets.ndim not in (1, 2) or not len(targets):
        raise ValueError(f"`targets` must be class numbers (n,) or rows of tags (n, tags); received {targets.shape}.")
    if targets.ndim == 1:
        counts = np.bincount(targets.astype(np.int64))
        weights = len(targets) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    else:
        counts = np.sum(targets > 0.5, axis=0)
        weights = (len(targets) - counts) / np.maximum(counts, 1)
    return np.where(counts == 0, 1.0, np.clip(weights, 1 / most, most))


def balanced_draws(targets: np.ndarray, *, most: float = 20.0) -> np.ndarray:
    """Return how often each row should come in an epoch so that classes come equally often, and rare tags more often.

    Args:
        targets: Class numbers (n,), or multi-hot rows (n, tags), of which a row's rarest tag counts.
        most: A row comes at most so many times.

    Returns:
        (n,) numbers that are 1 in the mean, for `ImageData.balanced`.

    Example:
        >>> balanced_draws(np.array([0, 0, 0, 1])).round(2)
        array([0.67, 0.67, 0.67, 2.  ])
    """
    targets, most = np.asarray(targets), number("most", most, above=1)
    if targets.ndim not in (1, 2) or not len(targets):
        raise ValueError(f"`targets` must be class numbers (n,) or rows of tags (n, tags); received {targets.shape}.")
    rows = np.eye(int(targets.max()) + 1)[targets.astype(np.int64)] if targets.ndim == 1 else targets > 0.5
    wanted = np.max(rows / np.maximum(rows.sum(axis=0), 1), axis=1)
    wanted[wanted == 0] = 1 / len(rows)  # rows without a tag
    for _ in range(20):  # what is cut off is given to the others
        wanted = np.minimum(wanted * len(rows) / wanted.sum(), most)
    return wanted


def _weights(values: Any) -> list[float] | None:
    if values is None:
        return None
    return [number("weights", float(value), least=0) for value in numbers("weights", values, axes=1)]


def _column(weights: list[float], count: int, dtype: Any) -> Any:
    if len(weights) != count:
        raise ValueError(f"The loss has {len(weights)} weights but the model has {count} outputs.")
    return ops.convert_to_tensor(np.array(weights)[:, None], dtype=dtype)


def _power(values: Any, exponent: float) -> Any:
    return values**exponent if exponent else 1.0
