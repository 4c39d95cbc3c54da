"""Read the window of one picture inside a tf.data pipeline, and scale it to a square."""

import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kerasfast.vision.decode import Scan, open_image

# Decoding at a half costs a third less; at least this much is left to the scaling that follows, which filters better.
_LEFT_TO_SCALE = 1.5
_MOST_HALVINGS = 3

Reader = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(index (), box (4,) top, left, height, width) -> pixels (height, width, 3) uint8, or an even fraction of them."""


def squared(pixels: tf.Tensor, size: int) -> tf.Tensor:
    """Scale one window (height, width, 3) uint8 to (size, size, 3) uint8.

    Shrinking averages areas, as the course's library does and in a third of the time of a triangle filter; where a side
    grows the filter is bilinear.
    """
    shrinks = tf.reduce_all(tf.shape(pixels)[:2] >= size)
    scaled = tf.cond(
        shrinks,
        lambda: tf.raw_ops.ResizeArea(images=pixels[None], size=[size, size])[0],
        lambda: tf.image.resize(pixels, [size, size], antialias=True),
    )
    return tf.cast(scaled + 0.5, tf.uint8)


def array_reader(images: np.ndarray) -> Reader:
    """Return the reader of pictures in memory, (n, height, width, 3) uint8."""
    pixels = tf.constant(images)

    def read(index: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
        top, left, rows, columns = tf.unstack(box)
        return tf.slice(pixels[index], [top, left, 0], [rows, columns, 3])

    return read


def file_reader(paths: list[str], headers: Scan, size: int) -> Reader:
    """Return the reader of files: TensorFlow decodes plain JPEGs, only the window; Pillow all else, and rightly.

    Args:
        paths: The files.
        headers: What their headers say.
        size: Side of the square that each window will be scaled to: of much larger windows JPEG decodes a half,
            quarter or eighth of each side.
    """
    names, plain = tf.constant([os.fsencode(path) for path in paths]), tf.constant(headers.plain_jpeg)

    def read(index: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
        name = names[index]
        return tf.cond(
            plain[index],
            lambda: _decoded(tf.io.read_file(name), box, size),
            lambda: _ensure_rgb(tf.numpy_function(_open_and_crop, [name, box], tf.uint8, stateful=False)),
        )

    return read


def _decoded(content: tf.Tensor, box: tf.Tensor, size: int) -> tf.Tensor:
    """Decode a window of a JPEG, at a fraction of its size where enough remains."""
    room = tf.cast(tf.reduce_min(box[2:]), tf.float32) / (_LEFT_TO_SCALE * size)
    halvings = tf.reduce_sum(tf.cast(room >= [2.0**power for power in range(1, _MOST_HALVINGS + 1)], tf.int32))

    def decode_at(ratio: int) -> Callable[[], tf.Tensor]:
        return lambda: tf.raw_ops.DecodeAndCropJpeg(
            contents=content, crop_window=_fraction(box, ratio), channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE"
        )

    return tf.switch_case(halvings, [decode_at(2**power) for power in range(_MOST_HALVINGS + 1)])


def _fraction(box: tf.Tensor, ratio: int) -> tf.Tensor:
    """Return the box in the pixels of a picture that is decoded at 1 / ratio, its edges at the nearest ones."""
    corner, opposite = ((edge + ratio // 2) // ratio for edge in (box[:2], box[:2] + box[2:]))
    return tf.concat([corner, opposite - corner], 0)


def _ensure_rgb(pixels: tf.Tensor) -> tf.Tensor:
    return tf.ensure_shape(pixels, [None, None, 3])


def _open_and_crop(path: bytes, box: np.ndarray) -> np.ndarray:
    top, left, height, width = box
    return open_image(os.fsdecode(path))[top : top + height, left : left + width]
