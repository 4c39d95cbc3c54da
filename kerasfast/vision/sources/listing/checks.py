"""Check folders, file names and splits before any long work, and say what to do about what is wrong."""

from __future__ import annotations

import collections
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from kerasfast.basics import arguments
from kerasfast.basics.arguments import choice, whole
from kerasfast.basics.warned import alike_names, warn_caller
from kerasfast.vision.sources.samples import MOST_CHANNELS

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")


def few(names: Iterable[Any], limit: int = 5) -> str:
    """Return the first names quoted, and how many more there are."""
    names = [str(name) for name in names]
    shown = ", ".join(repr(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def pictures(count: int) -> str:
    """Return the count with its noun."""
    return "1 picture" if count == 1 else f"{count} pictures"


def check_on_error(on_error: str) -> None:
    """Refuse anything but the two ways to treat broken pictures."""
    choice("on_error", on_error, ("raise", "skip"))


def check_channels(channels: int) -> None:
    """Refuse other than 3, as a viewer shows pictures, and 4 to `MOST_CHANNELS`."""
    if whole("channels", channels, most=MOST_CHANNELS) < 3:
        raise ValueError(
            f"`channels` must be 3, which grey pictures are read as too, or 4 to {MOST_CHANNELS}; received {channels}. "
            "Pictures of two channels can be passed as arrays: `ImageData.from_arrays`."
        )


def existing_root(root: str | os.PathLike[str]) -> pathlib.Path:
    """Return the root as a path; raise when there is no such folder."""
    path = arguments.path("root", root)
    if os.path.isdir(path):
        return path
    if os.path.exists(path):
        raise FileNotFoundError(f"`root` must be the data set's folder, but {path} is a file.")
    nearest = next((parent for parent in path.absolute().parents if os.path.isdir(parent)), pathlib.Path("."))
    raise FileNotFoundError(f"`root` {path} does not exist; {nearest} holds {holdings(nearest)}.")


def existing_folder(root: pathlib.Path, folder: str | os.PathLike[str], what: str) -> str:
    """Return a folder's name relative to the root, with forward slashes; raise when it is not there."""
    if what != "folder" and not str(folder):  # pathlib takes an empty text for the root itself
        raise ValueError(f"`{what}` must name a folder below the root; received an empty text.")
    path = root / arguments.path(what, folder)
    relative = os.path.relpath(path, root).replace(os.sep, "/")
    if relative.split("/")[0] == "..":
        raise ValueError(f"`{what}` must lie below the root {root}; received {str(folder)!r}.")
    if not os.path.isdir(path):
        advice = " Pass `valid=None` to hold out a part of the training pictures." if what == "valid" else ""
        raise FileNotFoundError(f"`{what}` names no folder: {path} is missing; {root} holds {holdings(root)}.{advice}")
    return relative


def holdings(folder: pathlib.Path) -> str:
    """Return the first entries of a folder in words."""
    return few(sorted(entry.name for entry in folder.iterdir()), limit=10) or "nothing"


def check_pictures_exist(root: pathlib.Path, files: np.ndarray, names: np.ndarray, suffix: str, skip: bool) -> None:
    """Raise when pictures of a table are not there, with a hint at the usual causes.

    Args:
        root: The data set's folder.
        files: (n,) paths relative to the root.
        names: (n,) the names that the table gives them.
        suffix: What was added to the names.
        skip: Whether missing pictures are left out later; then only the absence of all is an error.
    """
    missing = [index for index, file in enumerate(files) if not os.path.isfile(root / file)]
    if not missing or (skip and len(missing) < len(files)):
        return
    hint = _missing_hint(root, str(files[missing[0]]), str(names[missing[0]]), suffix)
    raise FileNotFoundError(
        f"{len(missing)} of {pictures(len(files))} in the table not found below {root}: {few(files[missing])}. {hint}"
    )


def _missing_hint(root: pathlib.Path, file: str, name: str, suffix: str) -> str:
    folder, base = (root / file).parent, name.replace("\\", "/").rsplit("/", 1)[-1]
    if os.path.isfile(root / f"{name}{suffix}"):
        return "The names in the table already begin with the folder: pass `folder='.'`."
    if not os.path.isdir(folder):
        return f"There is no folder {folder}: check `folder` and the names."
    listing = sorted(entry.name for entry in folder.iterdir())
    if suffix and base in listing:
        return f"{base!r} exists: the names already have their ending, so leave out `suffix` (received {suffix!r})."
    longer = [entry for entry in listing if entry.startswith(f"{base}.")]
    if longer:
        return f"{longer[0]!r} exists: pass `suffix={longer[0][len(base) :]!r}` (received {suffix!r})."
    stem = pathlib.PurePath(base).stem.lower()
    alike = [entry for entry in listing if pathlib.PurePath(entry).stem.lower() == stem]
    if alike:
        ending = pathlib.PurePath(alike[0]).suffix
        return f"{alike[0]!r} exists: take the ending off the names and pass `suffix={ending!r}`, or correct the names."
    return f"{folder} holds {few(listing, limit=3) or 'nothing'}; correct the table, or pass `on_error='skip'`."


def check_unique(files: Sequence[str]) -> None:
    """Raise when a table names a picture more than once."""
    twice = [name for name, count in collections.Counter(map(str, files)).items() if count > 1]
    if twice:
        raise ValueError(
            f"The table names {pictures(len(twice))} more than once: {few(twice)}. Keep one row for each (several tags "
            "belong in one cell, with the separator between them)."
        )


def check_apart(train: np.ndarray, valid: np.ndarray, what: str) -> None:
    """Raise when a picture, or a group, is in training and in validation: the validation score would be too good."""
    both = sorted(set(map(str, train)) & set(map(str, valid)))
    if both:
        raise ValueError(
            f"Training and validation share {len(both)} {what}: {few(both)}. Name two separate folders, splits or "
            "lists of rows, or take a part of the training pictures for validation."
        )


def check_inside(root: pathlib.Path, splits: Mapping[str, Any]) -> None:
    """Raise when a picture lies outside the root, where a link leads to."""
    start = os.path.join(os.path.realpath(root), "")
    files = dict.fromkeys(str(file) for listed in splits.values() for file in listed.files)
    outside = [file for file in files if not os.path.realpath(os.path.join(root, file)).startswith(start)]
    if outside:
        raise ValueError(
            f"{len(outside)} pictures lie outside {root}, through links: {few(outside)}. Remove the links, or pass "
            "`outside_links=True` where you trust them."
        )


def check_split_filled(name: str, count: int, reason: str) -> None:
    """Raise when a split has no pictures."""
    if count == 0:
        raise ValueError(f"The {name} set has no pictures {reason}.")


def validation_rows(indices: Any, count: int) -> np.ndarray:
    """Return the rows of the validation set in order.

    Args:
        indices: Row positions from 0, or a mask of `count` truth values.
        count: Rows of the table.

    Raises:
        ValueError: For positions that are not whole numbers, out of range or twice there, and for all rows or none.
    """
    rows = np.asarray(indices)
    if rows.ndim != 1:
        raise ValueError(f"`valid_indices` must be one list of row positions; received an array of shape {rows.shape}.")
    if rows.dtype == bool:
        if len(rows) != count:
            raise ValueError(f"A mask as `valid_indices` needs {count} values, one for each row; received {len(rows)}.")
        rows = np.flatnonzero(rows)
    _check_rows(rows, count)
    return np.sort(rows).astype(np.int64)


def _check_rows(rows: np.ndarray, count: int) -> None:
    if len(rows) == 0:
        raise ValueError("`valid_indices` is empty: training needs a validation set; pass at least one row.")
    if rows.dtype.kind not in "iu":
        raise ValueError(f"`valid_indices` must be whole numbers or a mask; received {rows.dtype} such as {rows[0]!r}.")
    outside = rows[(rows < 0) | (rows >= count)]
    if len(outside):
        raise ValueError(f"`valid_indices` must lie from 0 to {count - 1} for {count} rows; received {few(outside)}.")
    values, counts = np.unique(rows, return_counts=True)
    if counts.max() > 1:
        raise ValueError(f"`valid_indices` names rows more than once: {few(values[counts > 1])}; pass each row once.")
    if len(rows) == count:
        raise ValueError(f"`valid_indices` takes all {count} rows: nothing is left to train on; leave some out.")


def check_several_classes(classes: Sequence[str], kind: str, hint: str) -> None:
    """Raise when there is nothing to tell apart, and warn of names that are nearly the same."""
    if kind != "regression" and (alike := alike_names(classes)):
        warn_caller(f"There are classes {alike}: are they one class?")
    if kind == "single" and len(classes) < 2:
        raise ValueError(f"A classifier needs two classes or more; found only {few(classes)}. {hint}")


def check_numbers_differ(train: np.ndarray, kind: str) -> None:
    """Warn where numbers to predict are the same for all training pictures."""
    rows = train.reshape(len(train), -1)
    if kind == "regression" and (rows == rows[0]).all(axis=0).any():
        warn_caller("Numbers to predict have one value in all training pictures: there is nothing to learn.")


def check_trained_classes(train: np.ndarray, valid: np.ndarray, classes: Sequence[str], kind: str) -> None:
    """Raise (one label each) or warn (several tags) when a class is in validation but not in training.

    A rare tag can land in validation by chance and costs a model little; a missing class is an answer it never learns.
    """
    if kind == "regression":
        return
    unseen = few(np.asarray(classes)[(_class_counts(valid, classes) > 0) & (_class_counts(train, classes) == 0)])
    if not unseen:
        return
    message = f"Some classes occur in the validation set only, so they cannot be learned: {unseen}."
    if kind == "multi":
        warn_caller(message)
        return
    raise ValueError(f"{message} Choose other validation rows (`valid_indices` or `seed`), or remove these classes.")


def _class_counts(targets: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    return targets.sum(axis=0) if targets.ndim == 2 else np.bincount(targets, minlength=len(classes))
