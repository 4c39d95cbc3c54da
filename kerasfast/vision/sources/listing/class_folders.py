"""Take each picture's class from the folder that it lies in."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from kerasfast.basics.arguments import flag
from kerasfast.vision.sources.listing import checks, folders
from kerasfast.vision.sources.listing.assembly import Listed, assemble
from kerasfast.vision.sources.samples import ImageSource
from kerasfast.vision.sources.splits import Draw


def folder_source(
    root: str | os.PathLike[str],
    *,
    train: str = "train",
    valid: str | None = "valid",
    test: str | None = None,
    test_labelled: bool = False,
    draw: Draw | None = None,
    groups: Callable[[str], object] | None = None,
    channels: int = 3,
    on_error: str = "raise",
    outside_links: bool = True,
) -> ImageSource:
    """Return the source of class folders; `ImageData.from_folders` says what they must be.

    Args:
        root, train, valid, test, test_labelled, groups: As in `ImageData.from_folders`.
        channels, on_error, outside_links: Likewise.
        draw: How to choose validation pictures where `valid` is None.
    """
    checks.check_on_error(on_error)
    if flag("test_labelled", test_labelled) and test is None:
        raise ValueError("`test_labelled=True` needs a test folder; pass `test`.")
    root = checks.existing_root(root)
    pictures = folders.class_pictures(root, train, "train")
    classes = tuple(pictures)
    hint = f"Expected a folder for each class in {root / train}."
    checks.check_several_classes(classes, "single", hint)
    splits = {"training": _grouped(folders.labelled(pictures, classes), groups)}
    if valid is not None:
        held = folders.labelled(folders.class_pictures(root, valid, "valid"), classes)
        splits["validation"] = _grouped(held, groups)
    if test is not None and test_labelled:
        splits["test"] = Listed(*folders.labelled(folders.class_pictures(root, test, "test"), classes))
    elif test is not None:
        splits["test"] = Listed(*folders.unlabelled(root, test))
    if not flag("outside_links", outside_links):
        checks.check_inside(root, splits)
    return assemble(
        root, splits, classes=classes, target_kind="single", channels=channels, on_error=on_error, draw=draw
    )


def _grouped(listed: tuple[np.ndarray, np.ndarray], groups: Callable[[str], object] | None) -> Listed:
    if groups is None:
        return Listed(*listed)
    if not callable(groups):
        raise ValueError(f"`groups` must be a function from a file's path to the name of a group; received {groups!r}.")
    return Listed(*listed, np.array([str(groups(str(file))) for file in listed[0]]))
