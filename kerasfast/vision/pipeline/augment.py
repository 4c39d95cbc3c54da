"""Augmentation of a batch on the CPU: rotate, mirror, shift and light each picture as its draws say.

Symmetries of the square are exact, and brightness and contrast cost one look-up per pixel; for the rest see `warps`.
"""

import math
from dataclasses import dataclass

import numpy as np

from kerasfast.vision.pipeline.transforms import (
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
from kerasfast.vision.pipeline.warps import warp_of


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

    @property
    def matrices(self) -> np.ndarray:
        """(n, 4) rotation, turns, mirroring as one: a pixel at (x, y) from the centre comes from (ax + by, cx + dy)."""
        angles, mirror = self.angles + self.turns * (np.pi / 2), np.where(self.mirrored, -1.0, 1.0)
        cosine, sine = np.cos(angles), np.sin(angles)
        return np.stack([cosine * mirror, -sine, sine * mirror, cosine], 1)


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

    A rotated picture is right to one grey level (Pillow rounds down, for which lighting makes up on average), with
    OpenCV and all else to rounding.

    Args:
        images: (n, size, size, channels) uint8.
        draws: (n, DRAWS) uniform numbers, a row per image.
        transforms: What to do.

    Returns:
        (n, size, size, channels) uint8.
    """
    chosen, warp, result = choices(draws, transforms), warp_of(images, transforms), np.empty_like(images)
    matrices = chosen.matrices
    for index, (picture, shift) in enumerate(zip(images, chosen.shifts, strict=True)):
        rotated = chosen.angles[index] != 0
        if rotated:
            moved = warp.rotated(index, matrices[index], shift)
        else:
            moved = warp.shifted(index, shift) if shift.any() else picture
        if transforms.lights:
            rounded_down = rotated and warp.rounds_down
            moved = _lit(moved, chosen.factors[index], chosen.offsets[index], rounded_down=rounded_down)
        if not rotated:
            moved = np.rot90(moved, chosen.turns[index])
            moved = moved[:, ::-1] if chosen.mirrored[index] else moved
        result[index] = moved
    return result


def _lit(pixels: np.ndarray, factor: float, offset: float, *, rounded_down: bool) -> np.ndarray:
    """Change contrast about the mean, and brightness, by a table of the 256 grey levels."""
    levels = np.arange(256) + (0.5 if rounded_down else 0.0)
    mean = pixels.sum(dtype=np.int64) / pixels.size + levels[0]
    table = np.clip(np.rint((levels - mean) * factor + mean + offset), 0, 255).astype(np.uint8)
    return np.frombuffer(pixels.tobytes().translate(table.tobytes()), np.uint8).reshape(pixels.shape)
