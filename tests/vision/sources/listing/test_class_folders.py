"""Pictures in class folders, and the errors for what cannot be a data set."""

import os
import shutil

import numpy as np
import pytest

from kerasfast.vision.sources.decoding.decode import ImageError
from kerasfast.vision.sources.listing.class_folders import folder_source
from kerasfast.vision.sources.resize import resize_files
from kerasfast.vision.sources.splits import Draw


def test_folders_give_sorted_files_and_their_classes(folders):
    source = folder_source(folders, test="test")
    assert (source.target_kind, source.classes, source.skipped) == ("single", ("cats", "dogs"), {})
    assert [len(part) for part in (source.train, source.valid, source.test)] == [10, 4, 3]
    assert source.train.files.tolist() == sorted(source.train.files)
    assert source.train.files[0] == "train/cats/cat.train.0.jpg"
    assert source.train.targets.tolist() == [0] * 5 + [1] * 5
    assert source.train.targets.dtype == np.int64
    assert source.test.files.tolist() == ["test/0.jpg", "test/1.jpg", "test/2.jpg"]
    assert source.test.targets is None
    assert source.train.scan.width.tolist() == [12] * 10
    assert source.train.scan.height.tolist() == [8] * 10


def test_take_keeps_files_targets_and_scan_together(folders, picture):
    picture(folders / "train" / "dogs" / "dog.wide.jpg", size=(40, 8))
    train = folder_source(folders).train
    last = int(np.argmax(train.scan.width))
    part = train.take([last, 0])
    assert part.files.tolist() == ["train/dogs/dog.wide.jpg", "train/cats/cat.train.0.jpg"]
    assert part.targets.tolist() == [1, 0]
    assert part.scan.width.tolist() == [40, 12]
    assert len(part) == 2


def test_pictures_are_found_at_any_depth_and_junk_is_not(folders, picture):
    picture(folders / "train" / "cats" / "siamese" / "old" / "deep.png")
    picture(folders / "train" / "cats" / ".hidden" / "no.jpg")
    picture(folders / "train" / ".ipynb_checkpoints" / "no.jpg")
    picture(folders / "train" / "__MACOSX" / "no.jpg")
    for junk in ("Thumbs.db", ".DS_Store", "desktop.ini", "._cat.jpg"):
        (folders / "train" / "cats" / junk).write_bytes(b"junk")
    (folders / "train" / ".DS_Store").write_bytes(b"junk")
    (folders / "train" / "readme.txt").write_text("which cat is which")
    source = folder_source(folders)
    assert source.classes == ("cats", "dogs")
    assert len(source.train) == 11
    assert "train/cats/siamese/old/deep.png" in source.train.files


def test_links_are_followed_once(folders, picture):
    picture(folders / "elsewhere" / "linked.jpg")
    os.symlink(folders / "elsewhere", folders / "train" / "cats" / "link")
    os.symlink(folders / "train" / "cats", folders / "train" / "cats" / "circle")
    source = folder_source(folders)
    assert "train/cats/link/linked.jpg" in source.train.files
    assert len(source.train) == 11


def test_what_kerasfast_wrote_is_neither_a_class_nor_a_test_picture(folders, picture):
    for split in ("valid", "test"):
        shutil.rmtree(folders / split)
    for name in ("cats", "dogs"):
        (folders / "train" / name).rename(folders / name)
    (folders / "train").rmdir()
    options = {"train": ".", "valid": None, "draw": Draw(0.2), "test": "."}
    first = folder_source(folders, **options)
    resize_files(folders, first.train.files, 6)
    (folders / "tmp" / "features-0123456789abcdef01234567").mkdir()
    (folders / "models").mkdir()
    folder_source(folders, **options)
    (folders / "models" / "best.weights.h5").write_bytes(b"weights")
    second = folder_source(folders, **options)
    assert second.classes == ("cats", "dogs")
    assert second.test.files.tolist() == first.test.files.tolist() and len(first.test) == 10
    picture(folders / "models" / "catwalk.jpg")  # a class of that name
    assert folder_source(folders, **{**options, "test": None}, on_error="skip").classes == ("cats", "dogs", "models")


def test_a_folder_that_cannot_be_listed_is_an_error(folders, monkeypatch):
    (folders / "train" / "cats" / "secret").mkdir()
    scandir = os.scandir

    def refuse(path="."):
        if os.fspath(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(
        PermissionError, match="The folder .*secret cannot be listed .Permission denied.; make it readable"
    ):
        folder_source(folders)


def test_pipes_and_devices_are_named_and_never_opened(folders):
    os.mkfifo(folders / "train" / "cats" / "pipe.jpg")
    os.symlink("/dev/zero", folders / "train" / "dogs" / "zero.jpg")
    with pytest.raises(ImageError, match="is a pipe, socket or device") as error:
        folder_source(folders)
    assert set(error.value.problems) == {"train/cats/pipe.jpg", "train/dogs/zero.jpg"}
    assert len(folder_source(folders, on_error="skip").train) == 10


def test_names_that_are_no_text_are_kept_byte_for_byte(folders):
    name = os.fsdecode(b"caf\xe9.jpg")
    shutil.copy(folders / "test" / "0.jpg", os.path.join(folders, "test", name))
    shutil.copy(folders / "test" / "0.jpg", os.path.join(folders, "train", "cats", name))
    source = folder_source(folders, test="test")
    assert f"train/cats/{name}" in source.train.files and f"test/{name}" in source.test.files
    for _ in range(2):
        copies = resize_files(folders, source.test.files, 6, progress=False)
    assert os.path.isfile(os.path.join(copies, "test", name))
    (folders / "train" / "cats" / name).write_bytes(b"broken")
    with pytest.raises(ImageError, match=r"caf\\udce9.jpg") as error:
        folder_source(folders)
    assert str(error.value).encode()


def test_links_that_leave_the_root_are_refused_on_request(folders, tmp_path_factory, picture):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    picture(elsewhere / "secret.jpg")
    os.symlink(folders / "valid" / "dogs", folders / "train" / "dogs" / "inside")
    shutil.rmtree(folders / "valid" / "cats")
    options = {"valid": None, "draw": Draw(0.2)}
    assert len(folder_source(folders, **options, outside_links=False).train) == 10
    os.symlink(elsewhere / "secret.jpg", folders / "train" / "cats" / "linked.jpg")
    os.symlink(elsewhere, folders / "train" / "dogs" / "folder")
    assert len(folder_source(folders, **options).train) == 12
    with pytest.raises(
        ValueError, match="2 pictures lie outside .*'train/cats/linked.jpg', 'train/dogs/folder/secret.jpg'"
    ):
        folder_source(folders, **options, outside_links=False)


def test_folders_without_validation_hold_out_a_seeded_part(folders):
    first, again = (folder_source(folders, valid=None, draw=Draw(0.4, 3)) for _ in range(2))
    names = [f"train/{name}s/{name}.train.{index}.jpg" for name in ("cat", "dog") for index in range(5)]
    assert first.valid.targets.tolist() == [0, 0, 1, 1] and first.valid.files.tolist() == sorted(first.valid.files)
    np.testing.assert_array_equal(first.valid.files, again.valid.files)
    assert set(first.train.files) | set(first.valid.files) == set(names)
    other = folder_source(folders, valid=None, draw=Draw(0.4, 4))
    assert other.valid.files.tolist() != first.valid.files.tolist()


def test_pictures_of_a_group_stay_together(folders):
    source = folder_source(folders, valid=None, draw=Draw(0.4, 0), groups=lambda file: file[-5] in "01")
    held = {file[-5] in "01" for file in source.valid.files}
    assert len(held) == 1 and held != {file[-5] in "01" for file in source.train.files}
    with pytest.raises(ValueError, match="share 1 groups: 'all'"):
        folder_source(folders, groups=lambda file: "all")


def test_a_labelled_test_folder_has_targets(folders):
    source = folder_source(folders, test="valid", test_labelled=True)
    assert source.test.targets.tolist() == [0, 0, 1, 1]


def test_validation_may_lack_a_class(folders):
    for path in (folders / "valid" / "cats").iterdir():
        path.unlink()
    (folders / "valid" / "cats").rmdir()
    assert folder_source(folders).valid.targets.tolist() == [1, 1]


def empty_class(root):
    (root / "train" / "birds").mkdir()


def unknown_class(root):
    (root / "valid" / "birds" / "deep").mkdir(parents=True)
    shutil.copy(root / "test" / "0.jpg", root / "valid" / "birds" / "deep" / "b.jpg")


def loose_picture(root):
    shutil.copy(root / "test" / "0.jpg", root / "train" / "lost.jpg")


def one_class(root):
    for path in (root / "train" / "cats").iterdir():
        path.unlink()
    (root / "train" / "cats").rmdir()


def empty_test(root):
    for path in (root / "test").iterdir():
        path.unlink()


def nothing(root):
    """Leave the folders as they are."""


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (
            nothing,
            {"train": "training"},
            FileNotFoundError,
            "`train` names no folder: .*holds 'test', 'train', 'valid'",
        ),
        (nothing, {"valid": "val"}, FileNotFoundError, "`valid` names no folder: .*Pass `valid=None`"),
        (nothing, {"test": "tests"}, FileNotFoundError, "`test` names no folder"),
        (nothing, {"train": "test"}, ValueError, "folders none and the loose pictures '0.jpg'"),
        (nothing, {"train": ".."}, ValueError, "`train` must lie below the root"),
        (nothing, {"valid": "train"}, ValueError, "Training and validation share 10 pictures: 'train/cats/cat.train.0"),
        (nothing, {"on_error": "ignore"}, ValueError, "`on_error` must be one of 'raise', 'skip'; received 'ignore'"),
        (nothing, {"test_labelled": True}, ValueError, "needs a test folder"),
        (nothing, {"valid": None, "draw": Draw(0.01)}, ValueError, "leaves the validation set empty"),
        (nothing, {"groups": "name"}, ValueError, "`groups` must be a function"),
        (empty_class, {}, ValueError, "are empty: 'birds'"),
        (
            unknown_class,
            {},
            ValueError,
            "'valid' has classes that the training folder lacks: 'birds'; training has 'cats', 'dogs'",
        ),
        (loose_picture, {}, ValueError, "loose pictures 'lost.jpg'"),
        (one_class, {}, ValueError, "two classes or more; found only 'dogs'"),
        (empty_test, {"test": "test"}, ValueError, "The test set has no pictures in .*test"),
    ],
)
def test_folders_that_are_no_data_set_are_refused(folders, change, options, error, message):
    change(folders)
    with pytest.raises(error, match=message):
        folder_source(folders, **options)


def test_a_missing_root_names_what_is_there(folders):
    with pytest.raises(FileNotFoundError, match="does not exist; .* holds 'test', 'train', 'valid'"):
        folder_source(folders / "dogcats")
    with pytest.raises(FileNotFoundError, match="is a file"):
        folder_source(folders / "test" / "0.jpg")


def test_dogscats_has_its_splits(data_dir):
    source = folder_source(data_dir / "dogscats", test="test")
    assert [len(part) for part in (source.train, source.valid, source.test)] == [1600, 400, 100]
    assert source.classes == ("cats", "dogs")
    assert source.valid.targets.tolist() == [0] * 200 + [1] * 200
