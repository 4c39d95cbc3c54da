"""What kerasfast keeps on the disk beside the data, and how to tell it from data: copies, activations, models."""

import os
import pathlib
import re
import shutil
from dataclasses import dataclass

from kerasfast.basics.files import is_abandoned

COPIES_MARK = ".kerasfast-copies.jsonl"
HEADERS_FILE = ".kerasfast-headers.npz"
FEATURES_PREFIX = "features-"
_MARKS = (COPIES_MARK, ".resized.json")  # the second is of version 0.1
_FEATURES = re.compile(FEATURES_PREFIX + r"[0-9a-f]{24}")
_MODELS = (".weights.h5", ".keras", ".kerasfast", ".resume.npz")
_PARENTS = ("tmp", "models")


def is_kept_by_kerasfast(folder: str | os.PathLike) -> bool:
    """Whether a folder holds nothing but what kerasfast wrote: copies of pictures, stored activations or models.

    They are known by a mark inside, by their name, or by the files in them; never by the name `tmp` or `models` alone,
    which a class of pictures may have.
    """
    folder = os.fspath(folder)
    name = os.path.basename(folder)
    if _FEATURES.fullmatch(name) or any(os.path.exists(os.path.join(folder, mark)) for mark in _MARKS):
        return True
    empty = True
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            empty = False
            if not (is_kept_by_kerasfast(entry.path) if entry.is_dir() else entry.name.endswith(_MODELS)):
                return False
    return name in _PARENTS if empty else True


@dataclass(frozen=True)
class Kept:
    """One thing that may be removed without loss but of the time to make it again.

    Attributes:
        path: The folder or file.
        what: "copies", "activations", "headers" or "unfinished".
        size: Bytes.
        used: When something in it was last written, in seconds since 1970.
    """

    path: pathlib.Path
    what: str
    size: int
    used: float

    def remove(self) -> None:
        """Delete it."""
        shutil.rmtree(self.path) if self.path.is_dir() else self.path.unlink(missing_ok=True)


def kept_below(folder: str | os.PathLike) -> list[Kept]:
    """Return copies, stored activations, kept headers and abandoned unfinished files below a folder, the largest first.

    Saved models are not among them. Links are not followed.
    """
    found = []
    for place, folders, names in os.walk(folder):
        for name in list(folders):
            path = pathlib.Path(place, name)
            if what := _what(path):
                folders.remove(name)
                found.append(_measured(path, what))
        found += [_measured(pathlib.Path(place, name), "unfinished") for name in names if is_abandoned(place, name)]
        found += [_measured(pathlib.Path(place, name), "headers") for name in names if name == HEADERS_FILE]
    return sorted(found, key=lambda kept: -kept.size)


def _what(folder: pathlib.Path) -> str | None:
    if _FEATURES.fullmatch(folder.name):
        return "activations"
    if any((folder / mark).exists() for mark in _MARKS):
        return "copies"
    return "unfinished" if is_abandoned(folder.parent, folder.name) else None


def _measured(path: pathlib.Path, what: str) -> Kept:
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    states = [file.lstat() for file in files]
    return Kept(
        path, what, sum(state.st_size for state in states), max((state.st_mtime for state in states), default=0)
    )
