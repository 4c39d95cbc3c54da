"""Make a source of listed files: look into all of them at once, check the splits against each other, or draw them."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from kerasfast.vision.sources.decoding.decode import ImageError
from kerasfast.vision.sources.decoding.scanning import scan
from kerasfast.vision.sources.file_samples import FileSamples
from kerasfast.vision.sources.listing import checks
from kerasfast.vision.sources.samples import ImageSource, divided
from kerasfast.vision.sources.splits import Draw, held_out


class Listed(NamedTuple):
    """The files of a split.

    Args:
        files: (n,) paths below the root.
        targets: As in `Samples`.
        groups: (n,) names; pictures of a group belong together.
    """

    files: np.ndarray
    targets: np.ndarray | None
    groups: np.ndarray | None = None

    def take(self, indices: np.ndarray) -> Listed:
        """Return the files at these positions, in this order."""
        return Listed(*(None if column is None else column[indices] for column in self))


def assemble(
    root: pathlib.Path,
    splits: Mapping[str, Listed],
    *,
    classes: tuple[str, ...],
    target_kind: str,
    channels: int = 3,
    on_error: str = "raise",
    draw: Draw | None = None,
) -> ImageSource:
    """Return the source of these splits, after a look into all files.

    Broken files are left out before validation pictures are drawn, so that these do not depend on chance damage less
    than they must, and no class loses its last good picture to validation.

    Args:
        root: The folder that all files are relative to.
        splits: Files under `"training"`, `"validation"` and, if wanted, `"test"`.
        classes: Sorted class names.
        target_kind: `"single"`, `"multi"` or `"regression"`.
        channels: Of the pictures (see `open_image`).
        on_error: `"raise"` or `"skip"`.
        draw: How to choose validation pictures from those of training where there is no `"validation"`.

    Raises:
        ValueError: When splits share pictures, or a split is empty or lacks classes.
        ImageError: When pictures cannot be read and `on_error` is `"raise"`.
    """
    checks.check_on_error(on_error)
    checks.check_channels(channels)
    _check_splits(splits, classes, target_kind, "")
    every = np.concatenate([listed.files for listed in splits.values()])
    found = scan(root, every, channels=channels, full=on_error == "skip", keep=True)
    if found.problems and on_error == "raise":
        raise ImageError(found.problems)
    samples, left, start = {}, {}, 0
    for name, listed in splits.items():
        good = np.flatnonzero([file not in found.problems for file in listed.files.tolist()])
        left[name] = listed.take(good)
        samples[name] = FileSamples(root, left[name].files, left[name].targets, found.take(start + good), channels)
        start += len(listed.files)
    if found.problems:
        first = checks.few(found.problems)
        print(f"Left out {len(found.problems)} of {start} pictures, which cannot be read: {first} (see `skipped`).")
        _check_splits(left, classes, target_kind, "after broken ones were left out")
    groups = left["training"].groups
    if "validation" not in samples:
        held = held_out(left["training"].targets, target_kind, draw or Draw(), groups)
        samples["training"], samples["validation"], groups = divided(samples["training"], held, groups)
    elif groups is not None:
        groups = np.concatenate([groups, left["validation"].groups])
    parts = (samples["training"], samples["validation"], samples.get("test"))
    return ImageSource(root, *parts, classes, target_kind, dict(found.problems), groups)


def _check_splits(splits: Mapping[str, Listed], classes: tuple[str, ...], target_kind: str, reason: str) -> None:
    for name, listed in splits.items():
        checks.check_split_filled(name, len(listed.files), reason)
    checks.check_numbers_differ(splits["training"].targets, target_kind)
    if "validation" not in splits:
        return
    train, valid = splits["training"], splits["validation"]
    checks.check_apart(train.files, valid.files, "pictures")
    if train.groups is not None and valid.groups is not None:
        checks.check_apart(train.groups, valid.groups, "groups")
    checks.check_trained_classes(train.targets, valid.targets, classes, target_kind)
