"""All bands of a TIFF, which Pillow reads of pictures for viewers alone."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # little and big endian; the latter two of files above 4 GB


def is_tiff(stream: BinaryIO) -> bool:
    """Whether a file, opened at its beginning, where it stays, is a TIFF."""
    start = stream.read(4)
    stream.seek(0)
    return start in _STARTS


def tiff_channels(stream: BinaryIO) -> np.ndarray:
    """Read all bands of a TIFF, samples of a pixel or pages of one size, as stored.

    Args:
        stream: The file, opened at its beginning.

    Returns:
        (height, width, bands) uint8; of 16 bits the upper 8.

    Raises:
        ImportError: Without tifffile.
        ValueError: When it holds something else than bands of 8 or 16 bits without sign.
    """
    try:
        import tifffile
    except ImportError as error:
        raise ImportError(
            "TIFFs of other than three channels are read with tifffile; `pip install 'kerasfast[tiff]'`."
        ) from error
    with tifffile.TiffFile(stream) as tiff:
        series = tiff.series[0]
        pixels, axes = series.asarray(maxworkers=1), series.axes
    bands = [place for place, axis in enumerate(axes) if axis not in "YX" and pixels.shape[place] > 1]
    if len(bands) > 1:
        raise ValueError(f"has pixels of shape {pixels.shape}, more axes than height, width and channels")
    places = [axes.index("Y"), axes.index("X"), *bands]
    rest = [place for place in range(pixels.ndim) if place not in places]
    pixels = pixels.transpose(*rest, *places).reshape([pixels.shape[place] for place in places])
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise ValueError(f"has pixels of {pixels.dtype}; write uint8 or uint16, scaled as their values mean")
    return pixels if pixels.ndim == 3 else pixels[..., None]
