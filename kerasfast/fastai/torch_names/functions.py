"""Functions of torch that modules of lessons call: losses, and pooling of pictures whose channels come first."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasfast.fastai.torch_names.tensors import CourseTensor

__all__ = [
    "avg_pool2d", "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "dropout", "l1_loss",
    "made", "max_pool2d", "mse_loss", "nll_loss", "whole",
]  # fmt: skip


def _pool(x, how, size: int, stride: int | None) -> Any:
    """Pool pictures whose channels come first."""
    pooled = how(ops.transpose(x, (0, 2, 3, 1)), size, strides=stride or size)
    return ops.transpose(pooled, (0, 3, 1, 2))


def max_pool2d(x, kernel_size: int, stride: int | None = None):
    """Max pooling of pictures whose channels come first."""
    return _pool(x, ops.max_pool, kernel_size, stride)


def avg_pool2d(x, kernel_size: int, stride: int | None = None):
    """Average pooling of pictures whose channels come first."""
    return _pool(x, ops.average_pool, kernel_size, stride)


def whole(name: str) -> Callable:
    """Return adaptive pooling to one number per channel, by `max` or `mean`."""

    def function(x, output_size: int | tuple = 1):
        if output_size not in (1, (1, 1)):
            raise ValueError(f"Here adaptive pooling gives 1 x 1; received {output_size!r}. See `keras.ops`.")
        return getattr(ops, name)(x, axis=(2, 3), keepdims=True)

    function.__doc__ = f"The {name} over the whole of pictures whose channels come first, kept as 1 x 1."
    return function


def dropout(x, p: float = 0.5, training: bool = False):
    """Dropout; outside of a training nothing."""
    return keras.random.dropout(x, p) if training else x


def made(function: Callable) -> Callable:
    """Return torch's way to make a tensor of sides that are given one by one or as a tuple."""

    def make(*sides: Any) -> CourseTensor:
        wanted = sides[0] if len(sides) == 1 and isinstance(sides[0], (tuple, list)) else sides
        return CourseTensor(function(tuple(wanted)))

    return make


def nll_loss(log_preds, targs, weight=None):
    """Mean negative log-likelihood of class indices (n,) under log-probabilities (n, classes).

    Args:
        log_preds: (n, classes).
        targs: (n,).
        weight: (classes,) of each class; the mean is then divided by the weights of the targets.
    """
    hot = ops.one_hot(targs, log_preds.shape[-1], dtype=log_preds.dtype)
    likelihoods = ops.sum(log_preds * hot, axis=-1)
    if weight is None:
        return -ops.mean(likelihoods)
    weights = ops.sum(hot * ops.cast(ops.convert_to_tensor(np.asarray(weight)), hot.dtype), axis=-1)
    return -ops.sum(weights * likelihoods) / ops.sum(weights)


def cross_entropy(preds, targs, weight=None):
    """Mean cross-entropy of class indices (n,) under logits (n, classes), which log-probabilities are too."""
    return nll_loss(ops.log_softmax(preds, axis=-1), targs, weight)


def binary_cross_entropy_with_logits(preds, targs):
    """Mean cross-entropy of logits and zeros or ones of the same shape."""
    return ops.mean(keras.losses.binary_crossentropy(targs, preds, from_logits=True))


def binary_cross_entropy(preds, targs):
    """Mean cross-entropy of probabilities and zeros or ones of the same shape."""
    return ops.mean(keras.losses.binary_crossentropy(targs, preds))


def mse_loss(preds, targs):
    """Mean squared difference."""
    return ops.mean(keras.losses.mean_squared_error(targs, preds))


def l1_loss(preds, targs):
    """Mean absolute difference."""
    return ops.mean(keras.losses.mean_absolute_error(targs, preds))
