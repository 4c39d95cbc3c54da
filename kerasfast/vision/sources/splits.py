"""Choose which pictures judge and which teach: validation rows and folds that never empty a class of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasfast.basics.arguments import number, whole

MOST_FOLDS = 10**6  # a share each: more would not fit into memory
ALWAYS_TRAIN = -1  # the fold of a row that no fold may take out of training


def validation_indices(n: int, *, fold: int = 0, fraction: float = 0.2, seed: int = 42) -> np.ndarray:
    """Return the rows of one validation fold, the same as the course's `get_cv_idxs`.

    `RandomState(seed).permutation(n)[fold * k : (fold + 1) * k]` with `k = int(fraction * n)`. NumPy's global state
    stays as it is.

    Args:
        n: Rows of the data set.
        fold: Which fold, from 0.
        fraction: Share of the rows in a fold, above 0 and below 1.
        seed: Decides the permutation.

    Returns:
        (k,) row numbers.

    Raises:
        ValueError: When an argument is out of range, or the fold would be empty.

    Example:
        >>> validation_indices(10).tolist()
        [8, 1]
    """
    n, fold = whole("n", n), whole("fold", fold, least=0)
    fraction = number("fraction", fraction, above=0, below=1)
    size = int(fraction * n)
    if size == 0:
        raise ValueError(f"A fraction of {fraction} of {n} rows leaves the validation set empty; pass a larger one.")
    if fold * size >= n:
        raise ValueError(f"`fold` {fold} is empty: {n} rows have folds of {size}, the last one is {(n - 1) // size}.")
    return _random(seed).permutation(n)[fold * size : (fold + 1) * size]


@dataclass(frozen=True)
class Draw:
    """How to draw validation rows.

    Args:
        fraction: Share of the rows, above 0 and below 1.
        seed: Decides which.

    Raises:
        ValueError: When an argument is out of range.
    """

    fraction: float = 0.2
    seed: int = 42

    def __post_init__(self):
        number("valid_fraction", self.fraction, above=0, below=1)
        whole("seed", self.seed, least=0, most=2**32 - 1)


def held_out(targets: np.ndarray, target_kind: str, draw: Draw, groups: np.ndarray | None = None) -> np.ndarray:
    """Return the sorted rows for validation: a share of every class, and of every tag as nearly as rows allow.

    The same rows for the same arguments. A class keeps at least one row for training. Numbers to predict are drawn at
    random.

    Args:
        targets: (n,) class indices, (n, classes) zeros and ones, or numbers.
        target_kind: `"single"`, `"multi"` or `"regression"`.
        draw: How many, and which.
        groups: (n,) names; the rows of a group stay together.

    Raises:
        ValueError: When no row can be taken.
    """
    if int(draw.fraction * len(targets)) == 0:
        raise ValueError(
            f"A fraction of {draw.fraction} of {len(targets)} rows leaves the validation set empty; pass a larger one."
        )
    shares = [draw.fraction, 1 - draw.fraction]
    held = np.flatnonzero(_assigned(targets, target_kind, shares, draw.seed, groups, validating=1) == 0)
    if len(held) == 0:
        raise ValueError(
            f"No row can be taken for validation without emptying a class of training: there are {_units(groups)}. "
            "Pass a larger `valid_fraction`, or validation pictures of your own."
        )
    return held


def folds_of(
    targets: np.ndarray, target_kind: str, folds: int, seed: int, groups: np.ndarray | None = None
) -> np.ndarray:
    """Return the fold, from 0, in which each row is for validation: (n,) int64, drawn as by `held_out`.

    A row that holds the only example of a class has fold `ALWAYS_TRAIN`.

    Raises:
        ValueError: When an argument is out of range, or a fold would be empty.
    """
    folds = whole("folds", folds, least=2, most=MOST_FOLDS)
    assigned = _assigned(targets, target_kind, [1 / folds] * folds, seed, groups, validating=folds)
    filled = len(np.unique(assigned[assigned != ALWAYS_TRAIN]))
    if filled < folds:
        raise ValueError(f"Only {filled} of {folds} folds have rows: there are {_units(groups)}. Pass fewer `folds`.")
    return assigned


def _units(groups: np.ndarray | None) -> str:
    return "too few rows of each class" if groups is None else f"{len(np.unique(groups))} groups to keep together"


def _assigned(
    targets: np.ndarray,
    target_kind: str,
    shares: Sequence[float],
    seed: int,
    groups: np.ndarray | None,
    validating: int,
) -> np.ndarray:
    """Return the part (n,) that each row belongs to, of parts with these shares of the rows and of each class.

    Args:
        targets, target_kind, seed, groups: As in `held_out`.
        shares: Of the parts.
        validating: How many of the parts, from the first, are for validation: none of them may hold all of a class.
    """
    random, count = _random(seed), len(targets)
    if groups is not None:
        names, group = np.unique(np.asarray(groups).astype(str), return_inverse=True)
        classes = _classes_of_groups(targets, target_kind, group, len(names))
        sizes = np.bincount(group, minlength=len(names))
        return _rescued(_fair(np.column_stack([sizes, classes]), shares, random), classes > 0, validating)[group]
    if target_kind == "multi":
        return _rescued(_iterative(targets > 0, shares, random), targets > 0, validating)
    labels = targets if target_kind == "single" else np.zeros(count, np.int64)
    counts, order = np.bincount(labels), random.permutation(count)
    order = order[np.argsort(labels[order], kind="stable")]
    place = np.arange(count) - np.repeat(np.cumsum(counts) - counts, counts)
    parts = np.empty(count, np.int64)
    if validating == 1:
        parts[order] = place >= _quotas(counts, shares[0], keep=target_kind == "single")[labels[order]]
        return parts
    # Dealt in turn, class after class: the parts differ by one row, overall and of each class.
    parts[order] = np.arange(count) % validating
    parts[(counts[labels] == 1) & (target_kind == "single")] = ALWAYS_TRAIN
    return parts


def _classes_of_groups(targets: np.ndarray, target_kind: str, group: np.ndarray, count: int) -> np.ndarray:
    """Return how often each class is in each group, (groups, classes); numbers have no classes."""
    if target_kind == "regression":
        return np.zeros((count, 0), np.int64)
    classes = targets.shape[1] if target_kind == "multi" else int(targets.max()) + 1
    counts = np.zeros((count, classes), np.int64)
    if target_kind == "multi":
        np.add.at(counts, group, targets > 0)
    else:
        np.add.at(counts, (group, targets), 1)
    return counts


def _quotas(counts: np.ndarray, fraction: float, keep: bool) -> np.ndarray:
    """Return how many rows of each class to take, `fraction` of all together: the largest remainders are rounded up.

    Args:
        counts: (classes,) rows.
        fraction: Share to take.
        keep: Whether one row of each class has to stay.
    """
    wanted, most = fraction * counts, np.maximum(counts - keep, 0)
    taken = np.minimum(wanted.astype(np.int64), most)
    room = np.flatnonzero(taken < most)
    missing = int(fraction * counts.sum()) - taken.sum()
    taken[room[np.argsort(taken[room] - wanted[room], kind="stable")][:missing]] += 1
    return taken


def _iterative(owns: np.ndarray, shares: Sequence[float], random: np.random.RandomState) -> np.ndarray:
    """Assign rows with tags to parts, the rarest remaining tag first (Sechidis, Tsoumakas and Vlahavas, 2011).

    Args:
        owns: (n, tags) bool.
        shares: Of the parts.
        random: Shuffles.
    """
    parts, order = np.empty(len(owns), np.int64), random.permutation(len(owns))
    lacks, room = np.outer(shares, owns.sum(0)), np.array(shares) * len(owns)
    left = owns.sum(0)
    while left.any():
        tag = int(np.argmin(np.where(left > 0, left, len(owns) + 1)))
        having = owns[order, tag]
        for row in order[having]:
            part = max(range(len(shares)), key=lambda part: (lacks[part, tag], room[part]))
            parts[row] = part
            room[part] -= 1
            lacks[part] -= owns[row]
        left -= owns[order[having]].sum(0)
        order = order[~having]
    for row in order:  # without a tag
        parts[row] = part = int(np.argmax(room))
        room[part] -= 1
    return parts


def _fair(sizes: np.ndarray, shares: Sequence[float], random: np.random.RandomState) -> np.ndarray:
    """Assign groups to parts, the largest first, each to where rows and classes then come nearest to their shares.

    Args:
        sizes: (groups, 1 + classes) rows of each group, and how many have each class.
        shares: Of the parts.
        random: Shuffles groups of the same size.
    """
    parts, order = np.empty(len(sizes), np.int64), random.permutation(len(sizes))
    goal = np.outer(shares, np.maximum(sizes.sum(0), 1))
    held = np.zeros_like(goal)
    for group in order[np.argsort(-sizes[order, 0], kind="stable")]:
        # By how much the sum of (held - goal)^2 / goal grows in each part.
        growth = (sizes[group] * (2 * (held - goal) + sizes[group]) / goal).sum(1)
        parts[group] = int(np.argmin(growth))
        held[parts[group]] += sizes[group]
    return parts


def _rescued(parts: np.ndarray, owns: np.ndarray, validating: int) -> np.ndarray:
    """Return the parts after one of every class that lies in a single part for validation was given back to training.

    Args:
        parts: (n,) of rows, or of groups.
        owns: (n, classes) which classes they have.
        validating: As in `_assigned`.
    """
    parts = parts.copy()
    for having in owns.T:
        held = np.unique(parts[having])
        if len(held) == 1 and 0 <= held[0] < validating:
            parts[np.flatnonzero(having)[0]] = ALWAYS_TRAIN
    return parts


def _random(seed: int) -> np.random.RandomState:
    return np.random.RandomState(whole("seed", seed, least=0, most=2**32 - 1))
