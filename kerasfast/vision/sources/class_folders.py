"""Take each picture's class from the folder that it lies in."""

from __future__ import annotations

import os

import numpy as np

from kerasfast.vision.sources import checks, folders
from kerasfast.vision.sources.assembly import assemble, divided
from kerasfast.vision.sources.samples import ImageSource
from kerasfast.vision.sources.splits import validation_indices


def from_folders(
    root: str | os.PathLike[str],
    *,
    train: str = "train",
    valid: str | None = "valid",
    test: str | None = None,
    test_labelled: bool = False,
    valid_fraction: float = 0.2,
    seed: int = 42,
    on_error: str = "raise",
) -> ImageSource:
    """Take each picture's class from the folder that it lies in, as in `train/cats/cat.0.jpg`.

    Pictures are found at any depth below a class folder. Hidden files and what systems leave behind (`Thumbs.db`,
    `.DS_Store`, `.ipynb_checkpoints`, ...) do not count.

    Args:
        root: The data set's folder.
        train: Folder of the training pictures below the root.
        valid: Folder of the validation pictures; None takes a part of the training pictures.
        test: Folder of the pictures to predict.
        test_labelled: Whether the test folder has class folders as well.
        valid_fraction: Share of the training pictures for validation where `valid` is None.
        seed: Decides which pictures these are.
        on_error: `"raise"` names all broken pictures in one error; `"skip"` decodes each and leaves broken ones out.

    Raises:
        FileNotFoundError: When a folder is missing.
        ValueError: When folders and classes do not fit together.
        ImageError: When pictures cannot be read.
    """
    checks.check_on_error(on_error)
    if test_labelled and test is None:
        raise ValueError("`test_labelled=True` needs a test folder; pass `test`.")
    root = checks.existing_root(root)
    pictures = folders.class_pictures(root, train, "train")
    classes = tuple(pictures)
    hint = f"Expected a folder for each class in {root / train}."
    checks.check_several_classes(classes, "single", hint)
    whole = folders.labelled(pictures, classes)
    if valid is None:
        rows = validation_indices(len(whole[0]), fraction=valid_fraction, seed=seed)
        splits = divided(*whole, np.sort(rows))
    else:
        splits = {
            "training": whole,
            "validation": folders.labelled(folders.class_pictures(root, valid, "valid"), classes),
        }
    if test is not None and test_labelled:
        splits["test"] = folders.labelled(folders.class_pictures(root, test, "test"), classes)
    elif test is not None:
        splits["test"] = folders.unlabelled(root, test)
    return assemble(root, splits, classes=classes, target_kind="single", on_error=on_error)
