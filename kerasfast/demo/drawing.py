"""Draw shapes a map is made of, as NumPy arrays: noise, strokes, fields, specks, light and shadow."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

# Shapes are drawn this many times larger and scaled down, which gives thin roads smooth edges.
_OVERSAMPLING = 3


def value_noise(
    rng: np.random.Generator, size: int, cells: float, *, octaves: int = 4, persistence: float = 0.5
) -> np.ndarray:
    """Return smooth random heights, (size, size), with mean 0 and standard deviation 1.

    Args:
        rng: Source of randomness.
        size: Pixels a side.
        cells: Bumps across the picture in the coarsest octave; each next octave has twice as many.
        octaves: Octaves to add up, as far as the pixels can show them.
        persistence: Strength of an octave relative to the one before.
    """
    total = np.zeros((size, size), dtype=np.float32)
    for octave in range(octaves):
        count = max(2, round(cells * 2**octave) + 1)
        grid = rng.standard_normal((count, count), dtype=np.float32)
        if count > size and octave:
            break
        layer = Image.fromarray(grid).resize((size, size), Image.Resampling.BICUBIC)
        total += persistence**octave * np.asarray(layer)
    return (total - total.mean()) / max(float(total.std()), 1e-6)


def soft_step(values: np.ndarray, softness: float) -> np.ndarray:
    """Return 0 well below zero, 1 well above it, and a smooth slope as wide as `softness` between."""
    ramp = np.clip(values / softness + 0.5, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def relief(heights: np.ndarray) -> np.ndarray:
    """Return how brightly a light from the upper left hits each pixel of a surface, 0 where it is flat."""
    down, right = np.gradient(heights)
    return down + right


def shifted(values: np.ndarray, down: int, right: int) -> np.ndarray:
    """Return the picture moved by whole pixels, its border repeated."""
    rows = np.clip(np.arange(values.shape[0]) - down, 0, values.shape[0] - 1)
    columns = np.clip(np.arange(values.shape[1]) - right, 0, values.shape[1] - 1)
    return values[np.ix_(rows, columns)]


def softened(pixels: np.ndarray, strength: float) -> np.ndarray:
    """Return the picture mixed with the mean of its neighbours, as a camera's optics do it."""
    around = sum(shifted(pixels, down, right) for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0))) / 4
    return (1 - strength) * pixels + strength * around


def blend(pixels: np.ndarray, mask: np.ndarray, colour: np.ndarray | tuple[float, float, float]) -> None:
    """Paint a colour, or a whole picture, over the pixels in place, as opaque as the mask says (0 to 1)."""
    pixels += mask[..., None] * (np.asarray(colour, dtype=np.float32) - pixels)


def stroke(points: np.ndarray, size: int, width: float) -> np.ndarray:
    """Return the mask of a line.

    Args:
        points: Corners as (x, y) in 0..1, shape (n, 2).
        size: Pixels a side.
        width: Width in pixels; may be below 1.
    """
    large = size * _OVERSAMPLING
    picture = Image.new("L", (large, large))
    corners = [(float(x) * large, float(y) * large) for x, y in points]
    draw, pen = ImageDraw.Draw(picture), max(1, round(width * _OVERSAMPLING))
    draw.line(corners, fill=255, width=pen)
    if pen > 3:
        # Pillow leaves notches on the outside of bends.
        for x, y in corners:
            draw.ellipse([x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2], fill=255)
    return _reduced(picture)


def specks(centres: np.ndarray, size: int, sides: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """Return the mask of small squares.

    Args:
        centres: Positions as (x, y) in 0..1, shape (n, 2).
        size: Pixels a side.
        sides: Side of each square in pixels, (n,).
        brightness: Opacity of each, 0 to 1, (n,).
    """
    large = size * _OVERSAMPLING
    picture = Image.new("L", (large, large))
    draw = ImageDraw.Draw(picture)
    for (x, y), side, value in zip(centres * large, sides * _OVERSAMPLING / 2, brightness, strict=True):
        draw.rectangle([float(x - side), float(y - side), float(x + side), float(y + side)], fill=int(255 * value))
    return _reduced(picture)


def crossing_path(rng: np.random.Generator, *, bend: float, corners: int) -> np.ndarray:
    """Return a path from one border to another, as (x, y) in 0..1.

    Args:
        rng: Source of randomness.
        bend: How far the path strays from a straight line, in picture widths.
        corners: Corners between both ends; few give a bent road, many a river.
    """
    angle = rng.uniform(0, 2 * np.pi)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    position = np.linspace(-0.85, 0.85, corners + 2)
    knots = np.linspace(-0.85, 0.85, 6)
    stray = np.interp(position, knots, rng.normal(0, bend, 6)) if corners < 6 else _smooth_stray(rng, position, bend)
    middle = rng.uniform(0.25, 0.75, 2)
    return middle + position[:, None] * along + stray[:, None] * across


def patchwork(rng: np.random.Generator, size: int, cell: float, wobble: float) -> np.ndarray:
    """Return the number of the field each pixel lies in: a turned grid of uneven rectangles, (size, size).

    Args:
        rng: Source of randomness.
        size: Pixels a side.
        cell: Typical side of a field in picture widths.
        wobble: How far borders stray, in picture widths.
    """
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    angle = rng.uniform(0, np.pi)
    stray = wobble * value_noise(rng, size, 6, octaves=3)
    across = x * np.cos(angle) + y * np.sin(angle) + stray
    along = y * np.cos(angle) - x * np.sin(angle) + stray
    lines = [np.cumsum(rng.uniform(0.6, 1.4, 24) * cell) for _ in range(2)]
    middles = [line[-1] / 2 for line in lines]
    column, row = (
        np.searchsorted(line, values + m) for line, values, m in zip(lines, (across, along), middles, strict=True)
    )
    return column * 25 + row


def _smooth_stray(rng: np.random.Generator, position: np.ndarray, bend: float) -> np.ndarray:
    waves = rng.uniform(2, 9, 4)
    phases, heights = rng.uniform(0, 2 * np.pi, 4), rng.normal(0, 1, 4) * 2.5 / waves
    return bend * (heights * np.sin(position[:, None] * waves + phases)).sum(axis=1)


def _reduced(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.reduce(_OVERSAMPLING), dtype=np.float32) / 255
