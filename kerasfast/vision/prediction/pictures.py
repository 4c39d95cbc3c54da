"""What a user hands over to be predicted, in any of its forms, as samples that a view can read."""

import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from kerasfast.basics import arguments
from kerasfast.basics.warned import warn_caller
from kerasfast.vision.sources.arrays import ArraySamples
from kerasfast.vision.sources.content_samples import ContentSamples
from kerasfast.vision.sources.decoding.decode import ImageError, as_rgb, orientation_of, reason_of, upright
from kerasfast.vision.sources.decoding.scanning import Scan, scan, scan_contents
from kerasfast.vision.sources.file_samples import FileSamples
from kerasfast.vision.sources.listing import checks
from kerasfast.vision.sources.listing.folders import list_files
from kerasfast.vision.sources.samples import Samples

EXPECTED = (
    "pass a folder, a file, bytes, a picture of Pillow's, an array (height, width, 3) uint8, several of one of these, "
    "or a frame with a column of files"
)


@dataclass(frozen=True, eq=False)
class Pictures:
    """Unlabelled pictures in an order of their own.

    Attributes:
        names: Of the pictures: files as they were given, numbers for bytes and arrays.
        parts: Rows of the result, and the samples for them.
        index: Of the result.
        skipped: Broken pictures that were left out, with the reason.
    """

    names: Sequence[Any]
    parts: list[tuple[np.ndarray, Samples]]
    index: Any = None
    skipped: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, pictures: Any, *, column: str, root: str | os.PathLike, skip: bool, channels: int = 3) -> "Pictures":
        """Take what `ImagePredictor.predict` takes.

        Args:
            pictures, column, root: See there.
            skip: Whether broken files are left out instead of raised.
            channels: That the network reads; other than 3, those that files must have (see `open_image`).
        """
        root = arguments.path("root", root)
        if hasattr(pictures, "columns"):
            return cls._of_files(_column(pictures, column), root, skip, channels, pictures.index)
        if isinstance(pictures, (str, os.PathLike)):
            path = root / pathlib.Path(pictures).expanduser()
            if path.is_dir():
                return cls._of_files(pictures_in(path), path, skip, channels)
            return cls._of_files([os.fspath(pictures)], root, skip, channels)
        if isinstance(pictures, Mapping):
            raise ValueError(f"`pictures` is a {type(pictures).__name__}; {EXPECTED}.")
        one = isinstance(pictures, (bytes, bytearray, Image.Image))
        if one or (isinstance(pictures, np.ndarray) and pictures.ndim in (0, 3)):
            pictures = [pictures]
        if isinstance(pictures, np.ndarray) and pictures.dtype.kind not in "OUS":
            return cls._of_arrays(list(pictures), channels)
        pictures = list(pictures) if isinstance(pictures, Sequence) or hasattr(pictures, "__iter__") else [pictures]
        if pictures and all(isinstance(one, (str, os.PathLike)) for one in pictures):
            return cls._of_files([os.fspath(one) for one in pictures], root, skip, channels)
        if pictures and all(isinstance(one, (bytes, bytearray)) for one in pictures):
            return cls._of_contents([bytes(one) for one in pictures], skip, channels)
        if pictures and all(isinstance(one, (np.ndarray, Image.Image)) for one in pictures):
            pixels = [_pixels(one, number, channels) for number, one in enumerate(pictures)]
            return cls._of_arrays(pixels, channels)
        kinds = sorted({type(one).__name__ for one in pictures})
        raise ValueError(f"`pictures` holds {', '.join(kinds) or 'nothing'}; {EXPECTED}.")

    @classmethod
    def _of_files(
        cls, files: list[str], root: pathlib.Path, skip: bool, channels: int, index: Any = None
    ) -> "Pictures":
        found = scan(root, files, channels=channels, full=skip)
        good = _good(found, files, skip)
        samples = FileSamples(root, np.array(files, dtype=object)[good], None, found.take(good), channels)
        names = [files[row] for row in good]
        index = None if index is None else index[good]
        return cls(names, _one_part(samples), index, dict(found.problems))

    @classmethod
    def _of_contents(cls, contents: list[bytes], skip: bool, channels: int) -> "Pictures":
        names = [f"picture {number}" for number in range(len(contents))]
        found = scan_contents(contents, names, channels=channels, full=skip)
        good = _good(found, names, skip)
        held = tuple(contents[row] for row in good)
        samples = ContentSamples(held, np.array(names)[good], found.take(good), channels)
        return cls(good.tolist(), _one_part(samples), skipped=dict(found.problems))

    @classmethod
    def _of_arrays(cls, arrays: list[np.ndarray], channels: int) -> "Pictures":
        by_shape: dict[tuple, list[int]] = {}
        for number, array in enumerate(arrays):
            if array.ndim != 3 or array.shape[-1] != channels or array.dtype != np.uint8 or not array.size:
                expected = f"uint8 (height, width, {channels})"
                raise ValueError(f"Picture {number} is {array.dtype} of shape {array.shape}; expected {expected}.")
            by_shape.setdefault(array.shape, []).append(number)
        parts = []
        for rows in by_shape.values():
            images = np.stack([arrays[row] for row in rows])
            parts.append((np.array(rows), ArraySamples(images, None, np.array(rows).astype(str))))
        return cls(list(range(len(arrays))), parts)


def _pixels(picture: np.ndarray | Image.Image, number: int, channels: int) -> np.ndarray:
    """Return a picture as an array (height, width, channels); one of Pillow's as its file would be read."""
    if isinstance(picture, np.ndarray):
        return picture
    try:
        pixels = np.array(upright(as_rgb(picture) if channels == 3 else picture, orientation_of(picture)))
    except (OSError, ValueError) as error:  # its file is read only now, or is closed
        raise ImageError({f"picture {number}": reason_of(error)}) from error
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


@contextmanager
def broken_pictures(samples: Samples) -> Iterator[None]:
    """Turn a decoding error, which names no file, into one that names all broken files."""
    try:
        yield
    except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError, tf.errors.UnknownError) as error:
        problems = samples.broken()
        if problems:
            raise ImageError(problems) from error
        raise


def _one_part(samples: Samples) -> list[tuple[np.ndarray, Samples]]:
    return [(np.arange(len(samples)), samples)] if len(samples) else []


def _good(found: Scan, names: Sequence[str], skip: bool) -> np.ndarray:
    """Return the rows of readable pictures, having said which are not."""
    if found.problems and not skip:
        raise ImageError(found.problems)
    if found.problems:
        shown = "; ".join(f"{name}: {reason}" for name, reason in list(found.problems.items())[:5])
        more = f"; {len(found.problems) - 5} more" if len(found.problems) > 5 else ""
        warn_caller(f"Left out {len(found.problems)} of {checks.pictures(len(names))}: {shown}{more}.")
    return np.array([row for row, name in enumerate(names) if name not in found.problems], dtype=np.int64)


def pictures_in(folder: str | os.PathLike) -> list[str]:
    """Return the pictures in a folder and below it, by their endings, sorted, relative to it.

    Raises:
        FileNotFoundError: If there are none.
    """
    folder = pathlib.Path(folder)
    files = [name for name in list_files(folder, ".") if name.lower().endswith(checks.PICTURE_ENDINGS)]
    if not files:
        endings = ", ".join(checks.PICTURE_ENDINGS)
        raise FileNotFoundError(f"{folder} holds no pictures ({endings}), but {checks.holdings(folder)}.")
    return files


def _column(frame: Any, column: str) -> list[str]:
    if column not in frame.columns:
        raise ValueError(f"The frame has no column {column!r} (pass `column`); it has {list(frame.columns)[:10]}.")
    names = frame[column].tolist()
    wrong = [name for name in names if not isinstance(name, (str, os.PathLike))]
    if wrong:
        raise ValueError(f"The column {column!r} must hold file names; it holds {wrong[0]!r}.")
    return [os.fspath(name) for name in names]
