"""Broken pictures: named together, or left out and remembered."""

import pytest

from kerasfast.vision.sources.decoding.decode import ImageError
from kerasfast.vision.sources.listing.class_folders import folder_source


def break_three(root):
    (root / "train" / "cats" / "cat.train.0.jpg").write_bytes(b"")
    (root / "valid" / "dogs" / "dog.valid.1.jpg").write_bytes(b"no picture")
    (root / "test" / "2.jpg").write_bytes((root / "test" / "1.jpg").read_bytes()[:-200])
    return {"train/cats/cat.train.0.jpg", "valid/dogs/dog.valid.1.jpg", "test/2.jpg"}


def test_broken_pictures_of_all_splits_are_named_together(folders):
    broken = break_three(folders)
    with pytest.raises(ImageError) as error:
        folder_source(folders, test="test")
    assert set(error.value.problems) == broken


def test_broken_pictures_are_left_out_and_remembered(folders, capsys):
    broken = break_three(folders)
    source = folder_source(folders, test="test", on_error="skip")
    assert set(source.skipped) == broken
    assert [len(part) for part in (source.train, source.valid, source.test)] == [9, 3, 2]
    assert source.train.targets.tolist() == [0] * 4 + [1] * 5
    assert not broken & {*source.train.files, *source.valid.files, *source.test.files}
    assert len(source.train.scan.width) == 9
    printed = capsys.readouterr().out
    assert "Left out 3 of 17 pictures" in printed
    assert printed.count("\n") == 1


def test_leaving_out_all_pictures_of_a_split_or_class_is_an_error(folders):
    for path in (folders / "train" / "cats").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="in the validation set only.*'cats'"):
        folder_source(folders, on_error="skip")
    for path in (folders / "valid").rglob("*.jpg"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="The validation set has no pictures after broken ones were left out"):
        folder_source(folders, on_error="skip")
