"""Make smaller copies of image files once, so that every later epoch reads and decodes less."""

from __future__ import annotations

import dataclasses
import functools
import io
import json
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from kerasfast.arguments import whole
from kerasfast.files import atomic_path
from kerasfast.vision.sources.decode import (
    ImageError,
    as_rgb,
    each_in_threads,
    opened,
    orientation_of,
    reason_of,
    upright,
)
from kerasfast.vision.sources.samples import ImageSource

MANIFEST = ".resized.json"
# Raise it whenever the copies would come out otherwise: those of older versions are then made anew.
_MANIFEST_VERSION = 1
_SAVE_EVERY = 500
_JPEG_QUALITY = 95
_JPEG_NAMES = (".jpg", ".jpeg")


def resized(source: ImageSource, size: int, folder: pathlib.Path, *, progress: bool = True) -> ImageSource:
    """Return a source of files, read from copies whose shorter side has `size` pixels (see `resize_files`)."""
    splits = source.splits()
    files = np.concatenate([samples.files for samples in splits.values()])
    root = resize_files(source.root, list(files), size, folder=folder, progress=progress)
    copies = {name: samples.at(root, progress=progress) for name, samples in splits.items()}
    return dataclasses.replace(source, root=root, **copies)


def resize_files(
    root: str | os.PathLike,
    files: Sequence[str | os.PathLike],
    size: int,
    *,
    folder: str | os.PathLike = "tmp",
    workers: int | None = None,
    progress: bool = True,
) -> pathlib.Path:
    """Write copies of image files with the shorter side scaled to `size`, under `root/<folder>/<size>/`.

    The copies are RGB, upright, in the proportions of their sources and never enlarged: JPEG of quality 95 under names
    that end in .jpg or .jpeg, PNG content under all others. A copy is made anew only when it is missing or its source's
    length or time of change is not what it was; so a run that was stopped goes on where it was.

    Args:
        root: Folder that the files are relative to.
        files: Their names, inside `root`.
        size: Pixels of the shorter side.
        folder: Where to put the copies, inside `root`; or an absolute path.
        workers: Threads; a few more than there are cores when not given.
        progress: Whether to show a bar when it takes more than a couple of seconds.

    Returns:
        `root/<folder>/<size>`: the new root, in which the copies have the names of their sources.

    Raises:
        ImageError: When sources cannot be read. It names all of them; the copies of all others have been made.
        ValueError: When `size` is no whole number above 0, `root` is no folder, or a file lies outside it.
    """
    whole("size", size)
    names = list(dict.fromkeys(_name_inside(file) for file in files))
    root = pathlib.Path(root)
    if not root.is_dir():
        raise ValueError(f"`root` must be a folder that exists; received {str(root)!r}.")
    copies = root / folder / str(int(size))
    copies.mkdir(parents=True, exist_ok=True)
    done = _read_manifest(copies / MANIFEST)
    problems = {}
    try:
        convert = functools.partial(_copy_unless_done, root, copies, int(size), done.copy())
        outcomes = each_in_threads(convert, names, f"Resizing to {size}", progress, workers)
        for count, (index, (fingerprint, problem)) in enumerate(outcomes, 1):
            if problem is None:
                done[names[index]] = fingerprint
            else:
                problems[index] = problem
                done.pop(names[index], None)
            if count % _SAVE_EVERY == 0:
                _write_manifest(copies / MANIFEST, done)
    finally:
        _write_manifest(copies / MANIFEST, done)
    if problems:
        raise ImageError({names[index]: problems[index] for index in sorted(problems)})
    return copies


def _name_inside(file: str | os.PathLike) -> str:
    path = pathlib.PurePath(file)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"`files` must be relative to `root` and lie inside it; received {str(file)!r}.")
    return path.as_posix()


def _copy_unless_done(
    root: pathlib.Path, copies: pathlib.Path, size: int, done: dict[str, list[int]], name: str
) -> list[int]:
    """Make the copy of one file where it is missing or out of date, and return the fingerprint of its source."""
    try:
        status = os.stat(root / name)
    except OSError as error:
        raise ImageError({name: reason_of(error)}) from error
    # Taken before the source is read: a change in between makes the copy out of date, not wrongly up to date.
    fingerprint = [status.st_size, status.st_mtime_ns]
    copy = copies / name
    if done.get(name) != fingerprint or not copy.is_file():
        content = _shrunk(root / name, size, as_jpeg=copy.suffix.lower() in _JPEG_NAMES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        _write_atomically(copy, content)
    return fingerprint


def _shrunk(path: pathlib.Path, size: int, *, as_jpeg: bool) -> bytes:
    """Return the encoded smaller picture."""
    with opened(path) as (image, _):
        target = scaled_size(image.size, size)
        # JPEG can be decoded at 1/2, 1/4 or 1/8 of its size; twice the target leaves enough to filter.
        drafted = image.draft(None, (2 * target[0], 2 * target[1])) is not None
        image.load()
        if not drafted:
            # Reading a TIFF turns it upright, which may swap its sides.
            target = scaled_size(image.size, size)
        small = as_rgb(image)
        if small.size != target:
            small = small.resize(target, Image.Resampling.BICUBIC)
        small = upright(small, orientation_of(image))
    # What remains would be written into the copy: a colour profile of CMYK or grey, a comment.
    small.info.clear()
    stream = io.BytesIO()
    if as_jpeg:
        # Pillow halves the resolution of colour unless told otherwise: half of a small picture is much.
        small.save(stream, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    else:
        small.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def scaled_size(sides: tuple[int, int], size: int) -> tuple[int, int]:
    """Return the two sides scaled so that the shorter is `size`, or as they are where it is not longer than that."""
    shorter = min(sides)
    if shorter <= size:
        return sides
    return tuple(round(side * size / shorter) for side in sides)


def _read_manifest(path: pathlib.Path) -> dict[str, list[int]]:
    """Return name -> fingerprint of the source; empty where there is no manifest that this version understands."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    # Redoing the copies is always safe, so a damaged manifest need not stop anybody.
    except (FileNotFoundError, ValueError):
        return {}
    known = isinstance(manifest, dict) and manifest.get("version") == _MANIFEST_VERSION
    return manifest["files"] if known else {}


def _write_manifest(path: pathlib.Path, done: dict[str, list[int]]) -> None:
    _write_atomically(path, json.dumps({"version": _MANIFEST_VERSION, "files": done}).encode())


def _write_atomically(path: pathlib.Path, content: bytes) -> None:
    with atomic_path(path) as unfinished:
        unfinished.write_bytes(content)
