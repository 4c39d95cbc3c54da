"""What several schedules of one fit set together: who sets what, and their tables at one length."""

from collections.abc import Collection

import numpy as np


class FollowedTables:
    """Tables of rates, momentum and weight decay, a row per optimizer step, each from one follower of a fit."""

    def __init__(self):
        self._claims: dict[str, object] = {}
        self._tables: dict[str, np.ndarray] = {}

    def claim(self, follower: object, parts: Collection[str]) -> None:
        """Note who sets what.

        Raises:
            ValueError: If another follower sets one of the parts.
        """
        taken = [part for part in parts if self._claims.get(part, follower) is not follower]
        if taken:
            names = f"{type(self._claims[taken[0]]).__name__} and {type(follower).__name__}"
            raise ValueError(
                f"Two schedules set {' and '.join(taken)} in one fit: {names}. Leave one out; `Learner.fit` plans the "
                "rates itself."
            )
        self._claims |= dict.fromkeys(parts, follower)

    def put(self, tables: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return these tables with those put before, as long as the longest; shorter ones go on with their last row."""
        self._tables |= tables
        steps = max((len(table) for table in self._tables.values()), default=1)
        lengthen = lambda table: np.concatenate([table, np.repeat(table[-1:], steps - len(table), axis=0)])
        return {name: lengthen(table) for name, table in self._tables.items()}


def padded(table: np.ndarray) -> np.ndarray:
    """Repeat the last row up to a power of two, so that XLA compiles for few table sizes."""
    rows = 1 << (len(table) - 1).bit_length()
    return np.pad(table, [(0, rows - len(table)), (0, 0)], mode="edge").astype(np.float32)
