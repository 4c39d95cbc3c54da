"""Predictions of a network as it is at present, batch by batch."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from kerasfast.basics.bars import progress_bar
from kerasfast.vision.networks.folding import folding


class PresentNetwork:
    """Predictions (n, ...) of pictures (n, height, width, channels) uint8; each size of pictures is traced once.

    Args:
        model: The model, whose weights may change from call to call.
    """

    def __init__(self, model: keras.Model):
        self._model = model
        self._functions: dict[tuple[int, ...], Callable[[tf.Tensor], tf.Tensor]] = {}

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        sides = pixels.shape[1:]
        if sides not in self._functions:
            self._functions[sides] = folding(self._model, [None, *sides])
        return self._functions[sides](tf.constant(pixels)).numpy()


def predicted(run: Callable[[np.ndarray], np.ndarray], batches: tf.data.Dataset) -> np.ndarray:
    """Return the predictions (n, ...) of batches of pictures (b, height, width, channels), with targets or without."""
    pictures = (batch[0] if isinstance(batch, tuple) else batch for batch in batches)
    bar = progress_bar(pictures, total=len(batches), desc="predicting", unit="batch", leave=False, delay=2)
    return np.concatenate([run(pixels.numpy()) for pixels in bar])
