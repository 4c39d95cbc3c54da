"""Rotation, scale and shift of a batch of pictures: by OpenCV where it is installed, at a third of Pillow's cost."""

import functools
import math
from typing import Any, Protocol

import numpy as np
from PIL import Image

from kerasfast.vision.pipeline.transforms import Transforms

_OLDEST_OPENCV = 5  # OpenCV 4 looks up at 1/32 of a pixel, which is up to three grey levels off
_MOST_CHANNELS = 4  # that OpenCV warps
_MODES = {"reflect": "symmetric", "constant": "constant", "nearest": "edge", "wrap": "wrap"}
_BORDERS = {
    "reflect": "BORDER_REFLECT",
    "constant": "BORDER_CONSTANT",
    "nearest": "BORDER_REPLICATE",
    "wrap": "BORDER_WRAP",
}


class Warp(Protocol):
    """Looks up pixels of a batch of pictures (n, size, size, channels) uint8."""

    rounds_down: bool
    """Whether a rotated picture is rounded down instead of to the nearest grey level."""

    def rotated(self, index: int, matrix: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Return a picture whose pixel at (x, y) from the centre comes from (ax + by, cx + dy) + shift."""
        ...

    def shifted(self, index: int, shift: np.ndarray) -> np.ndarray:
        """Return a picture whose pixels come from `shift` (right, down) whole pixels further."""
        ...


def warp_of(images: np.ndarray, transforms: Transforms) -> Warp:
    """Return what looks up the pixels of (n, size, size, channels) uint8 pictures."""
    known = opencv() is not None and images.shape[-1] <= _MOST_CHANNELS
    return OpenCVWarp(images, transforms) if known else PillowWarp(images, transforms)


@functools.cache
def opencv() -> Any:
    """Return the module cv2, or None where it is not installed or too old (extra `opencv`)."""
    try:
        import cv2
    except ImportError:
        return None
    return cv2 if int(cv2.__version__.split(".")[0]) >= _OLDEST_OPENCV else None


class OpenCVWarp:
    """By `cv2.warpAffine`, right to rounding."""

    rounds_down = False

    def __init__(self, images: np.ndarray, transforms: Transforms) -> None:
        self._cv2, self._images = opencv(), images
        self._border = getattr(self._cv2, _BORDERS[transforms.padding])

    def rotated(self, index: int, matrix: np.ndarray, shift: np.ndarray) -> np.ndarray:
        picture, flags = self._images[index], self._cv2.INTER_LINEAR | self._cv2.WARP_INVERSE_MAP
        square = matrix.reshape(2, 2)
        centre = (np.array(picture.shape[1::-1]) - 1) / 2
        places = np.column_stack([square, centre - square @ centre + shift])
        return self._cv2.warpAffine(picture, places, picture.shape[1::-1], flags=flags, borderMode=self._border)

    def shifted(self, index: int, shift: np.ndarray) -> np.ndarray:
        return self.rotated(index, np.array([1.0, 0.0, 0.0, 1.0]), shift)


class PillowWarp:
    """By Pillow's affine transform, which knows no padding: the pictures are padded first."""

    rounds_down = True

    def __init__(self, images: np.ndarray, transforms: Transforms) -> None:
        self._sides, self._margin = transforms.sides, _margin(transforms)
        sides = ((0, 0), (self._margin, self._margin), (self._margin, self._margin), (0, 0))
        self._padded = np.pad(images, sides, mode=_MODES[transforms.padding]) if self._margin else images

    def rotated(self, index: int, matrix: np.ndarray, shift: np.ndarray) -> np.ndarray:
        (a, b, c, d), (right, down), sides = matrix, shift + self._margin, self._sides[::-1]
        x, y = sides[0] / 2, sides[1] / 2
        places = (a, b, x - a * x - b * y + right, c, d, y - c * x - d * y + down)
        picture = self._padded[index]
        # Pillow takes a fourth channel for opacity, by which it would weigh the colours.
        parts = [picture] if picture.shape[-1] == 3 else list(np.moveaxis(picture, -1, 0))
        turned = [
            np.asarray(
                Image.fromarray(part).transform(sides, Image.Transform.AFFINE, places, Image.Resampling.BILINEAR)
            )
            for part in parts
        ]
        return turned[0] if len(turned) == 1 else np.stack(turned, axis=-1)

    def shifted(self, index: int, shift: np.ndarray) -> np.ndarray:
        right, down = shift + self._margin
        return self._padded[index, down : down + self._sides[0], right : right + self._sides[1]]


def _margin(transforms: Transforms) -> int:
    """Return by how many pixels rotation and shift reach beyond the picture."""
    longer, shorter = sorted(transforms.sides, reverse=True)
    farthest = math.degrees(math.atan2(longer, shorter))  # where the shorter side reaches farthest
    angle = math.radians(min(transforms.most_degrees, farthest))
    beyond = (shorter * math.cos(angle) + longer * math.sin(angle) - shorter) / 2
    return transforms.pad + (math.ceil(beyond) + 1 if angle else 0)
