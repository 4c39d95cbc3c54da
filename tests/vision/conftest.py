"""What several tests of pictures compare with."""

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture(scope="session")
def area_scaled() -> Callable[[np.ndarray, int], np.ndarray]:
    """The function (pixels, smaller size) -> mean of the part of the picture that each new pixel covers."""

    def shares(old: int, new: int) -> np.ndarray:
        edges = np.arange(new + 1)[:, None] * old / new
        overlap = np.minimum(edges[1:], np.arange(old) + 1) - np.maximum(edges[:-1], np.arange(old))
        return np.maximum(overlap, 0) * new / old

    def scale(pixels: np.ndarray, size: int) -> np.ndarray:
        rows, columns = (shares(old, size) for old in pixels.shape[:2])
        return np.einsum("ab,cd,bde->ace", rows, columns, pixels, optimize=True)

    return scale
