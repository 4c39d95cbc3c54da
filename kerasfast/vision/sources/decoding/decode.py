"""Read image files of every common kind rightly: what a viewer shows, or all channels that they have."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from kerasfast.vision.sources.decoding.png_checksums import check_pixels
from kerasfast.vision.sources.decoding.tiff_channels import is_tiff, tiff_channels

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
_SHOWN_PROBLEMS = 20


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


def open_image(file: str | os.PathLike | bytes, channels: int = 3) -> np.ndarray:
    """Read an image as uint8 (height, width, 3) RGB, the way a viewer shows it; or with all channels that it has.

    EXIF orientation is applied, transparency is laid over white, the first frame of an animation is taken, and
    16-bit, 32-bit and floating point pictures are scaled to 8 bits rather than clipped.

    Args:
        file: A path, or the bytes of a file.
        channels: Other than 3, the picture must have so many, which are read as they are: the alpha of RGBA, CMYK, the
            bands of a TIFF (extra `tiff`) of 8 bits, or 16 of which the upper 8 are taken.

    Returns:
        (height, width, channels) uint8.

    Raises:
        ImageError: When the file cannot be read, or has other channels.
        ImportError: For a TIFF of other than three channels, without the extra `tiff`.

    Example:
        >>> Image.new("RGB", (30, 20), "red").save("red.png")
        >>> picture = open_image("red.png")
        >>> picture.shape, picture[0, 0].tolist()
        ((20, 30, 3), [255, 0, 0])
    """
    if channels != 3:
        return _every_channel(file, channels)
    with opened(file) as (image, stream):
        load(image, stream)
        return np.array(upright(as_rgb(image), orientation_of(image)))


def _every_channel(file: str | os.PathLike | bytes, channels: int) -> np.ndarray:
    with _named_errors(file), _stream(file) as stream:
        if is_tiff(stream):
            pixels = tiff_channels(stream)
        else:
            with _identified(stream) as image:
                load(image, stream)
                whole = image.convert("RGBA") if image.mode == "P" and image.has_transparency_data else image
                pixels = np.array(upright(whole, orientation_of(image)))
        found = pixels.shape[2] if pixels.ndim == 3 else 1
        if found != channels or pixels.dtype != np.uint8:
            raise ValueError(f"has {found} channels of {pixels.dtype}; {channels} of uint8 were asked for")
        return pixels


def content_of(file: str | os.PathLike | bytes) -> bytes:
    """Return the bytes of a file; those that are given as they are.

    Raises:
        ImageError: When it cannot be read.
        TypeError: When it is neither.
    """
    if isinstance(file, bytes):
        return file
    with _named_errors(file), _stream(file) as stream:
        return stream.read()


@contextlib.contextmanager
def opened(file: str | os.PathLike | bytes) -> Iterator[tuple[Image.Image, BinaryIO]]:
    """Open an image, and its stream; whatever goes wrong with them inside becomes an `ImageError` naming the file."""
    with _named_errors(file), _stream(file) as stream, _identified(stream) as image:
        yield image, stream


@contextlib.contextmanager
def _named_errors(file: str | os.PathLike | bytes) -> Iterator[None]:
    if not isinstance(file, (str, os.PathLike, bytes)):
        raise TypeError(f"a picture is opened from a path or the bytes of a file; received {type(file).__name__}.")
    name = f"<{len(file)} bytes>" if isinstance(file, bytes) else os.fspath(file)
    try:
        yield
    except (ImageError, ImportError):
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
