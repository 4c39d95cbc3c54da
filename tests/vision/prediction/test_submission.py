"""Submission files as the competitions read them."""

import gzip
import os
import time

import numpy as np
import pandas as pd
import pytest

from kerasfast.vision.prediction.submission import tags_above, write_submission

FILES = ["test/b.2.jpg", "test/a.jpg", "c.png"]
CLASSES = ("cloud", "haze", "road")
PREDICTIONS = np.array([[0.9, 0.3, 0.5], [0.1, 0.2, 0.15], [0.25, 0.2, 0.7]], np.float32)


def test_probabilities_stand_in_the_order_of_classes_and_files(tmp_path):
    path = write_submission(tmp_path / "new" / "sub.csv", FILES, PREDICTIONS, CLASSES)
    frame = pd.read_csv(path)
    assert frame.columns.tolist() == ["id", *CLASSES]
    assert frame["id"].tolist() == ["b.2", "a", "c"]
    np.testing.assert_array_equal(frame[list(CLASSES)].to_numpy(np.float32), PREDICTIONS)


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0.2, ["cloud haze road", "haze", "cloud road"]),
        (0.5, ["cloud", "haze", "road"]),
        ([0.95, 0.1, 0.4], ["haze road", "haze", "haze road"]),
        (0.0, ["cloud haze road"] * 3),
        (1.0, ["cloud", "haze", "road"]),
    ],
)
def test_planets_tags_are_those_above_the_threshold_or_the_likeliest(tmp_path, threshold, expected):
    frame = pd.read_csv(write_submission(tmp_path / "sub.csv", FILES, PREDICTIONS, CLASSES, threshold=threshold))
    assert frame.columns.tolist() == ["image_name", "tags"]
    assert frame["image_name"].tolist() == ["b.2", "a", "c"]
    assert frame["tags"].tolist() == expected


def test_columns_can_be_named(tmp_path):
    options = {"id_column": "picture", "tag_column": "labels", "threshold": 0.2}
    frame = pd.read_csv(write_submission(tmp_path / "sub.csv", FILES, PREDICTIONS, CLASSES, **options))
    assert frame.columns.tolist() == ["picture", "labels"]


def test_compressed_files_hold_the_same_and_repeat_to_the_byte(tmp_path, monkeypatch):
    plain = write_submission(tmp_path / "sub.csv", FILES, PREDICTIONS, CLASSES)
    first = write_submission(str(tmp_path / "sub.csv.gz"), FILES, PREDICTIONS, CLASSES)
    assert gzip.decompress(first.read_bytes()) == plain.read_bytes()
    pd.testing.assert_frame_equal(pd.read_csv(first), pd.read_csv(plain))
    later = time.time() + 1000
    monkeypatch.setattr(time, "time", lambda: later)
    second = write_submission(tmp_path / "other.csv.gz", FILES, PREDICTIONS, CLASSES)
    assert first.read_bytes() == second.read_bytes()


def test_a_failed_write_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = write_submission(tmp_path / "sub.csv", FILES, PREDICTIONS, CLASSES)
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_submission(path, FILES, 1 - PREDICTIONS, CLASSES)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["sub.csv"]


def with_nan() -> np.ndarray:
    predictions = PREDICTIONS.copy()
    predictions[1, 2] = np.nan
    return predictions


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"predictions": PREDICTIONS[:2]}, r"must have shape \(3, 3\).*received \(2, 3\)"),
        ({"predictions": np.stack([PREDICTIONS] * 5)}, r"received \(5, 3, 3\). Average the views of `tta` first"),
        ({"classes": CLASSES[:2]}, r"must have shape \(3, 2\)"),
        ({"predictions": with_nan()}, "1 predictions are NaN or infinite, first that of test/a.jpg"),
        (
            {"files": ["x/a.jpg", "y/a.jpg", "c.jpg"]},
            "repeat without folder and ending: 'a'; a submission needs unique ids, pass `ids`",
        ),
        ({"threshold": float("nan")}, "`threshold` must lie from 0 to 1; received nan"),
        ({"threshold": [0.2, 5, 0.2]}, "`threshold` must lie from 0 to 1; received 5"),
        ({"threshold": "high"}, "`threshold` must be a number, or one per class; received 'high'"),
        ({"classes": ["haze", "road", "haze"]}, "Class names repeat: 'haze'"),
        ({"classes": ["haze", "id", "road"]}, "A class is called 'id', as the column of ids is"),
        ({"ids": [1, 2]}, "`ids` must be 3, one for each file; received 2"),
        ({"ids": [1, 2, 1]}, "`ids` repeat: '1'"),
        ({"threshold": [0.1, 0.2]}, r"`threshold` must be one number, or 3, one per class; received shape \(2,\)"),
        ({"threshold": [[0.1], [0.2], [0.3]]}, r"received shape \(3, 1\)"),
        ({"threshold": 0.2, "classes": ["clear sky", "haze", "road"]}, "separated by spaces but 'clear sky' holds one"),
    ],
)
def test_what_cannot_be_submitted_is_refused(tmp_path, arguments, message):
    options = {"files": FILES, "predictions": PREDICTIONS, "classes": CLASSES} | arguments
    with pytest.raises(ValueError, match=message):
        write_submission(tmp_path / "sub.csv", **options)
    assert not any(tmp_path.iterdir())


def test_ids_of_your_own_are_written(tmp_path):
    files = ["x/a.jpg", "y/a.jpg", "c.jpg"]
    path = write_submission(tmp_path / "sub.csv", files, PREDICTIONS, CLASSES, ids=[7, 8, "nine"])
    assert [line.split(",")[0] for line in path.read_text().splitlines()] == ["id", "7", "8", "nine"]


def test_formulas_are_quoted_on_request(tmp_path):
    files, classes = ["=1+2.jpg", "@a.jpg", "b.jpg"], ["+x", "-y", "z"]
    plain = write_submission(tmp_path / "a.csv", files, PREDICTIONS, classes).read_text()
    quoted = write_submission(tmp_path / "b.csv", files, PREDICTIONS, classes, quote_formulas=True).read_text()
    assert plain.splitlines()[0] == "id,+x,-y,z" and plain.splitlines()[1].startswith("=1+2,")
    assert quoted.splitlines()[0] == "id,'+x,'-y,z" and quoted.splitlines()[1].startswith("'=1+2,")
    assert quoted.splitlines()[3].startswith("b,")


def test_names_that_are_no_text_are_written_byte_for_byte(tmp_path):
    files = [os.fsdecode(b"caf\xe9.jpg"), "b.jpg", "c.jpg"]
    assert b"caf\xe9," in write_submission(tmp_path / "sub.csv", files, PREDICTIONS, CLASSES).read_bytes()


def test_many_repeated_names_are_found_quickly(tmp_path):
    files = [f"{index % 50000}.jpg" for index in range(100000)]
    start = time.perf_counter()
    with pytest.raises(ValueError, match="repeat without folder"):
        write_submission(tmp_path / "sub.csv", files, np.zeros((100000, 1)), ["x"])
    assert time.perf_counter() - start < 5


def test_tags_leave_the_predictions_alone():
    predictions = PREDICTIONS.copy()
    tags_above(predictions, CLASSES, 0.5)
    np.testing.assert_array_equal(predictions, PREDICTIONS)
