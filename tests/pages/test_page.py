"""A page holds all that it shows, and a browser sorts its tables."""

import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from kerasfast.pages.images import SIDE, picture_uri
from kerasfast.pages.page import Chart, Code, Facts, Note, Page, Photo, Photos, Section, Table, Text, Tile, Tiles
from kerasfast.plots.tables import plot_bars, plot_line

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def page(rng) -> Page:
    frame = pd.DataFrame(
        {"n": [3, 200, 40], "f1": [0.5, np.nan, 0.9], "f1_low": [0.4, 0.1, 0.8], "f1_high": [0.6, 0.2, 0.95]},
        index=pd.Index(["cat <b>", "ant", "dog"], name="class"),
    )
    pixels = rng.integers(0, 255, (300, 200, 3), dtype=np.uint8)
    blocks = [
        Tiles([Tile("this model", "0.93", "accuracy")]), Note("few"), Text("5 < 6"), Facts({"network": "tiny"}),
        Table.of(frame), Chart.of(plot_bars(frame, "f1"), "bars"),
        Chart.of(plot_line(frame.set_index("n"), "f1"), "line"),
        Photos([Photo.of(pixels, ["cat, truly dog", "p.jpg"], pixels)]), Code("x = 1"),
    ]  # fmt: skip
    return Page("A & B", "Better.", [Section("In short", blocks), Section("Nothing", [])], "foot")


def test_a_page_is_whole_and_escaped(page, tmp_path):
    text = page.write(tmp_path / "deep" / "report.html").read_text("utf-8")
    assert "A &amp; B" in text and "cat &lt;b&gt;" in text and "5 &lt; 6" in text and "Nothing" not in text
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text) and "http" not in text
    assert "prefers-color-scheme: dark" in text and 'name="viewport"' in text
    assert "0.5 (0.4 to 0.6)" in text and "f1 low" not in text
    with pytest.raises(ValueError, match="html"):
        page.write(tmp_path / "report.pdf")


def test_pictures_are_made_small(rng):
    large, small = (picture_uri(rng.integers(0, 255, (side, side, 3), dtype=np.uint8)) for side in (4 * SIDE, 8))
    assert len(large) < 60_000 and len(small) < 2_000


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to read the page in")
def test_a_browser_sorts_the_table(page, tmp_path):
    file = page.write(tmp_path / "report.html")
    click = "<script>for (const i of CLICKS) document.querySelectorAll('th button')[i].click();</script></body>"
    orders = {}
    for clicks in ("[]", "[1]", "[1, 1]", "[0]", "[2]"):
        file.write_text(page.html().replace("</body>", click.replace("CLICKS", clicks)), "utf-8")
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
        ]
        done = subprocess.run(
            [CHROMIUM, *options, file.as_uri()], capture_output=True, text=True, timeout=60, check=True
        )
        body = done.stdout.split("<tbody>")[1].split("</tbody>")[0]
        orders[clicks] = re.findall(r"<tr><td[^>]*>(\w+)", body)
    assert orders["[]"] == ["cat", "ant", "dog"]
    assert orders["[1]"] == ["ant", "dog", "cat"] and orders["[1, 1]"] == ["cat", "dog", "ant"]
    assert orders["[0]"] == ["ant", "cat", "dog"] and orders["[2]"] == ["dog", "cat", "ant"]
