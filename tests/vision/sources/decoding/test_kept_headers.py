"""Headers that are kept beside many files: the same answers from fewer opened files, and never an old answer."""

import os
import time

import numpy as np
import pytest
from PIL import Image

from kerasfast.basics.caches import HEADERS_FILE, kept_below
from kerasfast.vision.sources.decoding import kept_headers, scanning
from kerasfast.vision.sources.decoding.scanning import scan

NAMES = ["a.jpg", "b.jpg", "c/d.jpg", "e.png", "naïve \udcff.jpg"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Five pictures of other sides, written an hour ago, in a place where their headers are worth keeping."""
    monkeypatch.setattr(kept_headers, "_LEAST_FILES", 1)
    (tmp_path / "c").mkdir()
    for number, name in enumerate(NAMES):
        draw(tmp_path / name, (10 + number, 20))
    return tmp_path


def draw(path, sides, age=3600):
    Image.new("RGB", sides, "red").save(path)
    then = time.time() - age
    os.utime(path, (then, then))


@pytest.fixture
def opened(monkeypatch):
    """The files whose headers are read."""
    names, inspect = [], scanning._inspect
    monkeypatch.setattr(scanning, "_inspect", lambda path: names.append(os.path.basename(path)) or inspect(path))
    return names


def test_the_second_start_opens_no_file_and_finds_the_same(folder, opened):
    first, plain = scan(folder, NAMES, keep=True), scan(folder, NAMES)
    opened.clear()
    second = scan(folder, NAMES[::-1], keep=True).take(range(4, -1, -1))
    assert opened == []
    for found in (first, second):
        assert found.files == plain.files and found.problems == {}
        for name in ("width", "height", "plain_jpeg"):
            np.testing.assert_array_equal(getattr(found, name), getattr(plain, name))
    assert [(one.what, one.path.name) for one in kept_below(folder)] == [("headers", HEADERS_FILE)]


def test_files_that_changed_or_are_new_or_gone_are_looked_at(folder, opened):
    scan(folder, NAMES, keep=True)
    opened.clear()
    draw(folder / "a.jpg", (50, 60), age=1800)
    draw(folder / "new.jpg", (5, 6))
    (folder / "b.jpg").unlink()
    found = scan(folder, [*NAMES, "new.jpg"], keep=True)
    assert sorted(opened) == ["a.jpg", "b.jpg", "new.jpg"]
    assert found.width.tolist() == [50, 0, 12, 13, 14, 5] and found.height.tolist() == [60, 0, 20, 20, 20, 6]
    assert found.problems == {"b.jpg": "does not exist"}
    opened.clear()
    scan(folder, [*NAMES, "new.jpg"], keep=True)
    assert opened == ["b.jpg"]


def test_a_file_written_just_now_is_looked_at_again_as_it_may_change_within_the_same_moment(folder, opened):
    draw(folder / "a.jpg", (50, 60), age=0)
    for _ in range(2):
        scan(folder, NAMES, keep=True)
    assert opened.count("a.jpg") == 2 and opened.count("b.jpg") == 1


@pytest.mark.parametrize("damage", [b"", b"junk", None])
def test_what_is_damaged_or_cannot_be_written_is_a_help_no_more(folder, damage, opened):
    kept = folder / HEADERS_FILE
    scan(folder, NAMES, keep=True)
    if damage is None:
        kept.unlink()
        kept.mkdir()
    else:
        kept.write_bytes(damage + kept.read_bytes()[: 40 * len(damage)])
    assert scan(folder, NAMES, keep=True).width.tolist() == [10, 11, 12, 13, 14]
    assert len(opened) == 10


def test_headers_of_few_files_and_of_a_full_scan_are_not_kept(folder, monkeypatch):
    scan(folder, NAMES, full=True, keep=True)
    monkeypatch.undo()
    scan(folder, NAMES, keep=True)
    assert not (folder / HEADERS_FILE).exists()
