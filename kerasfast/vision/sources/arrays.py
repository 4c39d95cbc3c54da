"""Pictures that are arrays in memory: the checks and the source that `ImageData.from_arrays` uses."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.basics.arguments import TARGET_KINDS, choice, sized
from kerasfast.basics.warned import warn_caller
from kerasfast.vision.sources.file_samples import content_key
from kerasfast.vision.sources.listing.labels import LARGEST_TARGET
from kerasfast.vision.sources.samples import MOST_CHANNELS, ImageSource, divided
from kerasfast.vision.sources.splits import Draw, held_out

if TYPE_CHECKING:
    from kerasfast.vision.sources.decoding.reading import Reader


@dataclass(frozen=True, eq=False)
class ArraySamples:
    """The `Samples` of arrays.

    Args:
        images: (n, height, width, channels) uint8.
        targets: As in `Samples`.
        files: (n,) names, here the running numbers.
    """

    images: np.ndarray
    targets: np.ndarray | None
    files: np.ndarray

    on_disk = False

    def __len__(self) -> int:
        return len(self.images)

    @property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) heights and (n,) widths in pixels."""
        height, width = (np.full(len(self), side, np.int32) for side in self.images.shape[1:3])
        return height, width

    @property
    def channels(self) -> int:
        """Channels of the pictures: 3, or more where the arrays have more."""
        return self.images.shape[-1]

    def take(self, indices: np.ndarray | Sequence[int]) -> ArraySamples:
        """Return the samples at these positions, in this order."""
        targets = None if self.targets is None else self.targets[indices]
        return ArraySamples(self.images[indices], targets, self.files[indices])

    def joined(self, other: ArraySamples) -> ArraySamples:
        """Return these samples and then the others, named by their numbers in all.

        Raises:
            ValueError: When their sides differ.
        """
        if self.images.shape[1:] != other.images.shape[1:]:
            raise ValueError(
                f"Training pictures of shape {self.images.shape[1:]} and validation pictures of shape "
                f"{other.images.shape[1:]} cannot be divided anew; bring them to one size."
            )
        images, targets = np.concatenate([self.images, other.images]), np.concatenate([self.targets, other.targets])
        return _samples(images, targets)

    def reader(self, size: int) -> Reader:
        """Return what reads windows of the pictures."""
        from kerasfast.vision.sources.decoding.reading import array_reader

        return array_reader(self.images)

    def picture(self, index: int) -> np.ndarray:
        """Return one whole picture, (height, width, channels) uint8."""
        return self.images[index]

    def content_keys(self) -> list[str]:
        """Return a hash of the pixels of each picture."""
        shape = repr(self.images.shape[1:]).encode()
        return [content_key(shape + image.tobytes()) for image in self.images]

    def broken(self) -> dict[str, str]:
        """Return nothing: pictures in memory can always be read."""
        return {}


def arrays_source(
    path: str | os.PathLike,
    train: tuple[np.ndarray, np.ndarray],
    valid: tuple[np.ndarray, np.ndarray] | None,
    *,
    draw: Draw | None = None,
    groups: Sequence[Any] | np.ndarray | None = None,
    test: np.ndarray | tuple[np.ndarray, np.ndarray] | None = None,
    classes: Sequence[str] | None = None,
    target_kind: str | None = None,
) -> ImageSource:
    """Return a source over arrays; `ImageData.from_arrays` says what they hold.

    Args:
        path: Folder for what a learner writes.
        train, valid, test, classes, target_kind, groups: As in `ImageData.from_arrays`.
        draw: How to choose the validation pictures where `valid` is None.
    """
    if target_kind is not None:
        choice("target_kind", target_kind, TARGET_KINDS)
    named = {"train": _pair("train", train)} | ({} if valid is None else {"valid": _pair("valid", valid)})
    if isinstance(test, (tuple, list)):
        named["test"] = _pair("test", test)
    images = {name: _pixels(name, pair[0]) for name, pair in named.items()}
    _check_channels(images)
    targets = {name: _column(pair[1], target_kind) for name, pair in named.items()}
    for name in named:
        if targets[name].ndim == 0 or len(images[name]) != len(targets[name]):
            count = len(targets[name]) if targets[name].ndim else "a single value as"
            raise ValueError(f"`{name}` has {len(images[name])} images but {count} targets.")
    kind = target_kind or ("multi" if targets["train"].ndim == 2 else "single")
    names = _class_names(kind, targets["train"], classes)
    shape = targets["train"].shape[1:]
    targets = {name: _targets(name, values, kind, len(names), shape) for name, values in targets.items()}
    splits = {name: _samples(images[name], targets[name]) for name in named}
    if test is not None and "test" not in splits:
        images["test"] = _pixels("test", test)
        _check_channels(images)
        splits["test"] = _samples(images["test"], None)
    groups = _groups(groups, sum(len(splits[name]) for name in ("train", "valid") if name in splits))
    if valid is None:
        held = held_out(splits["train"].targets, kind, draw or Draw(), groups)
        splits["train"], splits["valid"], groups = divided(splits["train"], held, groups)
    parts = (splits["train"], splits["valid"], splits.get("test"))
    return ImageSource(pathlib.Path(path), *parts, names, kind, groups=groups)


def _check_channels(images: dict[str, np.ndarray]) -> None:
    counts = {name: pixels.shape[-1] for name, pixels in images.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(f"Pictures of one data set need the same channels; received {counts}.")


def _groups(groups: Any, count: int) -> np.ndarray | None:
    if groups is None:
        return None
    groups = np.asarray(groups)
    if groups.shape != (count,):
        raise ValueError(f"`groups` must have shape ({count},), a name for each picture; received {groups.shape}.")
    return groups


def _pair(name: str, pair: tuple) -> tuple:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        received = f"{len(pair)} of them" if isinstance(pair, (tuple, list)) else type(pair).__name__
        raise ValueError(f"`{name}` must be a pair (images, targets); received {received}.")
    return pair


def _column(targets: np.ndarray, target_kind: str | None) -> np.ndarray:
    """Return targets as an array; one column of class numbers, as in Keras's CIFAR, is flat."""
    targets = np.asarray(targets)
    is_column = targets.ndim == 2 and targets.shape[1] == 1
    return targets[:, 0] if is_column and targets.dtype.kind in "iu" and target_kind in (None, "single") else targets


def _samples(images: np.ndarray, targets: np.ndarray | None) -> ArraySamples:
    return ArraySamples(images, targets, np.array([f"{index:06d}" for index in range(len(images))]))


def _pixels(name: str, images: np.ndarray) -> np.ndarray:
    expected = f"(n, height, width) or (n, height, width, 1 to {MOST_CHANNELS})"
    try:
        images = np.asarray(images)
    except ValueError as error:
        raise ValueError(f"The images of `{name}` must be one array of shape {expected}: {error}.") from error
    if images.ndim == 3 and images.shape[-1] in (1, 2, 3):
        raise ValueError(f"`{name}` seems to be one picture, of shape {images.shape}; pass an array {expected}.")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or not 0 < images.shape[-1] <= MOST_CHANNELS or not images.size:
        raise ValueError(f"The images of `{name}` must have shape {expected}, no side 0; received {images.shape}.")
    if images.dtype != np.uint8:
        images = _eight_bits(name, images)
    return _three_channels(images)


def _three_channels(images: np.ndarray) -> np.ndarray:
    """Return one channel three times, and two with their mean as the third, as pretrained networks need them.

    More than three stay: the network is widened for them.
    """
    if images.shape[-1] == 1:
        return np.repeat(images, 3, axis=-1)
    if images.shape[-1] == 2:
        mean = (images.sum(axis=-1, keepdims=True, dtype=np.uint16) + 1) // 2
        return np.concatenate([images, mean.astype(np.uint8)], axis=-1)
    return images


def _eight_bits(name: str, images: np.ndarray) -> np.ndarray:
    low, high = (images.min(), images.max()) if images.dtype.kind in "biuf" else ("?", "?")
    if not np.issubdtype(images.dtype, np.floating) or not (low >= 0 and high <= 1):
        raise ValueError(
            f"The images of `{name}` must be uint8, or floats from 0 to 1; received {images.dtype} from {low} to "
            f"{high}."
        )
    return np.round(images * 255).astype(np.uint8)


def _class_names(kind: str, targets: np.ndarray, classes: Sequence[str] | None) -> tuple[str, ...]:
    if kind == "single":
        if not np.issubdtype(targets.dtype, np.integer):
            names = "number names and truth values: `classes, targets = np.unique(targets, return_inverse=True)`"
            raise ValueError(
                f"The targets of `train`, of one class each, must be whole numbers; received {targets.dtype}. "
                + ("For values pass `target_kind='regression'`." if targets.dtype.kind == "f" else f"To do: {names}.")
            )
        if targets.min() < 0:
            raise ValueError(
                f"The targets of `train` must be class indices from 0 to {max(0, targets.max())}; received "
                f"[{targets.min()}]."
            )
        count = max(int(targets.max()) + 1, 0)
    else:
        count = 1 if targets.ndim == 1 else targets.shape[1]
    names = tuple(str(name) for name in (range(count) if classes is None else sized("classes", classes)))
    if len(names) < count or (kind != "single" and len(names) != count):
        raise ValueError(f"`classes` has {len(names)} names but the targets have {count} classes.")
    if len(set(names)) < len(names):
        raise ValueError(f"`classes` must be different names; received {', '.join(names)}.")
    absent = np.setdiff1d(np.arange(count), targets) if kind == "single" and classes is None else ()
    if len(absent) > 0 and count > 1:
        warn_caller(f"Classes {absent[:5].tolist()} of {count} have no picture in `train`; number classes from 0 on.")
    if kind == "single" and len(names) < 2:
        raise ValueError(f"A classifier needs two classes or more; the targets of `train` are all {targets.max()}.")
    return names


def _targets(name: str, targets: np.ndarray, kind: str, count: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return checked targets; `shape` is that of one target in training."""
    if targets.ndim > 2 or (kind != "single" and targets.shape[1:] != shape):
        raise ValueError(f"The targets of `{name}` must have shape {('n', *shape)}; received {targets.shape}.")
    if kind == "regression":
        if targets.dtype.kind not in "iuf" or not np.isfinite(targets).all():
            raise ValueError(f"The targets of `{name}` must be finite numbers; received {targets.dtype}.")
        if float(np.abs(targets).max(initial=0)) > LARGEST_TARGET:
            raise ValueError(f"The targets of `{name}` are too large for 32-bit floats; scale them or take logarithms.")
        return targets.astype(np.float32)
    if kind == "multi":
        if not np.isin(targets, (0, 1)).all():
            raise ValueError(f"The targets of `{name}` must be zeros and ones; received {np.unique(targets)[:5]}.")
        return targets.astype(np.float32)
    if targets.ndim != 1 or targets.dtype.kind not in "iu":
        raise ValueError(
            f"The targets of `{name}` must be whole numbers of shape (n,), as those of `train`; received "
            f"{targets.dtype} of shape {targets.shape}."
        )
    unknown = np.unique(targets[(targets < 0) | (targets >= count)])
    if len(unknown):
        raise ValueError(
            f"The targets of `{name}` must be class indices from 0 to {count - 1}; received {unknown[:5]}."
        )
    return targets.astype(np.int64)
