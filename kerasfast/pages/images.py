"""Pictures and charts as text that a page holds inside itself."""

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE = 176  # pixels: sharp enough beside text, a few kilobytes
_QUALITY, _DPI = 78, 140
_LARGE, _SMALLER = 7.5, 0.75  # inches, share


def picture_uri(pixels: np.ndarray, *, side: int = SIDE) -> str:
    """Return a picture as a small JPEG in a data URI.

    Args:
        pixels: (height, width, channels) uint8; the first three channels are shown.
        side: Longest side; larger pictures are scaled down.

    Example:
        >>> picture_uri(np.zeros((8, 8, 3), "uint8"))[:23]
        'data:image/jpeg;base64,'
    """
    picture = Image.fromarray(np.asarray(pixels, dtype=np.uint8)[..., :3])
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return _uri("jpeg", stream.getvalue())


def chart_uri(axes: "Axes") -> str:
    """Return the figure of these axes as a PNG of few colours in a data URI."""
    stream = io.BytesIO()
    figure = axes.figure
    width, height = figure.get_size_inches()
    if width < _LARGE:  # letters grow beside it: on a phone the whole width is a hand's
        figure.set_size_inches(_SMALLER * width, _SMALLER * height)
    figure.savefig(stream, format="png", dpi=_DPI, facecolor="white", bbox_inches="tight")  # titles may be wider
    drawn = Image.open(io.BytesIO(stream.getvalue())).convert("RGB")
    smaller = io.BytesIO()
    drawn.quantize(128, dither=Image.Dither.NONE).save(smaller, "PNG", optimize=True)
    return _uri("png", smaller.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
