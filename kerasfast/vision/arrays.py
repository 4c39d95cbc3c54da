"""Pictures that are arrays in memory: the checks and the source that `ImageData.from_arrays` uses."""

import os
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasfast.vision.sources import ImageSource


@dataclass(frozen=True)
class ArraySamples:
    """Pictures of one split.

    Attributes:
        images: (n, height, width, 3) uint8.
        targets: (n,) class indices, (n, c) multi-hot or regression targets, or None.
        files: (n,) names, here the running numbers.
    """

    images: np.ndarray
    targets: np.ndarray | None
    files: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices) -> "ArraySamples":
        """Return some of the samples, in the order of `indices`."""
        targets = None if self.targets is None else self.targets[indices]
        return ArraySamples(self.images[indices], targets, self.files[indices])


def arrays_source(
    path: str | os.PathLike,
    train: tuple[np.ndarray, np.ndarray],
    valid: tuple[np.ndarray, np.ndarray],
    *,
    test: np.ndarray | None = None,
    classes: Sequence[str] | None = None,
    regression: bool = False,
) -> ImageSource:
    """Return a source over arrays.

    Args:
        path: Folder for what a learner writes.
        train: (images, targets): images (n, height, width) or (n, height, width, 1 or 3), uint8 or floats from 0 to 1;
            targets (n,) whole numbers for one class each, (n, c) zeros and ones for tags, floats for a regression.
        valid: The same for validation.
        test: Images alone.
        classes: Class names in the order of the indices; the numbers by default.
        regression: Whether targets are values.

    Raises:
        ValueError: If shapes, ranges or labels do not fit; the message names the array.
    """
    named = {"train": train, "valid": valid}
    images = {name: _pixels(name, pair[0]) for name, pair in named.items()}
    targets = {name: np.asarray(pair[1]) for name, pair in named.items()}
    for name in named:
        if len(images[name]) != len(targets[name]):
            raise ValueError(f"`{name}` has {len(images[name])} images but {len(targets[name])} targets.")
    kind = "regression" if regression else "multi" if targets["train"].ndim == 2 else "single"
    names = _class_names(kind, targets["train"], classes)
    targets = {name: _targets(name, values, kind, len(names)) for name, values in targets.items()}
    splits = {name: _samples(images[name], targets[name]) for name in named}
    test_samples = None if test is None else _samples(_pixels("test", test), None)
    return ImageSource(pathlib.Path(path), splits["train"], splits["valid"], test_samples, names, kind, {})


def _samples(images: np.ndarray, targets: np.ndarray | None) -> ArraySamples:
    return ArraySamples(images, targets, np.array([f"{index:06d}" for index in range(len(images))]))


def _pixels(name: str, images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
        raise ValueError(
            f"The images of `{name}` must have shape (n, height, width), (n, height, width, 1) or (n, height, width, 3), "
            f"n above 0; received {images.shape}."
        )
    if images.dtype != np.uint8:
        low, high = float(images.min()), float(images.max())
        if not np.issubdtype(images.dtype, np.floating) or not (0 <= low and high <= 1):
            raise ValueError(
                f"The images of `{name}` must be uint8, or floats from 0 to 1; received {images.dtype} from {low:g} to {high:g}."
            )
        images = np.round(images * 255).astype(np.uint8)
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


def _class_names(kind: str, targets: np.ndarray, classes: Sequence[str] | None) -> tuple[str, ...]:
    if kind == "single":
        if not np.issubdtype(targets.dtype, np.integer):
            raise ValueError(
                f"Targets of one class each must be whole numbers; received {targets.dtype}. For values pass `regression=True`."
            )
        count = int(targets.max()) + 1
    else:
        count = 1 if targets.ndim == 1 else targets.shape[1]
    names = tuple(str(index) for index in range(count)) if classes is None else tuple(classes)
    if len(names) < count or (kind != "single" and len(names) != count):
        raise ValueError(f"`classes` has {len(names)} names but the targets have {count} classes.")
    return names


def _targets(name: str, targets: np.ndarray, kind: str, count: int) -> np.ndarray:
    if kind == "regression":
        if not np.all(np.isfinite(targets.astype(np.float64))):
            raise ValueError(f"The targets of `{name}` must be finite numbers.")
        return targets.astype(np.float32)
    if kind == "multi":
        if targets.shape[1:] != (count,) or not np.all(np.isin(targets, (0, 1))):
            raise ValueError(f"The targets of `{name}` must be zeros and ones of shape (n, {count}); received shape {targets.shape}.")
        return targets.astype(np.float32)
    unknown = sorted({int(value) for value in targets.ravel() if not 0 <= value < count})
    if targets.ndim != 1 or unknown:
        raise ValueError(f"The targets of `{name}` must be class indices from 0 to {count - 1}; received {unknown or targets.shape}.")
    return targets.astype(np.int64)
