"""What the headers of many image files say: their sides, and which are broken, before training finds out."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from kerasfast.basics.arguments import whole
from kerasfast.basics.bars import progress_bar
from kerasfast.basics.processors import usable_processors
from kerasfast.vision.sources.decoding.decode import ImageError, open_image, opened, orientation_of
from kerasfast.vision.sources.decoding.jpeg_headers import plain_sides
from kerasfast.vision.sources.decoding.kept_headers import KeptHeaders

try:
    from resource import RUSAGE_THREAD, getrusage
except ImportError:  # only Linux tells how often a thread slept
    getrusage = None

_SWAPS_SIDES = (5, 6, 7, 8)
_TAIL_BYTES = 2048
_PNG_ORIENTATION_HOLDERS = (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")
_LARGEST_CHUNK, _CHUNKS_PER_WORKER = 64, 16
_SECONDS_BEFORE_BAR = 2
_WAITS = 0.25  # of a file: how often a thread sleeps where files come from a disk or a network and not from memory


@dataclasses.dataclass(frozen=True, eq=False)
class Scan:
    """What the headers of image files say, one entry per file.

    Args:
        width: (files,) int32, pixels as displayed (after EXIF orientation); 0 for a file with a problem.
        height: (files,) int32, likewise.
        plain_jpeg: (files,) bool, whether `tf.io.decode_jpeg(channels=3)` decodes the file rightly: an RGB or grey JPEG
            without EXIF rotation. TensorFlow turns a four-channel JPEG without Adobe marker black without an error.
        problems: File -> reason, for the files that cannot be read.
        files: The names, as they were given.
    """

    width: np.ndarray
    height: np.ndarray
    plain_jpeg: np.ndarray
    problems: dict[str, str]
    files: tuple[str, ...]

    def take(self, indices: Sequence[int] | np.ndarray) -> Scan:
        """Return the entries at `indices` (whole numbers, or a bool for every file), in that order."""
        chosen = np.arange(len(self.files))[np.asarray(indices, dtype=None if len(indices) else np.int64)]
        files = tuple(self.files[index] for index in chosen.tolist())
        problems = {file: self.problems[file] for file in files if file in self.problems} if self.problems else {}
        return Scan(self.width[chosen], self.height[chosen], self.plain_jpeg[chosen], problems, files)

    def joined(self, other: Scan) -> Scan:
        """Return these entries and then the others."""
        arrays = zip(*((one.width, one.height, one.plain_jpeg) for one in (self, other)), strict=True)
        width, height, plain = (np.concatenate(pair) for pair in arrays)
        return Scan(width, height, plain, self.problems | other.problems, self.files + other.files)


def scan(
    root: str | os.PathLike,
    files: Sequence[str | os.PathLike],
    *,
    channels: int = 3,
    full: bool = False,
    keep: bool = False,
    progress: bool = True,
    workers: int | None = None,
) -> Scan:
    """Read the headers of image files and find those that are missing, empty, truncated, too large or no images.

    Args:
        root: Folder that the files are relative to.
        files: Their names.
        channels: That will be read (see `open_image`); for other than 3 every picture is decoded.
        full: Decode every picture as well, which also finds damage in the middle. (JPEG has no checksum: damage that
            leaves a decodable stream shows as a wrong picture in every viewer and is not found.)
        keep: Whether to keep what the headers of very many files say in the root, see `KeptHeaders`.
        progress: Whether to show a bar when it takes more than a couple of seconds.
        workers: Threads. When not given a few more than there are cores, and for headers none but this one, unless the
            disk keeps it waiting.

    Returns:
        The sizes and problems; nothing is raised for a broken file.
    """
    names = [os.fspath(file) for file in (files.tolist() if isinstance(files, np.ndarray) else files)]
    paths = [os.path.join(os.fspath(root), name) for name in names]
    options = (channels, full, progress, workers)
    if not keep or full or channels != 3 or not KeptHeaders.is_worth_it(len(names)):
        return _scanned(paths, names, *options)
    kept = KeptHeaders(root, names, paths)
    unknown = np.flatnonzero(~kept.known)
    read = _scanned([paths[index] for index in unknown], [names[index] for index in unknown], *options)
    kept.sides[unknown] = np.stack([read.height, read.width], 1)
    kept.plain_jpeg[unknown] = read.plain_jpeg
    kept.write(unknown[read.width > 0])
    return Scan(kept.sides[:, 1], kept.sides[:, 0], kept.plain_jpeg, read.problems, tuple(names))


def scan_contents(contents: Sequence[bytes], names: Sequence[str], *, channels: int = 3, full: bool = False) -> Scan:
    """Do what `scan` does for files whose contents are in memory; `names` are what the result calls them."""
    return _scanned(contents, names, channels, full, progress=False, workers=None)


def _scanned(
    items: Sequence[str | bytes], names: Sequence[str], channels: int, full: bool, progress: bool, workers: int | None
) -> Scan:
    width, height = np.zeros((2, len(names)), np.int32)
    plain, problems = np.zeros(len(names), bool), {}
    inspect = _inspect_fully if full else _inspect
    if channels != 3:
        inspect = functools.partial(_inspect_channels, channels=channels)
    # Headers are a matter of Python's own work, at which threads hold each other up; decoding is not.
    in_threads = full or channels != 3 or workers is not None or getrusage is None
    each = each_in_threads if in_threads else _each_in_turn
    for index, (found, problem) in each(inspect, items, "Checking images", progress, workers):
        if problem is None:
            width[index], height[index], plain[index] = found
        else:
            problems[index] = problem
    # In the order of the files, not of the threads: the same message on every run.
    return Scan(width, height, plain, {names[index]: problems[index] for index in sorted(problems)}, tuple(names))


def _each_in_turn(
    function: Callable[[Any], Any], items: Sequence[Any], title: str, progress: bool, workers: int | None
) -> Iterator[tuple[int, tuple[Any, str | None]]]:
    """Do what `each_in_threads` does in this thread, as long as it does not mostly wait."""
    start, waits = 0, False
    with progress_bar(total=len(items), desc=title, unit="image", delay=_SECONDS_BEFORE_BAR, shown=progress) as bar:
        while start < len(items) and not waits:
            before = getrusage(RUSAGE_THREAD).ru_nvcsw
            outcomes = _outcomes(function, items[start : start + _LARGEST_CHUNK])
            waits = getrusage(RUSAGE_THREAD).ru_nvcsw - before > _WAITS * len(outcomes)
            bar.update(len(outcomes))
            yield from enumerate(outcomes, start)
            start += len(outcomes)
    if start < len(items):
        rest = each_in_threads(function, items[start:], title, progress, workers)
        yield from ((start + index, outcome) for index, outcome in rest)


def each_in_threads(
    function: Callable[[Any], Any], items: Sequence[Any], title: str, progress: bool, workers: int | None
) -> Iterator[tuple[int, tuple[Any, str | None]]]:
    """Yield (index, (result, None)), or (index, (None, reason)) for an `ImageError`, for every item as it gets done."""
    if workers is not None:
        whole("workers", workers)
    workers = workers or usable_processors() + 2
    # One task a file would cost more than reading a header; too few tasks would leave threads idle.
    step = min(max(len(items) // (workers * _CHUNKS_PER_WORKER), 1), _LARGEST_CHUNK)
    pool = concurrent.futures.ThreadPoolExecutor(workers)
    bar = progress_bar(total=len(items), desc=title, unit="image", delay=_SECONDS_BEFORE_BAR, shown=progress)
    try:
        starts = {
            pool.submit(_outcomes, function, items[start : start + step]): start for start in range(0, len(items), step)
        }
        for task in concurrent.futures.as_completed(starts):
            outcomes = task.result()
            bar.update(len(outcomes))
            yield from enumerate(outcomes, starts[task])
    finally:
        bar.close()
        pool.shutdown(cancel_futures=True)


def _outcomes(function: Callable[[Any], Any], items: Sequence[Any]) -> list[tuple[Any, str | None]]:
    outcomes = []
    for item in items:
        try:
            outcomes.append((function(item), None))
        except ImageError as error:
            outcomes.append((None, next(iter(error.problems.values()))))
    return outcomes


def _inspect(path: str | bytes) -> tuple[int, int, bool]:
    """Return width, height and whether it is a plain JPEG, decoding only where header and end are not enough."""
    sides = None if isinstance(path, bytes) else plain_sides(path)
    if sides is not None:
        return *sides, True
    with opened(path) as (image, stream):
        if _ends_well(image, stream):
            orientation = 1 if image.format == "PNG" else orientation_of(image)
            width, height = image.size[::-1] if orientation in _SWAPS_SIDES else image.size
            plain = image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L") and orientation == 1
            return width, height, plain
    height, width = open_image(path).shape[:2]
    return width, height, False


def _inspect_fully(path: str | bytes) -> tuple[int, int, bool]:
    open_image(path)
    return _inspect(path)


def _inspect_channels(path: str | bytes, channels: int) -> tuple[int, int, bool]:
    height, width = open_image(path, channels).shape[:2]
    return width, height, False


def _ends_well(image: Image.Image, stream: BinaryIO) -> bool:
    """Whether the file is surely complete and its header says all; False means that only decoding can tell."""
    header_end = stream.tell()
    size = stream.seek(0, os.SEEK_END)
    # Not before the header's end: the thumbnail inside an EXIF block has an end marker of its own.
    stream.seek(max(size - _TAIL_BYTES, header_end if image.format in ("JPEG", "MPO") else 0))
    tail = stream.read()
    if image.format in ("JPEG", "MPO"):
        return b"\xff\xd9" in tail
    if image.format == "GIF":
        return tail.rstrip(b"\0").endswith(b";")
    stream.seek(0)
    head = stream.read(65536 if image.format == "PNG" else 8)
    if image.format == "PNG":
        return b"IEND" in tail and not any(mark in head or mark in tail for mark in _PNG_ORIENTATION_HOLDERS)
    if image.format == "BMP":
        return 0 < int.from_bytes(head[2:6], "little") <= size
    return image.format == "WEBP" and int.from_bytes(head[4:8], "little") + 8 <= size
