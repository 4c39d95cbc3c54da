"""Small data sets on disk: class folders."""

import pytest
from PIL import Image


def save_picture(path, size=(12, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (200, 30, 60)).save(path)
    return path


@pytest.fixture(scope="session")
def picture():
    """The function (path, size) that saves a picture and returns its path."""
    return save_picture


@pytest.fixture
def folders(tmp_path):
    """A data set of two classes with 5 + 5 training, 2 + 2 validation and 3 test pictures."""
    for split, count in (("train", 5), ("valid", 2)):
        for name in ("cats", "dogs"):
            for index in range(count):
                save_picture(tmp_path / split / name / f"{name[:3]}.{split}.{index}.jpg")
    for index in range(3):
        save_picture(tmp_path / "test" / f"{index}.jpg")
    return tmp_path
