"""What kerasfast keeps on the disk beside the data, and how to tell it from data: copies, activations, models."""

import os
import re

COPIES_MARK = ".kerasfast-copies.jsonl"
FEATURES_PREFIX = "features-"
_MARKS = (COPIES_MARK, ".resized.json")  # the second is of version 0.1
_FEATURES = re.compile(FEATURES_PREFIX + r"[0-9a-f]{24}")
_MODELS = (".weights.h5", ".keras", ".kerasfast")
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
