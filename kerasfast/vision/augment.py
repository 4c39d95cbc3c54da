"""Augmentation of a batch on the CPU: rotate, mirror, shift and light each picture as its draws say.

Pillow turns a picture in half the time of TensorFlow's projective transform; symmetries of the square are exact, and
brightness and contrast cost one look-up per pixel.
"""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from kerasfast.vision.transforms import (
    ANGLE,
    BRIGHTNESS,
    CONTRAST,
    FLIP,
    QUARTER_TURNS,
    ROTATES,
    SHIFT_X,
    SHIFT_Y,
    Transforms,
)

_PADDINGS = {"reflect": "symmetric", "constant": "constant", "nearest": "edge", "wrap": "wrap"}


@dataclass(frozen=True)
class Choices:
    """What becomes of each picture of a batch.

    Args:
        angles: (n,) rotation in radians; 0 for none.
        turns: (n,) quarter turns after the rotation, 0 to 3.
        mirrored: (n,) bool, whether left and right are exchanged at the end.
        shifts: (n, 2) whole pixels (right, down) from where each pixel comes.
        factors: (n,) of the contrast, about the mean.
        offsets: (n,) of the brightness, in grey levels.
    """

    angles: np.ndarray
    turns: np.ndarray
    mirrored: np.ndarray
    shifts: np.ndarray
    factors: np.ndarray
    offsets: np.ndarray


def choices(draws: np.ndarray, transforms: Transforms) -> Choices:
    """Return what (n, DRAWS) uniform numbers mean; a contrast c < 0 divides as much as c > 0 multiplies."""
    most = math.radians(transforms.rotate)
    angles = np.where(draws[:, ROTATES] < 0.75, (2.0 * draws[:, ANGLE] - 1.0) * most, 0.0)
    symmetric = transforms.flip or transforms.dihedral
    contrast = (2.0 * draws[:, CONTRAST] - 1.0) * transforms.contrast
    return Choices(
        angles=angles,
        turns=(draws[:, QUARTER_TURNS] * (4 if transforms.dihedral else 0)).astype(int),
        mirrored=(draws[:, FLIP] < 0.5) & symmetric,
        shifts=np.floor(draws[:, [SHIFT_X, SHIFT_Y]] * (2 * transforms.pad + 1)).astype(int) - transforms.pad,
        factors=np.where(contrast < 0, 1.0 / (1.0 - contrast), 1.0 + contrast),
        offsets=(2.0 * draws[:, BRIGHTNESS] - 1.0) * transforms.brightness * 255.0,
    )


def augment(images: np.ndarray, draws: np.ndarray, transforms: Transforms) -> np.ndarray:
    """Rotate, shift, turn, mirror and light a batch.

    A rotated picture is right to one grey level (Pillow rounds down; lighting makes up for it on average), all
    else to rounding.

    Args:
        images: (n, size, size, 3) uint8.
        draws: (n, DRAWS) uniform numbers, a row per image.
        transforms: What to do.

    Returns:
        (n, size, size, 3) uint8.
    """
    chosen, margin = choices(draws, transforms), _margin(transforms)
    sides = ((0, 0), (margin, margin), (margin, margin), (0, 0))
    padded = np.pad(images, sides, mode=_PADDINGS[transforms.padding]) if margin else images
    result = np.empty_like(images)
    for index, angle in enumerate(chosen.angles):
        moved = _moved(padded[index], angle, chosen.shifts[index], transforms.size)
        if transforms.lights:
            moved = _lit(moved, chosen.factors[index], chosen.offsets[index], rounded_down=angle != 0)
        turned = np.rot90(moved, chosen.turns[index])
        result[index] = turned[:, ::-1] if chosen.mirrored[index] else turned
    return result


def _margin(transforms: Transforms) -> int:
    """Return by how many pixels rotation and shift reach beyond the picture."""
    angle = math.radians(min(transforms.rotate, 45.0))
    beyond = (transforms.size / 2) * (math.cos(angle) + math.sin(angle) - 1.0)
    return transforms.pad + (math.ceil(beyond) + 1 if transforms.rotate else 0)


def _moved(padded: np.ndarray, angle: float, shift: np.ndarray, size: int) -> np.ndarray:
    """Return the (size, size, 3) middle of a padded picture, shifted, and rotated about its centre."""
    margin = (len(padded) - size) // 2
    right, down = margin + shift
    if angle == 0:
        return padded[down : down + size, right : right + size]
    cosine, sine, centre = math.cos(angle), math.sin(angle), size / 2
    rows = (cosine, -sine, (1 - cosine + sine) * centre + right), (sine, cosine, (1 - sine - cosine) * centre + down)
    turned = Image.fromarray(padded).transform(
        (size, size), Image.Transform.AFFINE, (*rows[0], *rows[1]), Image.Resampling.BILINEAR
    )
    return np.asarray(turned)


def _lit(pixels: np.ndarray, factor: float, offset: float, *, rounded_down: bool) -> np.ndarray:
    """Change contrast about the mean, and brightness, by a table of the 256 grey levels."""
    levels = np.arange(256) + (0.5 if rounded_down else 0.0)
    mean = pixels.sum(dtype=np.int64) / pixels.size + levels[0]
    table = np.clip(np.rint((levels - mean) * factor + mean + offset), 0, 255).astype(np.uint8)
    return np.frombuffer(pixels.tobytes().translate(table.tobytes()), np.uint8).reshape(pixels.shape)
