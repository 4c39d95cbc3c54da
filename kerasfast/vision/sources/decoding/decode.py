"""Read image files of every common kind rightly, and find the broken ones before training does."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import io
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from kerasfast.basics.arguments import whole
from kerasfast.basics.bars import progress_bar
from kerasfast.basics.processors import usable_processors
from kerasfast.vision.sources.decoding.jpeg_headers import plain_sides
from kerasfast.vision.sources.decoding.png_checksums import check_pixels

# What Pillow may read: nothing that starts other programs (PostScript), nor what data sets hardly ever hold.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS_SIDES = (5, 6, 7, 8)
_TAIL_BYTES = 2048
_PNG_ORIENTATION_HOLDERS = (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")
_LARGEST_CHUNK, _CHUNKS_PER_WORKER = 64, 16
_SHOWN_PROBLEMS = 20
_SECONDS_BEFORE_BAR = 2


class ImageError(ValueError):
    """Image files that cannot be read.

    Args:
        problems: File -> reason.

    Example:
        >>> try:
        ...     open_image(b"no picture")
        ... except ImageError as error:
        ...     print(len(error.problems))
        1
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(dict(problems))
        self.problems = dict(problems)

    def __str__(self) -> str:
        count = len(self.problems)
        # A name that is no text cannot be printed as it is.
        names = [str(file).encode(errors="backslashreplace").decode() for file in self.problems][:_SHOWN_PROBLEMS]
        lines = [f"  {name}: {reason}" for name, reason in zip(names, self.problems.values(), strict=False)]
        if count > _SHOWN_PROBLEMS:
            lines.append(f"  ... and {count - _SHOWN_PROBLEMS} more (see `.problems`)")
        advice = 'Repair or remove what is broken, or pass on_error="skip" to leave it out.'
        return "\n".join([f"{count} image file{'s' * (count != 1)} cannot be read:", *lines, advice])


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
        chosen = np.arange(len(self.files))[list(indices)]
        files = tuple(self.files[index] for index in chosen)
        problems = {file: self.problems[file] for file in files if file in self.problems}
        return Scan(self.width[chosen], self.height[chosen], self.plain_jpeg[chosen], problems, files)

    def joined(self, other: Scan) -> Scan:
        """Return these entries and then the others."""
        arrays = zip(*((one.width, one.height, one.plain_jpeg) for one in (self, other)), strict=True)
        width, height, plain = (np.concatenate(pair) for pair in arrays)
        return Scan(width, height, plain, self.problems | other.problems, self.files + other.files)


def open_image(file: str | os.PathLike | bytes) -> np.ndarray:
    """Read an image as uint8 (height, width, 3) RGB, the way a viewer shows it.

    EXIF orientation is applied, transparency is laid over white, the first frame of an animation is taken, and
    16-bit, 32-bit and floating point pictures are scaled to 8 bits rather than clipped.

    Args:
        file: A path, or the bytes of a file.

    Returns:
        (height, width, 3) uint8.

    Raises:
        ImageError: When the file cannot be read.

    Example:
        >>> Image.new("RGB", (30, 20), "red").save("red.png")
        >>> picture = open_image("red.png")
        >>> picture.shape, picture[0, 0].tolist()
        ((20, 30, 3), [255, 0, 0])
    """
    with opened(file) as (image, stream):
        load(image, stream)
        return np.array(upright(as_rgb(image), orientation_of(image)))


def scan(
    root: str | os.PathLike,
    files: Sequence[str | os.PathLike],
    *,
    full: bool = False,
    progress: bool = True,
    workers: int | None = None,
) -> Scan:
    """Read the headers of image files and find those that are missing, empty, truncated, too large or no images.

    Args:
        root: Folder that the files are relative to.
        files: Their names.
        full: Decode every picture as well, which also finds damage in the middle. (JPEG has no checksum: damage that
            leaves a decodable stream shows as a wrong picture in every viewer and is not found.)
        progress: Whether to show a bar when it takes more than a couple of seconds.
        workers: Threads; a few more than there are cores when not given.

    Returns:
        The sizes and problems; nothing is raised for a broken file.
    """
    names = [os.fspath(file) for file in files]
    paths = [os.path.join(os.fspath(root), name) for name in names]
    return _scanned(paths, names, full, progress, workers)


def scan_contents(contents: Sequence[bytes], names: Sequence[str], *, full: bool = False) -> Scan:
    """Do what `scan` does for files whose contents are in memory; `names` are what the result calls them."""
    return _scanned(contents, names, full, progress=False, workers=None)


def _scanned(
    items: Sequence[str | bytes], names: Sequence[str], full: bool, progress: bool, workers: int | None
) -> Scan:
    width, height = np.zeros((2, len(names)), np.int32)
    plain, problems = np.zeros(len(names), bool), {}
    inspect = _inspect_fully if full else _inspect
    for index, (found, problem) in each_in_threads(inspect, items, "Checking images", progress, workers):
        if problem is None:
            width[index], height[index], plain[index] = found
        else:
            problems[index] = problem
    # In the order of the files, not of the threads: the same message on every run.
    return Scan(width, height, plain, {names[index]: problems[index] for index in sorted(problems)}, tuple(names))


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


@contextlib.contextmanager
def opened(file: str | os.PathLike | bytes) -> Iterator[tuple[Image.Image, BinaryIO]]:
    """Open an image, and its stream; whatever goes wrong with them inside becomes an `ImageError` naming the file."""
    if not isinstance(file, (str, os.PathLike, bytes)):
        raise TypeError(f"a picture is opened from a path or the bytes of a file; received {type(file).__name__}.")
    name = f"<{len(file)} bytes>" if isinstance(file, bytes) else os.fspath(file)
    try:
        with _stream(file) as stream, _identified(stream) as image:
            yield image, stream
    except ImageError:
        raise
    # Pillow's format readers raise SyntaxError, struct.error, IndexError, zlib.error and more on damaged files.
    except Exception as error:
        raise ImageError({name: reason_of(error)}) from error


def load(image: Image.Image, stream: BinaryIO) -> None:
    """Decode an opened picture; where the file has checksums of its pixels, they are compared."""
    image.load()
    if image.format == "PNG":
        check_pixels(stream)


def _stream(file: str | os.PathLike | bytes) -> BinaryIO:
    if isinstance(file, bytes):
        return io.BytesIO(file)
    mode = os.stat(file).st_mode
    if not stat.S_ISREG(mode):  # opening a pipe would wait for ever
        raise OSError("is a folder" if stat.S_ISDIR(mode) else "is a pipe, socket or device, no regular file")
    return open(file, "rb")


def _identified(stream: BinaryIO) -> ImageFile.ImageFile:
    try:
        return Image.open(stream, formats=FORMATS)
    except UnidentifiedImageError as error:
        stream.seek(0)
        raise UnidentifiedImageError(_what_else(stream.read(16))) from error


def _what_else(start: bytes) -> str:
    """Return in words what a file is, by its first bytes, that is no picture of a format that is read."""
    if not start:
        return "is empty"
    Image.init()  # else Pillow has not met most of its formats
    for name, (_, accepts) in Image.OPEN.items():
        if name not in (*FORMATS, "DIB") and accepts is not None and accepts(start) is True:
            return f"is a picture of the format {name}, which is not read; convert it to {', '.join(FORMATS)}"
    return f"is no image (it starts with {start!r})"


def reason_of(error: Exception) -> str:
    """Return in a few words why a file could not be read."""
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    if isinstance(error, Image.DecompressionBombError):
        return f"is too large ({error}; raise PIL.Image.MAX_IMAGE_PIXELS if you trust it)"
    if isinstance(error, MemoryError):
        return "needs more memory than there is"
    return str(error) or type(error).__name__


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none, it is invalid, or the EXIF block is damaged."""
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    # A viewer shows a picture with a damaged EXIF block as it is stored; the parser raises many kinds of errors on it.
    except Exception:
        return 1
    return orientation if orientation in _UPRIGHT else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn and mirror a picture as its EXIF orientation says."""
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def as_rgb(image: Image.Image) -> Image.Image:
    """Convert a Pillow image of any mode to RGB: transparency over white, deep pictures scaled to 8 bits."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_eight_bits(np.asarray(image), image)).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _eight_bits(values: np.ndarray, image: Image.Image) -> np.ndarray:
    """Scale grey values to 0..255: by the format's range, the smallest usual one that holds them, or their own."""
    values = np.where(np.isfinite(values), values, 0).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if image.mode != "F" and (image.mode != "I" or image.format in ("PNG", "PPM")):
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 65535:
        tops = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        low, high = 0.0, next(top for top in tops if high <= top)
    return np.round((values - low) * (255 / max(high - low, 1e-300))).astype(np.uint8)


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
