"""Pictures and charts inside a page."""

import base64
import io

from matplotlib.figure import Figure
from PIL import Image

from kerasfast.pages.images import chart_uri


def width(title: str) -> int:
    axes = Figure(figsize=(4, 2)).subplots()
    axes.set_title(title, loc="left")
    return Image.open(io.BytesIO(base64.b64decode(chart_uri(axes).split(",")[1]))).width


def test_a_title_wider_than_its_chart_is_shown_whole():
    assert width("what a question with many words may do " * 3) > 1.5 * width("short")
