"""What a data set of pictures is, before a pixel is read: names, targets, classes and the split."""

from __future__ import annotations

import dataclasses
import operator
import pathlib

import numpy as np

from kerasfast.vision.decode import Scan

KINDS = ("single", "multi", "regression")


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Picture files and what is known about them.

    Args:
        files: (n,) str, names relative to the source's root, with forward slashes.
        targets: (n,) int64 class numbers; (n, classes) float32 multi-hot; (n,) or (n, values) float32 for regression; None where
            nothing is known.
    """

    files: np.ndarray
    targets: np.ndarray | None = None

    def __post_init__(self):
        if self.targets is not None and len(self.targets) != len(self.files):
            raise ValueError(f"There are {len(self.files)} files but {len(self.targets)} targets; pass one for each.")

    def __len__(self) -> int:
        return len(self.files)

    def take(self, indices: np.ndarray) -> Samples:
        """Return some of the samples: by indices, or where a boolean mask is true."""
        return Samples(self.files[indices], None if self.targets is None else self.targets[indices])


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSource:
    """Where the pictures and labels of a task come from, checked.

    Args:
        root: the folder that the file names are relative to.
        train: samples to learn from.
        valid: samples to judge by.
        test: samples to predict, labelled or not.
        classes: sorted class names; for regression the names of the values.
        kind: "single" (one class each), "multi" (any number of them) or "regression".
        skipped: file -> reason, for the ones left out because of `on_error="skip"`.
        scans: "train", "valid" and "test" -> sizes and kinds of the files of that split, in the same order.
    """

    root: pathlib.Path
    train: Samples
    valid: Samples
    test: Samples | None
    classes: tuple[str, ...]
    kind: str
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)
    scans: dict[str, Scan] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"`kind` must be one of {', '.join(KINDS)}, received {self.kind!r}.")

    @property
    def splits(self) -> dict[str, Samples]:
        """The samples by the name of their split; "test" only where there is one."""
        found = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: samples for name, samples in found.items() if samples is not None}


def validation_indices(n: int, *, fold: int = 0, fraction: float = 0.2, seed: int = 42) -> np.ndarray:
    """Return the rows to hold out: a slice of one seeded permutation, the course's `get_cv_idxs` number for number.

    NumPy's global state is neither used nor changed.

    Args:
        n: number of rows.
        fold: which slice, from 0; slices of different folds share no row.
        fraction: size of a slice as a part of `n`, between 0 and 1; `int(fraction * n)` rows.
        seed: of the permutation.

    Returns:
        (int(fraction * n),) int64 indices, in the permutation's order.
    """
    n, fold = operator.index(n), operator.index(fold)
    if not 0 < fraction < 1:
        raise ValueError(f"`fraction` must lie between 0 and 1 (0.2 holds out a fifth), received {fraction}.")
    count = int(fraction * n)
    if count < 1:
        raise ValueError(f"A fraction of {fraction} of {n} rows is no row at all; pass a larger one, or the indices.")
    if fold < 0 or fold * count >= n:
        raise ValueError(f"`fold` must be from 0 to {(n - 1) // count} for {n} rows in slices of {count}, received {fold}.")
    return np.random.RandomState(seed).permutation(n)[fold * count :][:count]


def validation_mask(indices, n: int) -> np.ndarray:
    """Return the (n,) bool mask of validation rows after checking the indices a user passed."""
    indices = np.asarray(indices)
    if indices.ndim != 1 or indices.size and indices.dtype.kind not in "iu":
        raise ValueError(
            f"`valid_indices` must be a flat list of row numbers, received shape {indices.shape} of {indices.dtype}; "
            "np.flatnonzero makes row numbers of a mask."
        )
    outside = indices[(indices < 0) | (indices >= n)]
    if len(outside):
        raise ValueError(f"`valid_indices` must lie between 0 and {n - 1} for {n} rows, received {outside[:5].tolist()}.")
    numbers, counts = np.unique(indices, return_counts=True)
    if (counts > 1).any():
        raise ValueError(f"`valid_indices` holds rows more than once: {numbers[counts > 1][:5].tolist()}.")
    if len(numbers) in (0, n):
        received = "all of them" if len(numbers) else "none"
        raise ValueError(f"`valid_indices` must leave rows for both training and validation; of {n} rows it held {received}.")
    mask = np.zeros(n, bool)
    mask[numbers] = True
    return mask
