"""The course's own layers, as Keras layers."""

from collections.abc import Callable

import keras
from keras import layers

__all__ = ["AdaptiveConcatPool2d", "Flatten", "Lambda"]


def Flatten() -> layers.Layer:
    """Return the layer that makes rows of maps."""
    return layers.Flatten()


class AdaptiveConcatPool2d(layers.Layer):
    """Maxima, then averages, of each channel over the whole map: (n, h, w, c) to (n, 1, 1, 2 c).

    Args:
        sz: 1.
    """

    def __init__(self, sz: int | tuple | None = None, **arguments):
        if sz not in (None, 1, (1, 1)):
            raise ValueError(f"Here pooling gives 1 x 1; received {sz!r}.")
        super().__init__(**arguments)

    def call(self, x):
        where = {"axis": (1, 2), "keepdims": True}
        return keras.ops.concatenate([keras.ops.max(x, **where), keras.ops.mean(x, **where)], axis=-1)


def Lambda(f: Callable) -> layers.Layer:
    """Return a layer of a function of tensors."""
    return layers.Lambda(f)
