"""What pictures of one split are asked for, wherever they lie, and a data set made of such splits."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

import numpy as np

from kerasfast.basics.arguments import whole
from kerasfast.vision.sources.splits import folds_of

if TYPE_CHECKING:
    from kerasfast.vision.sources.decoding.reading import Reader

MOST_CHANNELS = 16  # more are the width of pictures whose channels come first


class Samples(Protocol):
    """The pictures of one split, with their targets: files, arrays, or files kept in memory."""

    @property
    def files(self) -> np.ndarray:
        """(n,) names, unique within the split."""

    @property
    def targets(self) -> np.ndarray | None:
        """(n,) int64 for one label each, (n, classes) float32 of 0 and 1 for tags, (n,) or (n, k) float32 for numbers.

        None without labels.
        """

    @property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) heights and (n,) widths in pixels."""

    @property
    def channels(self) -> int:
        """Channels of the pictures."""

    @property
    def on_disk(self) -> bool:
        """Whether the pictures are files, which are read and decoded anew in every epoch."""

    def __len__(self) -> int: ...

    def take(self, indices: np.ndarray | Sequence[int]) -> Self:
        """Return the samples at these positions, in this order."""

    def reader(self, size: int) -> Reader:
        """Return what reads windows of the pictures, to be scaled to `size` pixels or more."""

    def picture(self, index: int) -> np.ndarray:
        """Return one whole picture, (height, width, channels) uint8."""

    def content_keys(self) -> list[str]:
        """Return a hash of the content of each picture."""

    def broken(self) -> dict[str, str]:
        """Return name -> reason for the pictures that cannot be read now."""


class StoredSamples(Samples, Protocol):
    """Samples as a source lists them, from which other splits can be made."""

    def joined(self, other: Self) -> Self:
        """Return these samples and then the others."""


SomeSamples = TypeVar("SomeSamples", bound=StoredSamples)


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSource:
    """A data set of pictures as checked lists, before any pixel is read.

    Args:
        root: The folder that all files are relative to; of arrays, where a learner may write.
        train: Pictures to learn from.
        valid: Pictures to judge by.
        test: Pictures to predict, or None.
        classes: Sorted class names; the names of the numbers for regression.
        target_kind: `"single"` (one label each), `"multi"` (tags) or `"regression"`.
        skipped: Broken pictures that were left out, with the reason.
        groups: (n,) names for the training and then the validation pictures; those of a group stay in one fold.
    """

    root: pathlib.Path
    train: StoredSamples
    valid: StoredSamples
    test: StoredSamples | None
    classes: tuple[str, ...]
    target_kind: str
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)
    groups: np.ndarray | None = None

    def fold(self, fold: int, folds: int, seed: int) -> ImageSource:
        """Return the training and validation pictures divided anew: those of one of `folds` parts are for validation.

        Raises:
            ValueError: When an argument is out of range, or there are too few pictures for so many folds.
        """
        pool = self.train.joined(self.valid)
        fold = whole("fold", fold, least=0, most=whole("folds", folds, least=2) - 1)
        held = np.flatnonzero(folds_of(pool.targets, self.target_kind, folds, seed, self.groups) == fold)
        train, valid, groups = divided(pool, held, self.groups)
        return dataclasses.replace(self, train=train, valid=valid, groups=groups)

    def splits(self) -> dict[str, StoredSamples]:
        """Return the splits that there are, by `"train"`, `"valid"` and `"test"`."""
        named = {"train": self.train, "valid": self.valid, "test": self.test}
        return {name: samples for name, samples in named.items() if samples is not None}

    def broken(self) -> dict[str, str]:
        """Return name -> reason for the pictures of all splits that cannot be read now."""
        return {name: reason for samples in self.splits().values() for name, reason in samples.broken().items()}


def divided(
    samples: SomeSamples, held: np.ndarray, groups: np.ndarray | None
) -> tuple[SomeSamples, SomeSamples, np.ndarray | None]:
    """Return the samples for training, those at the positions `held` for validation, and the groups in that order."""
    kept = np.setdiff1d(np.arange(len(samples)), held)
    return samples.take(kept), samples.take(held), None if groups is None else groups[np.concatenate([kept, held])]
