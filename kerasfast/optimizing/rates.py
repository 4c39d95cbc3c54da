"""Numbers for layer groups: one for all, or one for each."""

from collections.abc import Sequence

import numpy as np

Rates = float | Sequence[float] | np.ndarray


def per_group(name: str, values: Rates, groups: int) -> np.ndarray:
    """Return `values` as one float per layer group.

    Raises:
        ValueError: If these are no numbers, neither one nor `groups` of them, or one is negative or not finite.
    """
    try:
        array = np.atleast_1d(np.asarray(values))
    except ValueError:  # lists of unequal length
        array = np.asarray(["no numbers"])
    if array.dtype.kind not in "iuf":
        raise ValueError(f"`{name}` must be a number, or one per layer group; received {values!r}.")
    array = array.astype(np.float64)
    if array.ndim != 1 or len(array) not in (1, groups):
        count = array.size if array.ndim == 1 else f"shape {array.shape}, {array.size}"
        allowed = f"1 or {groups} values" if groups > 1 else "1 value"
        noun = "group" if groups == 1 else "groups"
        raise ValueError(f"`{name}` has {count} values but the model has {groups} layer {noun}; pass {allowed}.")
    if not np.all(np.isfinite(array)) or np.any(array < 0):
        raise ValueError(f"`{name}` must be finite numbers, 0 or more; received {array.tolist()}.")
    return np.broadcast_to(array, (groups,)).copy()
