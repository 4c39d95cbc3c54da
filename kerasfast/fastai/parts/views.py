"""What `TTA()` gives."""

from typing import Any

import numpy as np

__all__ = ["Views"]


class Views(tuple):
    """A pair (predictions of the views, targets), which as an array is the mean of the views."""

    __slots__ = ()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(np.mean(self[0], axis=0), dtype)
