"""A page holds all that it shows, and a browser sorts its tables."""

import pathlib
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

import kerasfast as kf
from kerasfast.interpretation.peers import linear_peer
from kerasfast.pages.images import SIDE, picture_uri
from kerasfast.pages.page import Chart, Code, Facts, Note, Page, Photo, Photos, Section, Table, Text, Tile, Tiles
from kerasfast.plots.tables import plot_bars, plot_line
from kerasfast.vision.insight.origin import Origin, thumbnails

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
    clicks = {"nothing": [], "n": [1], "n again": [1, 1], "class": [0], "f1": [2]}
    script = """<script>
      const heads = document.querySelectorAll("th button"), body = document.querySelector("tbody");
      const rows = [...body.rows], said = [];
      for (const clicks of CLICKS) {
        document.querySelectorAll("th").forEach(head => head.removeAttribute("aria-sort"));
        body.append(...rows);
        for (const i of clicks) heads[i].click();
        said.push([...body.rows].map(row => row.cells[0].textContent.split(" ")[0]).join(","));
      }
      document.title = said.join(";");
    </script></body>"""
    html = page.html().replace("</body>", script.replace("CLICKS", str(list(clicks.values()))))
    orders = dict(zip(clicks, title_in_browser(html, tmp_path).split(";"), strict=True))
    assert orders["nothing"] == "cat,ant,dog"
    assert orders["n"] == "ant,dog,cat" and orders["n again"] == "cat,dog,ant"
    assert orders["class"] == "ant,cat,dog" and orders["f1"] == "dog,cat,ant"


WIDTHS = """<iframe width=390 height=900 src="report.html"></iframe><iframe width=1280 height=900 src="report.html">
</iframe><script>addEventListener("load", () => {
document.title = [...document.querySelectorAll("iframe")].map(frame => {
  const page = frame.contentDocument, pictures = [...page.images], ground = getComputedStyle(page.body).backgroundColor;
  const dead = pictures.filter(picture => !picture.naturalWidth).length;
  return [page.documentElement.scrollWidth, pictures.length, dead, ground].join("|");
}).join(";"); });</script>"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to read the page in")
@pytest.mark.parametrize(("dark", "ground"), [(False, "rgb(255, 255, 255)"), (True, "rgb(20, 23, 28)")])
def test_a_report_of_a_trained_model_fits_a_phone_and_a_desk(dark, ground, tmp_path, trained_report):
    (tmp_path / "report.html").write_text(trained_report, "utf-8")
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    for width, said in zip((390, 1280), title_in_browser(WIDTHS, tmp_path, *scheme).split(";"), strict=True):
        wide, pictures, dead, colour = said.split("|")
        assert int(wide) <= width and int(pictures) > 15 and (dead, colour) == ("0", ground)


@pytest.fixture(scope="module")
def trained_report(tmp_path_factory) -> str:
    """The report of a linear model on drawn digits, whose classes have long names and signs of HTML."""
    random, names = np.random.default_rng(0), ["<script>alert(1)</script>", "Müller & Söhne " * 6, "zwei", "x" * 80]
    rows, targets = random.random((80, 8, 8, 3)), random.integers(4, size=80)
    rows[np.arange(80), targets, targets] += 1
    pixels, flat = (127 * rows).astype("uint8"), rows.reshape(80, -1)
    likely = linear_peer(flat[:50], targets[:50], flat[50:], "single", 4)
    place = tmp_path_factory.mktemp("trained")
    data = kf.ImageData.from_arrays(
        (pixels[:50], targets[:50]), (pixels[50:], targets[50:]), classes=names, transforms=kf.Transforms(8), path=place
    )
    report = kf.Interpretation(
        likely, targets[50:], names, "single", view=data.valid, heat=lambda pixels, index: np.eye(8),
        origin=Origin(data, lambda view: thumbnails(view, 4)),
    )  # fmt: skip
    text = report.report(place / "report.html").read_text("utf-8")
    assert "&lt;script&gt;alert" in text and "<script>alert" not in text
    return text


def title_in_browser(html: str, folder: pathlib.Path, *options: str) -> str:
    """Return the title that a page has once a browser has read it."""
    (folder / "page.html").write_text(html, "utf-8")
    told = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--dump-dom"]
    command = [CHROMIUM, *told, *options, f"--user-data-dir={folder / 'profile'}", (folder / "page.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return re.findall(r"<title>(.*?)</title>", done.stdout)[0]
