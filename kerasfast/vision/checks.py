"""Checking folders and files before anything long is done with them, with errors that say what to do."""

from __future__ import annotations

import os
import pathlib
import warnings
from collections.abc import Iterable, Mapping

import numpy as np

from kerasfast.vision.decode import ImageError, Scan, scan
from kerasfast.vision.labels import first
from kerasfast.vision.samples import Samples

NO_PICTURES = {"thumbs.db", "desktop.ini", "__macosx"}
SHOWN = 15


def existing_folder(root: str | pathlib.Path, folder: str | None = None, *, argument: str = "root") -> pathlib.Path:
    """Return the folder, or raise FileNotFoundError listing what is there instead."""
    path = pathlib.Path(root) if folder is None else pathlib.Path(root, folder)
    if path.is_dir():
        return path
    if path.exists():
        raise NotADirectoryError(f"`{argument}` must be a folder, received the file {path}.")
    beside = path.parent
    found = first_entries(beside) if beside.is_dir() else "which does not exist either"
    raise FileNotFoundError(f"`{argument}`: there is no folder {path}. In {beside}: {found}.")


def first_entries(folder: pathlib.Path) -> str:
    """Return what lies in a folder, folders marked with a slash, for a message."""
    entries = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir() if not is_ignored(entry.name))
    rest = f" and {len(entries) - SHOWN} more" if len(entries) > SHOWN else ""
    return (", ".join(entries[:SHOWN]) or "nothing") + rest


def is_ignored(name: str) -> bool:
    """Whether a file or folder is the operating system's or an editor's own: hidden, Thumbs.db, desktop.ini, __MACOSX."""
    return name.startswith(".") or name.lower() in NO_PICTURES


def relative(path: str, root: pathlib.Path) -> str:
    """Return a path relative to the root with forward slashes."""
    return os.path.relpath(path, root).replace(os.sep, "/")


def list_files(root: pathlib.Path, folder: str | pathlib.Path) -> list[str]:
    """Return the files in a folder and all folders below it, relative to the root, sorted; links are followed."""
    found, seen, pending = [], set(), [os.path.join(root, folder)]
    while pending:
        current = pending.pop()
        real = os.path.realpath(current)
        if real in seen:  # A link that points to a folder above.
            continue
        seen.add(real)
        with os.scandir(current) as entries:
            for entry in entries:
                if not is_ignored(entry.name):
                    (pending if entry.is_dir() else found).append(entry.path)
    return sorted(relative(path, root) for path in found)


def check_separate(root: pathlib.Path, folders: Mapping[str, str | None]) -> None:
    """Raise ValueError if one split's folder is another's or lies inside it: its pictures would be in both."""
    real = {name: os.path.realpath(root / folder) for name, folder in folders.items() if folder is not None}
    for inner, inner_path in real.items():
        for outer, outer_path in real.items():
            if inner != outer and os.path.commonpath([inner_path, outer_path]) == outer_path:
                raise ValueError(
                    f"`{inner}={folders[inner]!r}` is or lies inside `{outer}={folders[outer]!r}`: the same pictures would be in "
                    "both. Use separate folders, or `valid=None` to hold out a part of the training pictures."
                )


def check_on_error(on_error: str) -> None:
    """Raise ValueError unless it is "raise" or "skip"."""
    if on_error not in ("raise", "skip"):
        raise ValueError(f'`on_error` must be "raise" or "skip", received {on_error!r}.')


def check_files(
    root: pathlib.Path, splits: Mapping[str, Samples | None], *, on_error: str, hint: str = ""
) -> tuple[dict[str, Samples], dict[str, Scan], dict[str, str]]:
    """Scan the files of all splits behind one progress bar and leave the broken ones out, or raise.

    Args:
        root: the folder the names are relative to.
        splits: name -> samples, or None where there is none.
        on_error: "raise" or "skip".
        hint: added to the error about files that are missing.

    Returns:
        The samples, their scans, and file -> reason of the ones left out.

    Raises:
        ImageError: names all broken files together; also when skipping would leave a split empty.
    """
    splits = {name: samples for name, samples in splits.items() if samples is not None}
    files = np.concatenate([samples.files for samples in splits.values()])
    found = scan(root, files)
    good = np.array([name not in found.problems for name in files.tolist()], bool)
    ends = np.cumsum([len(samples) for samples in splits.values()])[:-1]
    masks = dict(zip(splits, np.split(good, ends), strict=True))
    if found.problems:
        emptied = [name for name, mask in masks.items() if not mask.any()]
        if on_error == "raise" or emptied:
            raise ImageError(found.problems, _advice(emptied if on_error == "skip" else [], hint))
        _report(found.problems, len(files))
    rows = dict(zip(splits, np.split(np.arange(len(files)), ends), strict=True))
    scans = {name: found.take(rows[name][mask]) for name, mask in masks.items()}
    return {name: splits[name].take(mask) for name, mask in masks.items()}, scans, found.problems


def _advice(emptied: list[str], hint: str) -> str | None:
    if emptied:
        return " ".join(filter(None, [f"No readable picture is left for {' and '.join(emptied)}.", hint]))
    return f'{hint} Or pass on_error="skip" to leave them out.' if hint else None


def _report(problems: dict[str, str], total: int) -> None:
    named = first([f"{name} ({reason})" for name, reason in problems.items()])
    print(f"Left out {len(problems)} of {total} pictures that cannot be used: {named}")


def check_classes(train: Samples, valid: Samples, classes: tuple[str, ...], kind: str) -> None:
    """Raise ValueError unless there are classes to tell apart and every one can be learnt.

    A rare tag may well fall into the validation rows of some fold, so for several labels it is a warning only.
    """
    if kind == "single" and len(classes) < 2:
        raise ValueError(f"There must be at least two classes to tell apart, found only {', '.join(classes)}.")
    if kind == "regression":
        return
    counts = np.bincount(train.targets, minlength=len(classes)) if kind == "single" else train.targets.sum(axis=0)
    unseen = [name for name, count in zip(classes, counts, strict=True) if not count]
    if not unseen:
        return
    message = f"No training picture (of {len(train)}; {len(valid)} are for validation) has the class {first(unseen)}"
    if kind == "single":
        raise ValueError(f"{message}. Add some, choose other validation rows, or leave the class out.")
    warnings.warn(f"{message}: it cannot be learnt.", UserWarning, stacklevel=4)


def missing_hint(root: pathlib.Path, missing: Iterable[str], suffix: str) -> str:
    """Return what would find the first missing file: another suffix or another folder; nothing where neither would."""
    file = next(iter(missing), None)
    if file is None:
        return ""
    path = pathlib.PurePosixPath(file)
    if suffix and (root / file[: -len(suffix)]).is_file():
        return f"Without the suffix it exists: {file[: -len(suffix)]}; pass suffix=''."
    folder = root / path.parent
    if not folder.is_dir():
        return ""
    bare = path.name[: -len(suffix)] if suffix else path.name
    for name in sorted(os.listdir(folder)):
        if name != bare and name.lower().startswith(bare.lower() + "."):
            return f"There is {path.parent / name}; pass suffix={name[len(bare) :]!r}."
        if name.lower() == path.name.lower() or pathlib.PurePath(name).stem.lower() == path.stem.lower():
            return f"There is {path.parent / name}: names and suffix must match it exactly."
    for other in sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not is_ignored(entry.name)):
        if (root / other / path.name).is_file():
            return f"There is {other}/{path.name}; pass folder={other!r}."
    return ""
