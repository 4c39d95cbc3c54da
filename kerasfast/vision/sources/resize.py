"""Make smaller copies of image files once, so that every later epoch reads and decodes less."""

from __future__ import annotations

import dataclasses
import functools
import io
import os
import pathlib
import zlib
from collections.abc import Sequence
from typing import cast

import numpy as np
from PIL import Image

from kerasfast.basics.arguments import whole
from kerasfast.basics.files import atomic_path, can_only_be_read, made_folder, sweep_once
from kerasfast.vision.sources.copies import CopiesRecord, Entry
from kerasfast.vision.sources.decoding.decode import (
    ImageError,
    as_rgb,
    load,
    opened,
    orientation_of,
    reason_of,
    upright,
)
from kerasfast.vision.sources.decoding.scanning import each_in_threads
from kerasfast.vision.sources.file_samples import FileSamples
from kerasfast.vision.sources.samples import ImageSource

_SAVE_EVERY = 500
_JPEG_QUALITY = 95
_JPEG_NAMES = (".jpg", ".jpeg")


def resized(source: ImageSource, size: int, folder: pathlib.Path, *, progress: bool = True) -> ImageSource:
    """Return a source of files, read from copies whose shorter side has `size` pixels (see `resize_files`)."""
    splits = {name: cast(FileSamples, samples) for name, samples in source.splits().items()}
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
    that end in .jpg or .jpeg, PNG content under all others. A copy is made anew only when it is missing or damaged, or
    its source's length or time of change is not what it was; so a run that was stopped goes on where it was. Where all
    copies are there nothing is written, so they may lie on a disk that can only be read.

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
        ValueError: When `size` is no whole number above 0, `root` is no folder, a file lies outside it, or the folder
            holds copies of another root.
        OSError: When the disk is full or can only be read and copies are missing; it says what to do.
    """
    whole("size", size)
    names = list(dict.fromkeys(_name_inside(file) for file in files))
    root = pathlib.Path(root)
    if not os.path.isdir(root):
        raise ValueError(f"`root` must be a folder that exists; received {str(root)!r}.")
    copies = root / folder / str(int(size))
    for place in {(copies / name).parent for name in names}:
        sweep_once(place)
    record, problems = CopiesRecord(copies, root), {}
    try:
        made_folder(copies)
        convert = functools.partial(_copy_unless_done, root, copies, int(size), record)
        outcomes = each_in_threads(convert, names, f"Resizing to {size}", progress, workers)
        for count, (index, (entry, problem)) in enumerate(outcomes, 1):
            record.add(names[index], entry)
            if problem is not None:
                problems[index] = problem
            if count % _SAVE_EVERY == 0:
                record.save()
    except OSError as error:
        if can_only_be_read(error):
            why = os.strerror(error.errno)
            raise OSError(
                error.errno,
                f"Copies are missing in {copies}, which can only be read ({why}); pass another `folder`, such as the "
                "absolute path of one that you may write to",
            ) from error
        raise
    finally:
        record.save()
    if problems:
        raise ImageError({names[index]: problems[index] for index in sorted(problems)})
    return copies


def _name_inside(file: str | os.PathLike) -> str:
    path = pathlib.PurePath(file)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"`files` must be relative to `root` and lie inside it; received {str(file)!r}.")
    return path.as_posix()


def _copy_unless_done(root: pathlib.Path, copies: pathlib.Path, size: int, record: CopiesRecord, name: str) -> Entry:
    """Make the copy of one file where it is missing, out of date or damaged, and return what is known of it then."""
    try:
        status = os.stat(root / name)
    except OSError as error:
        raise ImageError({name: reason_of(error)}) from error
    copy = copies / name
    known = record.find(name, status, copy)
    if known is not None:
        return known
    content = _shrunk(root / name, size, as_jpeg=copy.suffix.lower() in _JPEG_NAMES)
    copy.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(copy, size=len(content)) as unfinished:
        unfinished.write_bytes(content)
    # The time of the source is from before it was read: a change in between makes the copy out of date.
    return Entry(status.st_size, status.st_mtime_ns, len(content), os.stat(copy).st_mtime_ns, zlib.crc32(content))


def _shrunk(path: pathlib.Path, size: int, *, as_jpeg: bool) -> bytes:
    """Return the encoded smaller picture."""
    with opened(path) as (image, stream):
        target = scaled_size(image.size, size)
        # JPEG can be decoded at 1/2, 1/4 or 1/8 of its size; twice the target leaves enough to filter.
        drafted = image.draft(None, (2 * target[0], 2 * target[1])) is not None
        load(image, stream)
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
