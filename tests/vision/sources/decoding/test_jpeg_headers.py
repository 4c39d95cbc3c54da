"""Sides read from JPEG headers against Pillow's, on whole, unusual and damaged files."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from kerasfast.vision.sources.decoding import decode, scanning
from kerasfast.vision.sources.decoding.jpeg_headers import plain_sides

SMOOTH = (np.indices((30, 47)).sum(0)[..., None] * [1, 2, 3]).astype(np.uint8)


def encoded(mode="RGB", **options):
    stream = io.BytesIO()
    Image.fromarray(SMOOTH).convert(mode).save(stream, "JPEG", **options)
    return stream.getvalue()


def by_pillow(path, monkeypatch):
    """What Pillow alone finds: (width, height, plain), or the reason why it finds nothing."""
    with monkeypatch.context() as patch:
        patch.setattr(scanning, "plain_sides", lambda path: None)
        return inspected(path)


def inspected(path):
    try:
        return scanning._inspect(str(path))
    except decode.ImageError as error:
        return str(error)


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


ORDINARY = {
    "plain": encoded(),
    "grey": encoded("L"),
    "progressive": encoded(progressive=True, quality=95),
    "commented": encoded(comment=b"a comment"),
    "profiled": encoded(icc_profile=b"p" * 500),
    "restarts": encoded(restart_marker_rows=1),
}
UNUSUAL = {
    "turned": encoded(exif=turned()),
    "cmyk": encoded("CMYK"),
    "long profile": encoded(icc_profile=b"p" * 9000),
    "cut": encoded()[:-3],
    "cut header": encoded()[:300],
    "no picture": b"\xff\xd8\xff",
    "text": b"no picture at all",
}


@pytest.mark.parametrize("name", [*ORDINARY, *UNUSUAL])
def test_pillow_says_the_same_and_is_asked_only_about_the_unusual(tmp_path, monkeypatch, name):
    (tmp_path / "a.jpg").write_bytes((ORDINARY | UNUSUAL)[name])
    assert (plain_sides(str(tmp_path / "a.jpg")) is not None) == (name in ORDINARY)
    assert inspected(tmp_path / "a.jpg") == by_pillow(tmp_path / "a.jpg", monkeypatch)


def test_pillow_says_the_same_of_damaged_files(tmp_path, monkeypatch, rng):
    path = tmp_path / "a.jpg"
    for whole in (encoded(), encoded("L", progressive=True), encoded(icc_profile=b"p" * 300, comment=b"c")):
        for _ in range(250):
            damaged = bytearray(whole)
            for place in rng.integers(2, min(len(whole), 700), rng.integers(1, 3)):
                damaged[place] = rng.choice([0, 1, 255, 0xDA, 0xC0, rng.integers(256)])
            path.write_bytes(damaged)
            if plain_sides(str(path)) is not None:
                assert inspected(path) == by_pillow(path, monkeypatch)


def test_what_is_no_file_is_left_to_pillow(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for name in ("pipe.jpg", "absent.jpg", "."):
        assert plain_sides(str(tmp_path / name)) is None


def test_pillow_says_the_same_of_photographs(data_dir, monkeypatch):
    files = sorted((data_dir / "dogscats").rglob("*.jpg"))[::7]
    assert sum(plain_sides(str(file)) is not None for file in files) > len(files) / 2
    for file in files:
        assert inspected(file) == by_pillow(file, monkeypatch)
