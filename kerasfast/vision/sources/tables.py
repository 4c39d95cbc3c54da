"""Take each picture's label, tags or numbers from a row of a table."""

from __future__ import annotations

import os
import pathlib
import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.vision.sources import checks, folders, labels
from kerasfast.vision.sources.assembly import assemble, divided
from kerasfast.vision.sources.samples import ImageSource
from kerasfast.vision.sources.splits import validation_indices

if TYPE_CHECKING:
    import pandas


def from_dataframe(
    root: str | os.PathLike[str],
    frame: pandas.DataFrame,
    *,
    folder: str,
    name_column: int | str = 0,
    label_columns: int | str | Sequence[int | str] | None = None,
    suffix: str = "",
    valid_indices: Any = None,
    valid_fraction: float = 0.2,
    seed: int = 42,
    test: str | None = None,
    separator: str | None = " ",
    target_kind: str | None = None,
    on_error: str = "raise",
) -> ImageSource:
    """Take each picture's label, tags or numbers from a row of a table.

    As in the course, **the rows are sorted by file name first, and `valid_indices` count the sorted rows**.

    Args:
        root: The data set's folder.
        frame: A row for each picture.
        folder: Folder of the pictures below the root, `"."` for the root itself.
        name_column: Column of the picture names, by position or name.
        label_columns: Column of the labels, by position or name; the first other one by default. For regression one
            column or several, all others by default.
        suffix: Ending to add to the names, such as `".jpg"`.
        valid_indices: Positions of the validation rows after sorting, or a mask (for which the table must be sorted).
        valid_fraction: Share of the rows for validation where `valid_indices` is None.
        seed: Decides which rows these are.
        test: Folder of the pictures to predict.
        separator: What stands between the tags of a cell; None keeps labels whole.
        target_kind: `"single"` (one label a picture), `"multi"` (tags) or `"regression"` (numbers); None looks whether
            a picture has several tags.
        on_error: `"raise"` names all broken pictures in one error; `"skip"` decodes each and leaves broken ones out.

    Raises:
        FileNotFoundError: When the root, a folder or pictures are missing.
        ValueError: When the table or the validation rows cannot be used as they are.
        ImageError: When pictures cannot be read.
    """
    checks.check_on_error(on_error)
    root = checks.existing_root(root)
    folder = checks.existing_folder(root, folder, "folder")
    name_place, label_places = labels.table_columns(frame, name_column, label_columns, target_kind)
    given = labels.picture_names(frame.iloc[:, name_place])
    order = np.argsort(given, kind="stable")
    names, chosen = given[order], frame.iloc[order, label_places]
    files = np.array([_below_root(root, folder, f"{name}{suffix}") for name in names], dtype=str)
    checks.check_unique(files)
    targets, classes, kind = labels.encode(chosen, names, separator=separator, target_kind=target_kind)
    checks.check_several_classes(classes, kind, f"They come from the column {str(chosen.columns[0])!r}.")
    if valid_indices is None:
        valid_indices = validation_indices(len(names), fraction=valid_fraction, seed=seed)
    else:
        checks.check_mask_fits(valid_indices, order)
    splits = divided(files, targets, checks.validation_rows(valid_indices, len(names)))
    checks.check_pictures_exist(root, files, names, suffix, skip=on_error == "skip")
    if test is not None:
        splits["test"] = folders.unlabelled(root, test)
    return assemble(root, splits, classes=classes, target_kind=kind, on_error=on_error)


def from_csv(
    root: str | os.PathLike[str], csv: str | os.PathLike[str], *, folder: str, header: bool = True, **options: Any
) -> ImageSource:
    """Take each picture's label, tags or numbers from a row of a CSV, as in Kaggle's Planet competition.

    All values are read as text, so 007 stays 007.

    Args:
        root: The data set's folder.
        csv: Path of the CSV: absolute, or relative to the root or the working directory.
        folder: Folder of the pictures below the root, `"."` for the root itself.
        header: Whether the first line holds column names.
        **options: The other arguments of `from_dataframe`.

    Raises:
        FileNotFoundError: When the root, the CSV, a folder or pictures are missing.
        ValueError: When the CSV or the validation rows cannot be used as they are.
        ImageError: When pictures cannot be read.
    """
    root = checks.existing_root(root)
    return from_dataframe(root, labels.read_table(root, csv, header=header), folder=folder, **options)


def _below_root(root: pathlib.Path, folder: str, name: str) -> str:
    """Return a picture's path relative to the root; a name may be a whole path, and one written on Windows."""
    if os.path.isabs(name):
        name = os.path.relpath(name, root.absolute())
        folder = "."
    path = posixpath.normpath(posixpath.join(folder, name.replace("\\", "/")))
    if path.split("/")[0] == "..":
        raise ValueError(f"The picture {name!r} lies outside the root {root}; pass a root above all pictures.")
    return path
