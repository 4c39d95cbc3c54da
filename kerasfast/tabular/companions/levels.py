"""Levels of categories as numbers, for models that compare: what the target is on average where the level occurs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

PRIOR = 5.0  # rows of the mean of all that each level begins with
MOST = 4  # outputs whose means are taken


def count_told(outputs: int, activation: str) -> int:
    """Return how many columns `told_apart` gives."""
    return 1 if activation == "softmax" and outputs == 2 else min(outputs, MOST)


def told_apart(targets: np.ndarray, activation: str) -> np.ndarray:
    """Return the columns of targets (n, outputs) whose means are taken, at most 4: of two classes one says all."""
    outputs = targets.shape[1]
    if activation == "softmax":
        return targets[:, 1:] if outputs == 2 else targets[:, np.argsort(-targets.mean(axis=0))[:MOST]]
    return targets[:, :MOST]


@dataclass(frozen=True)
class LevelMeans:
    """Means of the target by level, drawn towards the mean of all where rows are few.

    Attributes:
        tables: (codes, means) by column.
    """

    tables: list[np.ndarray]

    @classmethod
    def of(
        cls, codes: np.ndarray, targets: np.ndarray, weights: np.ndarray, cardinalities: Mapping[str, int]
    ) -> "LevelMeans":
        """Return the means over rows: codes (n, columns), targets (n, means), weights (n,)."""
        prior = PRIOR * weights.mean()
        middle, weighted = np.average(targets, axis=0, weights=weights), targets * weights[:, None]
        tables = []
        for column, count in zip(codes.T, cardinalities.values(), strict=True):
            sums = np.stack([np.bincount(column, numbers, count) for numbers in weighted.T], axis=1)
            mass = np.bincount(column, weights, count)[:, None]
            tables.append(((sums + prior * middle) / (mass + prior)).astype(np.float32))
        return cls(tables)

    def numbers(self, codes: np.ndarray) -> np.ndarray:
        """Return codes (n, columns) as numbers (n, columns * means)."""
        if not self.tables:
            return np.zeros((len(codes), 0), np.float32)
        return np.concatenate([table[column] for table, column in zip(self.tables, codes.T, strict=True)], axis=1)


def means_before(codes: np.ndarray, targets: np.ndarray, weights: np.ndarray, seed: int) -> np.ndarray:
    """Return numbers (n, columns * means) for the rows of training, none of which looks at its own target.

    Each row has the means over the rows that come before it in a random order (Prokhorenkova et al., "CatBoost", 2018).
    """
    order = np.random.default_rng(seed).permutation(len(codes))
    prior, middle = PRIOR * weights.mean(), np.average(targets, axis=0, weights=weights)
    numbers = np.empty((len(codes), codes.shape[1], targets.shape[1]), np.float32)
    for place, column in enumerate(codes.T):
        rows = order[np.argsort(column[order], kind="stable")]
        mass = weights[rows][:, None].astype(np.float64)
        sums, masses = _before(targets[rows] * mass, column[rows]), _before(mass, column[rows])
        numbers[rows, place] = (sums + prior * middle) / (masses + prior)
    return numbers.reshape(len(codes), -1)


def _before(numbers: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the sum of the earlier rows of the same group, for rows sorted by group."""
    sums = numbers.cumsum(axis=0) - numbers
    first = np.append(True, groups[1:] != groups[:-1])
    return sums - sums[first][first.cumsum() - 1]
