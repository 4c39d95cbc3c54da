"""Augmentation of a batch where the network runs: one warp and the lighting, compiled into the training step.

The choices are those of `augment`; only the pixels are moved elsewhere, and without rounding.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from kerasfast.vision.pipeline.augment import choices
from kerasfast.vision.pipeline.transforms import Transforms

MOVES = 8  # numbers per picture: a 2 x 2 matrix, a shift (right, down), a factor and an offset
PIXELS = "pixels"  # the input of every network, see `graphs.rebuild`


def moves(draws: np.ndarray, transforms: Transforms) -> np.ndarray:
    """Return what becomes of each picture, (n, MOVES) float32, from its draws (n, DRAWS).

    The matrix and the shift lead from a pixel's place about the centre (right, down) to the place that it comes from.
    """
    chosen = choices(draws, transforms)
    columns = [chosen.matrices, chosen.shifts, chosen.factors[:, None], chosen.offsets[:, None]]
    return np.concatenate(columns, 1).astype(np.float32)


@dataclass(frozen=True)
class Mover:
    """Moves and lights the pixels of a batch on the device.

    Args:
        padding: What lies beyond the edges, as in `Transforms`.
    """

    padding: str

    def __call__(self, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        """Return pixels (n, size, size, 3) float32 from "pixels" (n, size, size, 3) uint8 and "moves" (n, MOVES)."""
        pixels, numbers = inputs[PIXELS], inputs["moves"]
        return lit(warped(pixels, numbers[:, :6], self.padding), *tf.unstack(numbers[:, 6:], axis=1))


def warped(pixels: tf.Tensor, places: tf.Tensor, padding: str) -> tf.Tensor:
    """Look up every pixel at its place (n, 6), bilinearly."""
    count, (height, width, channels) = tf.shape(pixels)[0], pixels.shape[1:]
    flat = tf.reshape(pixels, [-1, channels])
    middle, centre = (height - 1) / 2, (width - 1) / 2
    across, down = tf.meshgrid(tf.range(width, dtype=tf.float32) - centre, tf.range(height, dtype=tf.float32) - middle)
    a, b, c, d, right, below = (value[:, None, None] for value in tf.unstack(places, axis=1))
    x, y = a * across + b * down + right + centre, c * across + d * down + below + middle
    left, top = tf.floor(x), tf.floor(y)
    first = tf.range(count)[:, None, None] * height
    result = tf.zeros([count, height, width, channels])
    for row, row_weight in ((top, top + 1 - y), (top + 1, y - top)):
        for column, column_weight in ((left, left + 1 - x), (left + 1, x - left)):
            weight = row_weight * column_weight
            if padding == "constant":
                weight *= tf.cast((row >= 0) & (row < height) & (column >= 0) & (column < width), tf.float32)
            index = (first + _folded(row, height, padding)) * width + _folded(column, width, padding)
            result += weight[..., None] * tf.cast(tf.gather(flat, index), tf.float32)
    return result


def lit(pixels: tf.Tensor, factors: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
    """Change the contrast of each picture about its mean by a factor (n,), and its brightness by an offset (n,)."""
    means = tf.reduce_mean(pixels, axis=(1, 2, 3), keepdims=True)
    factors, offsets = factors[:, None, None, None], offsets[:, None, None, None]
    return tf.clip_by_value((pixels - means) * factors + means + offsets, 0.0, 255.0)


def _folded(places: tf.Tensor, size: int, padding: str) -> tf.Tensor:
    """Return the pixels in which places beyond the edges are found, int32."""
    places = tf.cast(places, tf.int32)
    if padding == "wrap":
        return tf.math.floormod(places, size)
    if padding == "reflect":
        places = tf.math.floormod(places, 2 * size)
        return tf.minimum(places, 2 * size - 1 - places)
    return tf.clip_by_value(places, 0, size - 1)
