"""Take each picture's label, tags or numbers from a row of a table."""

from __future__ import annotations

import os
import pathlib
import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.basics.arguments import flag
from kerasfast.vision.sources.listing import checks, folders, labels
from kerasfast.vision.sources.listing.assembly import Listed, assemble
from kerasfast.vision.sources.samples import ImageSource
from kerasfast.vision.sources.splits import Draw

if TYPE_CHECKING:
    import pandas


def table_source(
    root: str | os.PathLike[str],
    frame: pandas.DataFrame,
    *,
    folder: str,
    name_column: int | str = 0,
    label_columns: int | str | Sequence[int | str] | None = None,
    suffix: str = "",
    valid_indices: Any = None,
    draw: Draw | None = None,
    groups: int | str | None = None,
    test: str | None = None,
    separator: str | None = " ",
    target_kind: str | None = None,
    channels: int = 3,
    on_error: str = "raise",
    outside_links: bool = True,
) -> ImageSource:
    """Return the source of a table's rows, in their order; `ImageData.from_csv` says what they must be.

    Args:
        root, folder, name_column, label_columns, suffix, valid_indices, groups, test, separator, target_kind, channels,
            on_error, outside_links: As in `ImageData.from_csv`.
        frame: A row for each picture.
        draw: How to choose validation rows where `valid_indices` is None.
    """
    checks.check_on_error(on_error)
    root = checks.existing_root(root)
    folder = checks.existing_folder(root, folder, "folder")
    places = labels.table_columns(frame, name_column, label_columns, groups, target_kind)
    names, chosen = labels.picture_names(frame.iloc[:, places.name]), frame.iloc[:, places.labels]
    files = np.array([_located(root, folder, str(name), suffix) for name in names], dtype=str)
    checks.check_unique(files)
    targets, classes, kind = labels.encode(chosen, names, separator=separator, target_kind=target_kind)
    checks.check_several_classes(classes, kind, f"They come from the column {str(chosen.columns[0])!r}.")
    whole = Listed(files, targets, None if places.groups is None else labels.group_names(frame.iloc[:, places.groups]))
    splits = {"training": whole}
    if valid_indices is not None:
        rows = checks.validation_rows(valid_indices, len(names))
        splits = {"training": whole.take(np.delete(np.arange(len(names)), rows)), "validation": whole.take(rows)}
    checks.check_pictures_exist(root, files, names, suffix, skip=on_error == "skip")
    if test is not None:
        splits["test"] = Listed(*folders.unlabelled(root, test))
    if not flag("outside_links", outside_links):
        checks.check_inside(root, splits)
    return assemble(root, splits, classes=classes, target_kind=kind, channels=channels, on_error=on_error, draw=draw)


def _located(root: pathlib.Path, folder: str, name: str, suffix: str) -> str:
    """Return a picture's path relative to the root.

    A name may be a whole path, be written on Windows or have blanks around it; a file of exactly that name goes first.
    """
    tidy = _below_root(root, folder, f"{name.strip()}{suffix}".replace("\\", "/"))
    if name == name.strip() and "\\" not in name:
        return tidy
    exact = _below_root(root, folder, f"{name}{suffix}")
    return exact if os.path.isfile(root / exact) else tidy


def _below_root(root: pathlib.Path, folder: str, name: str) -> str:
    if os.path.isabs(name):
        name, folder = os.path.relpath(name, root.absolute()), "."
    path = posixpath.normpath(posixpath.join(folder, name))
    if path.split("/")[0] == "..":
        raise ValueError(f"The picture {name!r} lies outside the root {root}; pass a root above all pictures.")
    return path
