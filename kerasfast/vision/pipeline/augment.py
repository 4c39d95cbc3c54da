"""Augmentation of a batch on the CPU: rotate, mirror, shift and light each picture as its draws say.

Symmetries of the square are exact, and brightness and contrast cost one look-up per pixel; for the rest see `warps`.
"""

import math

import numpy as np

from kerasfast.vision.pipeline.changes import Choices, apply_all
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

_SMALL_KERNELS = {3: [1, 2, 1], 5: [1, 4, 6, 4, 1], 7: [2, 7, 14, 18, 14, 7, 2]}


def choices(draws: np.ndarray, transforms: Transforms) -> Choices:
    """Return what (n, DRAWS) uniform numbers mean; a contrast c < 0 divides as much as c > 0 multiplies."""
    most = math.radians(transforms.rotate)
    angles = np.where(draws[:, ROTATES] < 0.75, (2.0 * draws[:, ANGLE] - 1.0) * most, 0.0)
    symmetric = transforms.flip or transforms.dihedral
    contrast = (2.0 * draws[:, CONTRAST] - 1.0) * transforms.contrast
    chosen = Choices(
        angles=angles,
        turns=(draws[:, QUARTER_TURNS] * (4 if transforms.dihedral else 0)).astype(int),
        mirrored=(draws[:, FLIP] < 0.5) & symmetric,
        shifts=np.floor(draws[:, [SHIFT_X, SHIFT_Y]] * (2 * transforms.pad + 1)).astype(int) - transforms.pad,
        factors=np.where(contrast < 0, 1.0 / (1.0 - contrast), 1.0 + contrast),
        offsets=(2.0 * draws[:, BRIGHTNESS] - 1.0) * transforms.brightness * 255.0,
        scales=np.ones((len(draws), 2)),
        blurs=np.ones(len(draws), int),
        holes=np.zeros((len(draws), sum(change.holes for change in transforms.changes), 3)),
    )
    apply_all(transforms.changes, chosen, draws)
    return chosen


def augment(images: np.ndarray, draws: np.ndarray, transforms: Transforms) -> np.ndarray:
    """Rotate, scale, shift, turn, mirror, blur, light and cut a batch.

    A warped picture is right to one grey level (Pillow rounds down, for which lighting makes up on average), with
    OpenCV and all else to rounding.

    Args:
        images: (n, size, size, channels) uint8.
        draws: (n, DRAWS) uniform numbers, a row per image.
        transforms: What to do.

    Returns:
        (n, size, size, channels) uint8.
    """
    chosen, warp, result = choices(draws, transforms), warp_of(images, transforms), np.empty_like(images)
    matrices, warped = chosen.matrices, chosen.warped
    for index, (picture, shift) in enumerate(zip(images, chosen.shifts, strict=True)):
        if warped[index]:
            moved = warp.rotated(index, matrices[index], shift)
        else:
            moved = warp.shifted(index, shift) if shift.any() else picture
        if chosen.blurs[index] > 1:
            moved = _blurred(moved, chosen.blurs[index])
        if transforms.lights:
            rounded_down = warped[index] and warp.rounds_down
            moved = _lit(moved, chosen.factors[index], chosen.offsets[index], rounded_down=rounded_down)
        if not warped[index]:
            moved = np.rot90(moved, chosen.turns[index])
            moved = moved[:, ::-1] if chosen.mirrored[index] else moved
        result[index] = moved
        _cut(result[index], chosen.holes[index])
    return result


def _blurred(pixels: np.ndarray, side: int) -> np.ndarray:
    """Blur by a Gaussian kernel of `side` taps a direction, that of OpenCV where no deviation is given."""
    places, deviation = np.arange(side) - side // 2, 0.3 * ((side - 1) * 0.5 - 1) + 0.8
    taps = np.asarray(_SMALL_KERNELS.get(side, np.exp(-(places**2) / (2 * deviation**2))))
    blurred = pixels.astype(np.float32)
    for axis in (0, 1):
        around = [(side // 2, side // 2) if axis == other else (0, 0) for other in range(3)]
        padded = np.moveaxis(np.pad(blurred, around, mode="reflect"), axis, 0)
        length = len(padded) - side + 1
        parts = (padded[first : first + length] * tap for first, tap in enumerate(taps / taps.sum()))
        blurred = np.moveaxis(sum(parts), 0, axis)
    return np.rint(blurred).astype(np.uint8)


def _cut(pixels: np.ndarray, holes: np.ndarray) -> None:
    """Blacken squares, each (row, column) of the centre as shares of the sides, and a side in pixels."""
    sides = np.array(pixels.shape[:2])
    for row, column, side in holes[holes[:, 2] > 0]:
        centre = np.floor(np.array([row, column]) * sides)
        top, left = np.clip(centre - side / 2, 0, sides).astype(int)
        bottom, right = np.clip(centre + side / 2, 0, sides).astype(int)
        pixels[top:bottom, left:right] = 0


def _lit(pixels: np.ndarray, factor: float, offset: float, *, rounded_down: bool) -> np.ndarray:
    """Change contrast about the mean, and brightness, by a table of the 256 grey levels."""
    levels = np.arange(256) + (0.5 if rounded_down else 0.0)
    mean = pixels.sum(dtype=np.int64) / pixels.size + levels[0]
    table = np.clip(np.rint((levels - mean) * factor + mean + offset), 0, 255).astype(np.uint8)
    return np.frombuffer(pixels.tobytes().translate(table.tobytes()), np.uint8).reshape(pixels.shape)
