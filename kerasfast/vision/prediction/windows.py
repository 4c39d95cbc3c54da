"""One picture at a time, from the bytes of its file to the square that the network reads."""

import functools
import os
import sys

import numpy as np
import tensorflow as tf

from kerasfast.vision.pipeline.transforms import DRAWS, Transforms, windows
from kerasfast.vision.sources.decoding.decode import ImageError, content_of, open_image
from kerasfast.vision.sources.decoding.reading import decoded_window, squared
from kerasfast.vision.sources.decoding.scanning import scan_contents


class WindowReader:
    """Crops and scales pictures as a view does, to the same pixels, without a dataset for each.

    Args:
        transforms: Size and crop.
        most_pixels: Larger pictures are refused before they are decoded.
    """

    def __init__(self, transforms: Transforms, *, most_pixels: int = 100_000_000) -> None:
        self._transforms, self._most_pixels = transforms.validation(), most_pixels
        size = transforms.size
        content, box = tf.TensorSpec([], tf.string), tf.TensorSpec([4], tf.int32)
        side = tf.TensorSpec([], tf.int32)
        self._box = tf.function(
            lambda height, width: windows(self._transforms, height[None], width[None], tf.zeros([1, DRAWS]))[0],
            input_signature=[side, side],
        )
        self._from_jpeg = tf.function(
            lambda content, box, width: squared(decoded_window(content, box, width, size), size),
            input_signature=[content, box, side],
        )
        self._from_pixels = tf.function(
            lambda pixels: squared(pixels, size), input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)]
        )

    def of(self, picture: str | os.PathLike | bytes) -> np.ndarray:
        """Return (size, size, 3) uint8 of a file, or of the bytes of one.

        Raises:
            ImageError: As in a call, and if there is no such file.
        """
        content = content_of(picture)
        return self(content, f"<{len(content)} bytes>" if isinstance(picture, bytes) else os.fspath(picture))

    def __call__(self, content: bytes, name: str = "picture") -> np.ndarray:
        """Return (size, size, 3) uint8.

        Raises:
            ImageError: If it is no picture, is damaged, or is too large.
        """
        found = scan_contents([content], [name])
        if found.problems:
            raise ImageError(found.problems)
        height, width = int(found.height[0]), int(found.width[0])
        if height * width > self._most_pixels:
            raise ImageError({name: f"has {height} x {width} pixels; {self._most_pixels} are allowed"})
        box = self._box(height, width)
        try:
            if found.plain_jpeg[0]:
                return self._from_jpeg(content, box, width).numpy()
            top, left, rows, columns = box.numpy()
            return self._from_pixels(open_image(content)[top : top + rows, left : left + columns]).numpy()
        except tf.errors.InvalidArgumentError as error:
            raise ImageError({name: "is damaged"}) from error


@functools.lru_cache(maxsize=4)
def window_reader(transforms: Transforms) -> WindowReader:
    """Return what reads one's own pictures of any size; the last few are kept, for each is traced."""
    return WindowReader(transforms, most_pixels=sys.maxsize)
