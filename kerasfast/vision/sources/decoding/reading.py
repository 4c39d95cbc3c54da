"""Read the window of one picture inside a tf.data pipeline, and scale it to a square."""

import os
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from kerasfast.vision.sources.decoding.decode import open_image
from kerasfast.vision.sources.decoding.scanning import Scan

# Decoding at a half costs a third less; at least this much is left to the scaling that follows, which filters better.
_LEFT_TO_SCALE = 1.5
_MOST_HALVINGS = 3
_SPOILT = 2  # columns
_CHANGED = "has other sides than when the data was made"

Size = int | tuple[int, int]  # a side, or height and width
Reader = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(index (), box (4,) top, left, height, width) -> pixels (height, width, channels) uint8, or a fraction of them."""


def both_sides(size: Size) -> tuple[int, int]:
    """Return (height, width) of a square of `size` pixels, or of a rectangle, which `size` is then."""
    return size if isinstance(size, tuple) else (size, size)


def squared(pixels: tf.Tensor, size: Size) -> tf.Tensor:
    """Scale one window (height, width, channels) uint8 to the size of the network's pictures, uint8."""
    height, width = both_sides(size)
    return tf.ensure_shape(scaled(pixels, [height, width]), [height, width, pixels.shape[-1]])


def scaled(pixels: tf.Tensor, sides: Sequence[int] | tf.Tensor) -> tf.Tensor:
    """Scale a picture (height, width, channels) uint8 to `sides` (height, width), uint8.

    Shrinking averages areas, as the course's library does and in a third of the time of a triangle filter; where a side
    grows the filter is bilinear.
    """
    before = tf.shape(pixels)[:2]
    grows, shrinks = (tf.cast(tf.reduce_any(which), tf.int32) for which in (before < sides, before > sides))
    rounded = lambda values: tf.cast(values + 0.5, tf.uint8)
    return tf.switch_case(
        grows + 2 * shrinks,
        [
            lambda: pixels,
            lambda: rounded(tf.image.resize(pixels, sides)),
            lambda: rounded(tf.raw_ops.ResizeArea(images=pixels[None], size=sides)[0]),
            lambda: rounded(tf.image.resize(pixels, sides, antialias=True)),
        ],
    )


def cropped(pixels: tf.Tensor, sides: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """Return the window `box` of a picture of (height, width) `sides`, of which a reader may have given a fraction."""
    scale = tf.cast(tf.shape(pixels)[:2], tf.float32) / tf.cast(sides, tf.float32)
    edges = (tf.cast(edge, tf.float32) * scale for edge in (box[:2], box[:2] + box[2:]))
    (top, left), (bottom, right) = (tf.unstack(tf.cast(edge + 0.5, tf.int32)) for edge in edges)
    return pixels[top:bottom, left:right]


def array_reader(images: np.ndarray) -> Reader:
    """Return the reader of pictures in memory, (n, height, width, channels) uint8."""
    pixels = tf.constant(images)

    def read(index: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
        top, left, rows, columns = tf.unstack(box)
        return tf.slice(pixels[index], [top, left, 0], [rows, columns, images.shape[-1]])

    return read


def file_reader(paths: list[str], headers: Scan, size: Size, channels: int = 3) -> Reader:
    """Return the reader of files: TensorFlow decodes plain JPEGs, only the window; Pillow all else, and rightly.

    Args:
        paths: The files.
        headers: What their headers say.
        size: Side of the square, or sides of the rectangle, that each window will be scaled to: of much larger windows
            JPEG decodes a half, quarter or eighth of each side.
        channels: Other than 3, those of `open_image`.
    """
    names = [os.fsencode(path) for path in paths]
    opener = lambda name: open_image(os.fsdecode(name), channels)
    return coded_reader(names, headers, size, tf.io.read_file, opener, channels)


def bytes_reader(contents: Sequence[bytes], headers: Scan, size: Size, channels: int = 3) -> Reader:
    """Return the reader of files whose contents are in memory; the pixels are those of `file_reader`."""
    opener = lambda content: open_image(content, channels)
    return coded_reader(contents, headers, size, lambda content: content, opener, channels)


def coded_reader(
    items: Sequence[bytes],
    headers: Scan,
    size: Size,
    content_of: Callable[[tf.Tensor], tf.Tensor],
    opener: Callable[[bytes], np.ndarray],
    channels: int,
) -> Reader:
    """Return a reader of `items`, of which `content_of` gives the coded picture in a graph and `opener` the pixels."""
    held = tf.constant(list(items))
    plain, sides = tf.constant(headers.plain_jpeg), tf.constant(np.stack([headers.height, headers.width], 1))

    def open_and_crop(item: bytes, box: np.ndarray, sides: np.ndarray) -> np.ndarray:
        pixels = opener(item if isinstance(item, bytes) else item.item())  # outside a graph an array of one
        if pixels.shape[:2] != tuple(sides):
            raise ValueError(_CHANGED)
        top, left, height, width = box
        return pixels[top : top + height, left : left + width]

    def opened(index: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
        pixels = tf.numpy_function(open_and_crop, [held[index], box, sides[index]], tf.uint8, stateful=False)
        return tf.ensure_shape(pixels, [None, None, channels])

    def read(index: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
        decoded = lambda: _decoded(content_of(held[index]), box, sides[index], size)
        return tf.cond(plain[index], decoded, lambda: opened(index, box))

    return read if channels == 3 else opened


def _decoded(content: tf.Tensor, box: tf.Tensor, sides: tf.Tensor, size: Size) -> tf.Tensor:
    """Decode a window of a JPEG that must have (height, width) `sides`."""
    # A picture of other sides, put in the place of this one, would give a wrong window without a word.
    tf.debugging.assert_equal(tf.image.extract_jpeg_shape(content)[:2], sides, _CHANGED)
    return decoded_window(content, box, sides[1], size)


def decoded_window(content: tf.Tensor, box: tf.Tensor, width: tf.Tensor, size: Size) -> tf.Tensor:
    """Decode a window of a JPEG, at a fraction of its size where enough remains."""
    room = tf.cast(tf.reduce_min(box[2:]), tf.float32) / (_LEFT_TO_SCALE * max(both_sides(size)))
    halvings = tf.reduce_sum(tf.cast(room >= [2.0**power for power in range(1, _MOST_HALVINGS + 1)], tf.int32))
    decode = [lambda ratio=2**power: _decoded_at(ratio, content, box, width) for power in range(_MOST_HALVINGS + 1)]
    return tf.switch_case(halvings, decode)


def _decoded_at(ratio: int, content: tf.Tensor, box: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Decode a window at 1 / ratio, its edges moved to the nearest of the decoded pixels."""
    (top, left), (bottom, right) = (tf.unstack((edge + ratio // 2) // ratio) for edge in (box[:2], box[:2] + box[2:]))
    # The decoder takes a window's sides for the picture's own, which spoils the colours of the outermost columns.
    start, end = tf.maximum(left - _SPOILT, 0), tf.minimum(right + _SPOILT, -(-width // ratio))
    wider = tf.raw_ops.DecodeAndCropJpeg(
        contents=content,
        crop_window=tf.stack([top, start, bottom - top, end - start]),
        channels=3,
        ratio=ratio,
        dct_method="INTEGER_ACCURATE",
    )
    return wider[:, left - start : right - start]
