"""List the pictures of a folder, and of the class folders in it, without what systems and kerasfast leave behind."""

from __future__ import annotations

import os
import pathlib
import posixpath

import numpy as np

from kerasfast.basics.caches import is_kept_by_kerasfast
from kerasfast.vision.sources.listing import checks

IGNORED = {"thumbs.db", "desktop.ini", "__macosx"}


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name.lower() in IGNORED


def list_files(root: pathlib.Path, folder: str) -> list[str]:
    """Return all files below a folder, sorted, relative to the root; links are followed, but none twice.

    Small copies, stored activations and weights that kerasfast wrote do not count.

    Raises:
        PermissionError: When a folder below cannot be listed: its pictures would be missing without a word.
    """
    files, seen = [], set()
    for place, folders, names in os.walk(root / folder, followlinks=True, onerror=_refuse):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else [name for name in folders if _has_data(os.path.join(place, name))]
        if real not in seen:
            within = os.path.relpath(place, root).replace(os.sep, "/")
            start = "" if within == "." else f"{within}/"
            files += [start + name for name in names if not _is_junk(name)]
        seen.add(real)
    return sorted(files)


def _has_data(folder: str) -> bool:
    if _is_junk(os.path.basename(folder)):
        return False
    try:
        return not is_kept_by_kerasfast(folder)
    except OSError as error:
        raise _unreadable(error) from error


def _refuse(error: OSError) -> None:
    raise _unreadable(error) from error


def _unreadable(error: OSError) -> OSError:
    return type(error)(
        error.errno,
        f"The folder {error.filename} cannot be listed ({error.strerror}); make it readable, or move it elsewhere",
    )


def class_pictures(root: pathlib.Path, folder: str, what: str) -> dict[str, list[str]]:
    """Return the pictures in each class folder, by sorted class; raise when a folder does not fit.

    Args:
        root: The data set's folder.
        folder: The folder below it that holds the class folders.
        what: Name of the argument, for messages.
    """
    folder = checks.existing_folder(root, folder, what)
    entries = sorted(entry for entry in (root / folder).iterdir() if not _is_junk(entry.name))
    classes = [entry.name for entry in entries if entry.is_dir() and _has_data(str(entry))]
    loose = [entry.name for entry in entries if entry.suffix.lower() in checks.PICTURE_ENDINGS and entry.is_file()]
    if not classes or loose:
        raise ValueError(
            f"{root / folder} must hold a folder for each class, with all pictures in them; found the folders "
            f"{checks.few(classes) or 'none'} and the loose pictures {checks.few(loose) or 'none'}. Where a table "
            "gives the labels, use `from_csv`."
        )
    pictures = {name: list_files(root, posixpath.join(folder, name)) for name in classes}
    empty = [name for name, files in pictures.items() if not files]
    if empty:
        raise ValueError(f"Class folders in {root / folder} are empty: {checks.few(empty)}. Fill or remove them.")
    return pictures


def labelled(pictures: dict[str, list[str]], classes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted files, and their classes as int64; raise for classes that are not among the known ones."""
    unknown = [name for name in pictures if name not in classes]
    if unknown:
        where = pictures[unknown[0]][0].split(f"/{unknown[0]}/")[0]
        raise ValueError(
            f"{where!r} has classes that the training folder lacks: {checks.few(unknown)}; training has "
            f"{checks.few(classes)}."
        )
    place = {name: index for index, name in enumerate(classes)}
    files = sorted((file, place[name]) for name, own in pictures.items() for file in own)
    return np.array([file for file, _ in files], dtype=str), np.array([target for _, target in files], np.int64)


def unlabelled(root: pathlib.Path, folder: str) -> tuple[np.ndarray, None]:
    """Return the files of a folder without labels; raise when there are none."""
    files = list_files(root, checks.existing_folder(root, folder, "test"))
    checks.check_split_filled("test", len(files), f"in {root / folder}")
    return np.array(files, dtype=str), None
