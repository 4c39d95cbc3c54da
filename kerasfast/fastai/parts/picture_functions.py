"""The course's functions of one picture, (height, width, 3) floats from 0 to 1, for looking and for preparing files.

Training uses none of them: its transforms work on whole batches (see `tfms_from_stats`). Those that scale need OpenCV.
"""

import functools
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasfast.fastai.imports import cv2

__all__ = [
    "center_crop", "compose", "coords2px", "crop", "cutout", "det_dihedral", "det_lighting", "det_rotate",
    "det_stretch", "det_zoom", "dihedral", "googlenet_resize", "lighting", "no_crop", "rand0",
    "rotate_cv", "scale_min", "scale_to", "stretch_cv", "to_bb", "zoom_cv",
]  # fmt: skip


def scale_to(x: float, ratio: float, targ: int) -> int:
    """Return a side scaled by a ratio, no shorter than `targ`."""
    return max(int(x * ratio), targ)


def scale_min(im: np.ndarray, targ: int, interpolation: int | None = None) -> np.ndarray:
    """Return the picture with a shorter side of `targ` pixels."""
    ratio = targ / min(im.shape[:2])
    height, width = (scale_to(side, ratio, targ) for side in im.shape[:2])
    return _resized(im, (width, height), interpolation)


def no_crop(im: np.ndarray, min_sz: int | None = None, interpolation: int | None = None) -> np.ndarray:
    """Return the picture pressed into a square of `min_sz` pixels, by default of its shorter side."""
    side = min(im.shape[:2]) if min_sz is None else min_sz
    return _resized(im, (side, side), interpolation)


def crop(im: np.ndarray, r: int, c: int, sz: int) -> np.ndarray:
    """Return the square of `sz` pixels whose first row and column are r and c."""
    return im[r : r + sz, c : c + sz]


def center_crop(im: np.ndarray, min_sz: int | None = None) -> np.ndarray:
    """Return the square in the middle, by default of the shorter side."""
    side = min(im.shape[:2]) if min_sz is None else min_sz
    top, left = (math.ceil((whole - side) / 2) for whole in im.shape[:2])
    return crop(im, top, left, side)


def googlenet_resize(
    im: np.ndarray,
    targ: int,
    min_area_frac: float,
    min_aspect_ratio: float,
    max_aspect_ratio: float,
    flip_hw_p: float,
    interpolation: int | None = None,
) -> np.ndarray:
    """Return a window of random area and aspect, scaled to a square; the middle one where ten draws do not fit."""
    height, width = im.shape[:2]
    for _ in range(10):
        area = random.uniform(min_area_frac, 1) * height * width
        aspect = random.uniform(min_aspect_ratio, max_aspect_ratio)
        sides = [round(math.sqrt(area / aspect)), round(math.sqrt(area * aspect))]
        rows, columns = sides[::-1] if flip_hw_p else sides
        if 0 < rows <= height and 0 < columns <= width:
            top, left = random.randint(0, height - rows), random.randint(0, width - columns)
            return _resized(im[top : top + rows, left : left + columns], (targ, targ), interpolation)
    return center_crop(scale_min(im, targ, interpolation))


def dihedral(x: np.ndarray, dih: int) -> np.ndarray:
    """Return the picture turned by `dih` quarters, from 4 on mirrored too."""
    turned = np.rot90(x, dih % 4)
    return np.fliplr(turned) if dih >= 4 else turned


def lighting(im: np.ndarray, b: float, c: float) -> np.ndarray:
    """Return the picture with its contrast times c about the mean, and b added; from 0 to 1."""
    mean = np.mean(im)
    return np.clip((im - mean) * c + mean + b, 0, 1).astype(np.float32)


def rotate_cv(im: np.ndarray, deg: float, mode: int = 0, interpolation: int | None = None) -> np.ndarray:
    """Return the picture rotated about its middle; `mode` is OpenCV's number for what fills the corners."""
    how = cv2.INTER_AREA if interpolation is None else interpolation
    return _warped(im, deg, 1.0, borderMode=mode, flags=cv2.WARP_FILL_OUTLIERS + how)


def zoom_cv(x: np.ndarray, z: float) -> np.ndarray:
    """Return the middle of the picture enlarged by 1 + z, in the picture's size."""
    return _warped(x, 0, 1 + z) if z else x


def stretch_cv(x: np.ndarray, sr: float, sc: float, interpolation: int | None = None) -> np.ndarray:
    """Return the picture stretched by 1 + sr in width and 1 + sc in height, its middle in the picture's size."""
    height, width = x.shape[:2]
    large = _resized(x, (round(width * (1 + sr)), round(height * (1 + sc))), interpolation)
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    return large[top : top + height, left : left + width]


def cutout(im: np.ndarray, n_holes: int, length: int) -> np.ndarray:
    """Return a copy with black squares at random places."""
    result, half = np.array(im), length // 2
    for _ in range(n_holes):
        row, column = (np.random.randint(half, max(side - half, half + 1)) for side in im.shape[:2])
        result[row - half : row + half, column - half : column + half] = 0
    return result


det_dihedral = lambda dih: functools.partial(dihedral, dih=dih)
det_stretch = lambda sr, sc: functools.partial(stretch_cv, sr=sr, sc=sc)
det_lighting = lambda b, c: functools.partial(lighting, b=b, c=c)
det_rotate = lambda deg: functools.partial(rotate_cv, deg=deg)
det_zoom = lambda zoom: functools.partial(zoom_cv, z=zoom)


def rand0(s: float) -> float:
    """Return a number drawn between -s and s."""
    return random.uniform(-s, s)


def compose(im: Any, y: Any, fns: list[Callable]) -> Any:
    """Return what functions (picture, target), one after the other, make of both; without a target the picture."""
    for function in fns:
        im, y = function(im, y)
    return im if y is None else (im, y)


def to_bb(YY: np.ndarray, y: Any = None) -> np.ndarray:
    """Return the box (first row, first column, last row, last column) of what is not 0; zeros without any."""
    places = np.argwhere(YY)
    return np.concatenate([places.min(0), places.max(0)]).astype(np.float32) if len(places) else np.zeros(4, np.float32)


def coords2px(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return zeros of the picture's height and width with ones at the corners of a box (row, column, row, column)."""
    marks, (top, left, bottom, right) = np.zeros(x.shape[:2]), np.rint(y).astype(int)
    marks[[top, top, bottom, bottom], [left, right, left, right]] = 1
    return marks


def _resized(im: np.ndarray, size: tuple[int, int], interpolation: int | None) -> np.ndarray:
    return cv2.resize(im, size, interpolation=cv2.INTER_AREA if interpolation is None else interpolation)


def _warped(im: np.ndarray, degrees: float, scale: float, **options: int) -> np.ndarray:
    height, width = im.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    return cv2.warpAffine(im, matrix, (width, height), **options)
