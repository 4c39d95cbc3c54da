"""Smaller copies have the right size, way up and content, are made once, and redone when their source changes."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from kerasfast.basics.caches import COPIES_MARK
from kerasfast.vision.sources import resize
from kerasfast.vision.sources.copies import CopiesRecord
from kerasfast.vision.sources.decoding.decode import ImageError, open_image
from kerasfast.vision.sources.resize import resize_files

ORIENTATION = 0x0112


def draw(path, width: int = 80, height: int = 60, mode: str = "RGB", **options) -> None:
    """Save a smooth picture that differs in each corner."""
    down, right = np.mgrid[0:height, 0:width] / np.array([height, width]).reshape(2, 1, 1)
    pixels = np.stack([200 * right + 30, 200 * down + 30, 100 * right + 90], -1).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path, **options)


def times(folder) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.*") if path.name != COPIES_MARK}


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(80, 60, (27, 20)), (60, 80, (20, 27)), (50, 50, (20, 20)), (1000, 40, (500, 20)), (15, 300, (15, 300))],
)
@pytest.mark.parametrize("name", ["a.jpg", "b.JPEG", "c.png", "d.bmp", "e.gif", "f.tif", "g.webp"])
def test_the_shorter_side_is_scaled_and_nothing_enlarged(tmp_path, width, height, expected, name):
    draw(tmp_path / name, width, height)
    folder = resize_files(tmp_path, [name], 20)
    assert folder == tmp_path / "tmp" / "20"
    with Image.open(folder / name) as copy:
        assert copy.size == expected and copy.mode == "RGB"
        assert copy.format == ("JPEG" if name in ("a.jpg", "b.JPEG") else "PNG")


def test_copies_keep_folders_and_return_the_new_root(tmp_path):
    names = ["train/cats/a.jpg", "train/dogs/a.jpg", "valid/b.png"]
    for name in names:
        draw(tmp_path / name)
    folder = resize_files(tmp_path, names, 16)
    assert all((folder / name).is_file() for name in names)
    assert (folder / COPIES_MARK).is_file()


def test_an_absolute_folder_is_used_as_it_is(tmp_path):
    draw(tmp_path / "data" / "a.jpg")
    assert resize_files(tmp_path / "data", ["a.jpg"], 16, folder=tmp_path / "fast") == tmp_path / "fast" / "16"
    assert not (tmp_path / "data" / "tmp").exists()


@pytest.mark.parametrize("size", [800, 100, 30])
def test_the_content_is_the_antialiased_picture(tmp_path, rng, size):
    smooth = Image.fromarray(rng.integers(0, 255, (30, 40, 3), np.uint8)).resize((800, 600), Image.Resampling.BICUBIC)
    smooth.save(tmp_path / "a.png")
    smooth.save(tmp_path / "a.jpg", quality=95)
    folder = resize_files(tmp_path, ["a.png", "a.jpg"], size)
    shorter = min(size, 600)
    expected = np.asarray(smooth.resize((round(shorter * 4 / 3), shorter), Image.Resampling.BICUBIC)).astype(float)
    np.testing.assert_array_equal(open_image(folder / "a.png"), expected)
    assert np.abs(open_image(folder / "a.jpg") - expected).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_copies_are_upright_without_orientation_left(tmp_path, orientation, name):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    draw(tmp_path / name, 400, 300, exif=exif)
    copy = resize_files(tmp_path, [name], 30) / name
    with Image.open(copy) as image:
        assert image.getexif().get(ORIENTATION, 1) == 1
        assert image.size == ((40, 30) if orientation < 5 else (30, 40))
        expected = Image.fromarray(open_image(tmp_path / name)).resize(image.size, Image.Resampling.BICUBIC)
    assert np.abs(open_image(copy).astype(int) - np.asarray(expected)).mean() < 3


@pytest.mark.parametrize(("mode", "name"), [("CMYK", "a.jpg"), ("L", "a.jpg"), ("RGBA", "a.png"), ("P", "a.gif")])
def test_every_mode_becomes_rgb(tmp_path, mode, name):
    draw(tmp_path / name, mode=mode)
    received = open_image(resize_files(tmp_path, [name], 20) / name).astype(int)
    expected = np.asarray(Image.fromarray(open_image(tmp_path / name)).resize((27, 20), Image.Resampling.BICUBIC))
    assert np.abs(received - expected).mean() < 4


def test_copies_are_made_once_and_again_when_lost_or_when_the_source_changed(tmp_path):
    names = ["changed.jpg", "kept.jpg", "lost.jpg", "touched.jpg"]
    for name in names:
        draw(tmp_path / name)
    folder = resize_files(tmp_path, names, 20)
    for name in names:
        os.utime(folder / name, ns=(1, 1))
    resize_files(tmp_path, names, 20)
    assert set(times(folder).values()) == {1}
    draw(tmp_path / "changed.jpg", 200, 100)
    os.utime(tmp_path / "touched.jpg", ns=(5, 5))
    (folder / "lost.jpg").unlink()
    resize_files(tmp_path, names, 20)
    assert [name for name in names if times(folder)[name] == 1] == ["kept.jpg"]
    assert Image.open(folder / "changed.jpg").size == (40, 20)


def test_two_calls_at_once_make_whole_copies(tmp_path):
    names = [f"{index}.jpg" for index in range(40)]
    for name in names:
        draw(tmp_path / name)
    with ThreadPoolExecutor(2) as pool:
        folder, same = pool.map(lambda _: resize_files(tmp_path, names, 16), range(2))
    assert folder == same and sorted(path.name for path in folder.iterdir()) == sorted([*names, COPIES_MARK])
    for name in names:
        assert open_image(folder / name).shape == (16, 21, 3)
    before = times(folder)
    resize_files(tmp_path, names, 16)
    assert times(folder) == before


@pytest.mark.parametrize("damage", [b"", b"garbage", "cut", "zeros"])
def test_damaged_copies_are_made_anew(tmp_path, damage):
    for name in ("a.jpg", "b.jpg"):
        draw(tmp_path / name)
    folder = resize_files(tmp_path, ["a.jpg", "b.jpg"], 20)
    whole = (folder / "a.jpg").read_bytes()
    (folder / "a.jpg").write_bytes({"cut": whole[:-30], "zeros": bytes(len(whole))}.get(damage, damage))
    os.utime(folder / "b.jpg", ns=(1, 1))
    resize_files(tmp_path, ["a.jpg", "b.jpg"], 20)
    assert (folder / "a.jpg").read_bytes() == whole
    assert (folder / "b.jpg").stat().st_mtime_ns == 1  # another time alone is no damage


def test_two_processes_forget_nothing_of_each_other(tmp_path):
    """Both have read the record before either writes to it."""
    names = ["a.jpg", "b.jpg"]
    for name in names:
        draw(tmp_path / name)
    folder = tmp_path / "tmp" / "16"
    folder.mkdir(parents=True)
    resize_files(tmp_path, [], 16)
    resize_files(tmp_path, ["a.jpg"], 16)
    mine, other = (CopiesRecord(folder, tmp_path) for _ in range(2))
    entry = mine.entries["a.jpg"]
    mine.add("mine.jpg", entry)
    other.add("other.jpg", entry)
    mine.save()
    other.save()
    with open(folder / COPIES_MARK, "a") as stream:
        stream.write('["cut.jpg", 12')  # by a kill
    third = CopiesRecord(folder, tmp_path)
    third.add("third.jpg", entry)
    third.add("a.jpg", None)
    third.save()
    assert set(CopiesRecord(folder, tmp_path).entries) == {"mine.jpg", "other.jpg", "third.jpg"}


def test_two_data_sets_cannot_share_a_folder_of_copies(tmp_path):
    for root in ("one", "two"):
        draw(tmp_path / root / "a.jpg")
        os.utime(tmp_path / root / "a.jpg", ns=(5, 5))
    resize_files(tmp_path / "one", ["a.jpg"], 20, folder=tmp_path / "cache")
    with pytest.raises(ValueError, match="holds copies of the pictures in .*one; pass another `folder`"):
        resize_files(tmp_path / "two", ["a.jpg"], 20, folder=tmp_path / "cache")
    (tmp_path / "one").rename(tmp_path / "gone")
    copies = resize_files(tmp_path / "two", ["a.jpg"], 20, folder=tmp_path / "cache")
    assert list(CopiesRecord(copies, tmp_path / "two").entries) == ["a.jpg"]


def test_a_data_set_may_move_with_its_copies(tmp_path):
    draw(tmp_path / "one" / "a.jpg")
    os.utime(resize_files(tmp_path / "one", ["a.jpg"], 20) / "a.jpg", ns=(1, 1))
    (tmp_path / "one").rename(tmp_path / "two")
    assert times(resize_files(tmp_path / "two", ["a.jpg"], 20)) == {"a.jpg": 1}


def test_copies_on_a_disk_that_can_only_be_read_are_used(tmp_path, monkeypatch):
    draw(tmp_path / "a.jpg")
    folder = resize_files(tmp_path, ["a.jpg"], 20)

    def refuse(*arguments, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    opened = os.open
    monkeypatch.setattr(os, "open", lambda path, flags, *mode: (refuse if flags & 3 else opened)(path, flags, *mode))
    monkeypatch.setattr(resize, "atomic_path", refuse)
    assert resize_files(tmp_path, ["a.jpg"], 20) == folder
    os.utime(folder / "a.jpg", ns=(1, 1))
    with pytest.warns(UserWarning, match="cannot be noted for the next time: .*Read-only"):
        assert resize_files(tmp_path, ["a.jpg"], 20) == folder
    draw(tmp_path / "b.jpg")
    with pytest.raises(OSError, match=r"missing in .*20, which can only be read .*pass another `folder`"):
        resize_files(tmp_path, ["b.jpg"], 20)


def test_another_call_with_other_files_keeps_what_is_known(tmp_path):
    for name in ("a.jpg", "b.jpg"):
        draw(tmp_path / name)
    folder = resize_files(tmp_path, ["a.jpg"], 20)
    resize_files(tmp_path, ["b.jpg", "b.jpg"], 20)
    assert set(CopiesRecord(folder, tmp_path).entries) == {"a.jpg", "b.jpg"}


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"version": 0, "files": {}}', '["a.jpg", 1]', "\x00\xff", '{"version": 2}']
)
def test_a_damaged_or_older_manifest_means_making_all_again(tmp_path, content):
    draw(tmp_path / "a.jpg")
    folder = resize_files(tmp_path, ["a.jpg"], 20)
    os.utime(folder / "a.jpg", ns=(1, 1))
    (folder / COPIES_MARK).write_text(content)
    resize_files(tmp_path, ["a.jpg"], 20)
    assert times(folder)["a.jpg"] != 1


def test_broken_sources_are_named_together_and_the_good_copies_kept(tmp_path):
    draw(tmp_path / "good.jpg")
    draw(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:-300])
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(ImageError, match="3 image files") as caught:
        resize_files(tmp_path, ["cut.jpg", "good.jpg", "empty.png", "missing.jpg"], 20)
    assert list(caught.value.problems) == ["cut.jpg", "empty.png", "missing.jpg"]
    assert set(times(tmp_path / "tmp")) == {"good.jpg"}
    draw(tmp_path / "cut.jpg")
    assert (resize_files(tmp_path, ["cut.jpg", "good.jpg"], 20) / "cut.jpg").is_file()


def test_a_source_that_broke_is_blamed_on_every_call(tmp_path):
    draw(tmp_path / "a.jpg")
    resize_files(tmp_path, ["a.jpg"], 20)
    (tmp_path / "a.jpg").write_bytes(b"no image")
    for _ in range(2):
        with pytest.raises(ImageError, match="a.jpg"):
            resize_files(tmp_path, ["a.jpg"], 20)


def test_a_stopped_run_leaves_whole_copies_and_remembers_them(tmp_path, monkeypatch):
    names = [f"{index:03}.png" for index in range(200)]
    for name in names:
        draw(tmp_path / name, 8, 6)
    write = resize.atomic_path

    def stop_late(path, **size):
        if path.name == "150.png":
            raise KeyboardInterrupt
        return write(path, **size)

    monkeypatch.setattr(resize, "atomic_path", stop_late)
    with pytest.raises(KeyboardInterrupt):
        resize_files(tmp_path, names, 4, workers=1)
    known = CopiesRecord(tmp_path / "tmp" / "4", tmp_path).entries
    assert len(known) >= 100 and "150.png" not in known
    monkeypatch.undo()
    folder = resize_files(tmp_path, names, 4)
    assert set(times(folder)) == set(names)


@pytest.mark.parametrize("size", [0, -3, 2.5, "64", None, True])
def test_the_size_must_be_a_whole_number_above_zero(tmp_path, size):
    with pytest.raises(ValueError, match="`size`"):
        resize_files(tmp_path, [], size)


def test_a_mistyped_root_is_refused_and_not_created(tmp_path):
    with pytest.raises(ValueError, match="`root`"):
        resize_files(tmp_path / "typo", ["a.jpg"], 20)
    assert not list(tmp_path.iterdir())


def test_a_numpy_size_is_fine(tmp_path):
    assert resize_files(tmp_path, [], np.int64(32)) == tmp_path / "tmp" / "32"


@pytest.mark.parametrize("name", ["../a.jpg", "a/../../b.jpg", os.path.abspath("a.jpg")])
def test_files_outside_the_root_are_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(ValueError, match="`files`"):
        resize_files(tmp_path, [name], 20)
    assert not list(tmp_path.iterdir())


def test_real_planet_copies_are_not_black(data_dir, tmp_path):
    folder = data_dir / "planet" / "train-jpg"
    names = sorted(path.name for path in folder.iterdir())[:5]
    copies = resize_files(folder, names, 64, folder=tmp_path)
    for name in names:
        copy, source = open_image(copies / name), open_image(folder / name)
        assert copy.shape == (64, 64, 3)
        assert np.abs(copy.mean((0, 1)) - source.mean((0, 1))).max() < 2
