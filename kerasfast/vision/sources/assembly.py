"""Make a source of listed files: check the splits against each other and look into all files at once."""

from __future__ import annotations

import pathlib

import numpy as np

from kerasfast.vision.sources import checks
from kerasfast.vision.sources.decode import ImageError, scan
from kerasfast.vision.sources.file_samples import FileSamples
from kerasfast.vision.sources.samples import ImageSource

Splits = dict[str, tuple[np.ndarray, np.ndarray | None]]


def assemble(
    root: pathlib.Path, splits: Splits, *, classes: tuple[str, ...], target_kind: str, on_error: str = "raise"
) -> ImageSource:
    """Check the splits against each other, look into all their files at once, and return the source.

    Args:
        root: The folder that all files are relative to.
        splits: Files and targets under `"training"`, `"validation"` and, if wanted, `"test"`.
        classes: Sorted class names.
        target_kind: `"single"`, `"multi"` or `"regression"`.
        on_error: `"raise"` or `"skip"`.

    Raises:
        ValueError: When splits share pictures, or a split is empty or lacks classes.
        ImageError: When pictures cannot be read and `on_error` is `"raise"`.
    """
    checks.check_on_error(on_error)
    _check_splits(splits, classes, target_kind, "")
    samples, problems = scanned(root, splits, on_error)
    if problems:
        left = {name: (part.files, part.targets) for name, part in samples.items()}
        _check_splits(left, classes, target_kind, "after broken ones were left out")
    train, valid, test = samples["training"], samples["validation"], samples.get("test")
    return ImageSource(root, train, valid, test, classes, target_kind, problems)


def scanned(root: pathlib.Path, splits: Splits, on_error: str) -> tuple[dict[str, FileSamples], dict[str, str]]:
    """Return the readable files of each split, and why the others are not.

    Raises:
        ImageError: When pictures cannot be read and `on_error` is `"raise"`.
    """
    found = scan(root, np.concatenate([files for files, _ in splits.values()]).tolist(), full=on_error == "skip")
    if found.problems and on_error == "raise":
        raise ImageError(found.problems)
    samples, start = {}, 0
    for name, (files, targets) in splits.items():
        good = np.array([index for index, file in enumerate(files) if file not in found.problems], dtype=np.int64)
        whole = FileSamples(root, files, targets, found.take(np.arange(start, start + len(files))))
        samples[name] = whole.take(good) if len(good) < len(files) else whole
        start += len(files)
    if found.problems:
        first = checks.few(found.problems)
        print(f"Left out {len(found.problems)} of {start} pictures, which cannot be read: {first} (see `skipped`).")
    return samples, dict(found.problems)


def divided(files: np.ndarray, targets: np.ndarray, rows: np.ndarray) -> Splits:
    """Return the rows for validation and the others for training."""
    held = np.zeros(len(files), bool)
    held[rows] = True
    return {"training": (files[~held], targets[~held]), "validation": (files[held], targets[held])}


def _check_splits(splits: Splits, classes: tuple[str, ...], kind: str, reason: str) -> None:
    for name, (files, _) in splits.items():
        checks.check_split_filled(name, len(files), reason)
    (train, train_targets), (valid, valid_targets) = splits["training"], splits["validation"]
    checks.check_apart(train, valid)
    checks.check_trained_classes(train_targets, valid_targets, classes, kind)
