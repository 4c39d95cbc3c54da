import numpy as np
import pytest
from PIL import Image

from kerasfast.fastai.dataset import csv_source, folder_source, parse_csv_labels, resize_imgs


@pytest.fixture
def root(tmp_path):
    for name in ("cats/a.png", "cats/b.png", "dogs/c.png", ".hidden/d.png"):
        (tmp_path / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 8)).save(tmp_path / "train" / name)
    return tmp_path


def test_class_folders_and_csv_files_give_names_targets_and_classes(root):
    files, numbers, classes = folder_source(root, "train")
    assert files == ["train/cats/a.png", "train/cats/b.png", "train/dogs/c.png"] and classes == ["cats", "dogs"]
    np.testing.assert_array_equal(numbers, [0, 0, 1])
    (root / "tags.csv").write_text("name,tags\nb,sea sky\na,sky\n")
    assert parse_csv_labels(root / "tags.csv") == (["a", "b"], {"b": ["sea", "sky"], "a": ["sky"]})
    files, hot, classes = csv_source("all", root / "tags.csv", suffix=".jpg")
    assert files == ["all/a.jpg", "all/b.jpg"] and classes == ["sea", "sky"]
    np.testing.assert_array_equal(hot, [[0, 1], [1, 1]])
    (root / "one.csv").write_text("b,2.5\na,1\n")
    np.testing.assert_array_equal(csv_source("all", root / "one.csv", skip_header=False)[1], [0, 1])
    values = csv_source("all", root / "one.csv", skip_header=False, continuous=True)[1]
    np.testing.assert_array_equal(values, [[1], [2.5]])


def test_small_copies_are_written_once(root):
    folder = resize_imgs(["train/cats/a.png"], 4, root, "tmp")
    with Image.open(f"{folder}/train/cats/a.png") as copy:
        assert copy.size == (6, 4)
    assert resize_imgs(["train/cats/a.png"], 4, root, "tmp") == folder
