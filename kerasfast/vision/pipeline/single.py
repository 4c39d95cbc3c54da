"""One picture from anywhere, cropped and scaled as those of a validation set."""

import os

import numpy as np
import tensorflow as tf

from kerasfast.vision.pipeline.transforms import DRAWS, Transforms, windows
from kerasfast.vision.sources.decoding.decode import open_image
from kerasfast.vision.sources.decoding.reading import squared


def validation_pixels(
    image: str | os.PathLike | bytes | np.ndarray, transforms: Transforms, channels: int = 3
) -> np.ndarray:
    """Return the pixels (size, size, channels) that a network is given of a picture.

    Args:
        image: A file, its bytes, or an array (height, width, channels) uint8.
        transforms: Of training; what they do to validation pictures is done.
        channels: That the network reads; other than 3, those that a file must have (see `open_image`).

    Raises:
        ValueError: If an array is no such picture.
    """
    pixels = image if isinstance(image, np.ndarray) else open_image(image, channels)
    if pixels.ndim != 3 or pixels.shape[-1] != channels or pixels.dtype != np.uint8:
        raise ValueError(
            f"A picture is uint8 of shape (height, width, {channels}); received {pixels.dtype}, {pixels.shape}."
        )
    transforms = transforms.validation()
    height, width = ([side] for side in pixels.shape[:2])
    top, left, height, width = windows(transforms, height, width, tf.zeros([1, DRAWS])).numpy()[0]
    return squared(pixels[top : top + height, left : left + width], transforms.size)
