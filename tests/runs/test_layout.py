"""Layouts of picture folders: which are known, what is said of them, and what is refused."""

import pytest
from PIL import Image

from kerasfast.runs.layout import detect_layout
from kerasfast.vision.pipeline.transforms import Transforms


def pictures(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (8, 8), (9, 99, 200)).save(folder / name)


def table(path, names, labels=("a", "b"), header="image_name,tags\n"):
    rows = "".join(f"{name},{labels[index % len(labels)]}\n" for index, name in enumerate(names))
    path.write_text(header + rows, encoding="utf-8")


NAMES = [f"p_{index}" for index in range(10)]


def opened(layout):
    return layout.open(Transforms(32), batch_size=4, seed=42)


@pytest.mark.parametrize(
    ("csv", "folder", "test"),
    [("train_v2.csv", "train-jpg", "test-jpg"), ("labels.csv", "train", "test"), ("mine.csv", "images", None)],
)
@pytest.mark.parametrize(("suffix", "in_table"), [(".jpg", False), (".PNG", False), (".jpg", True)])
def test_tables_are_found_with_folder_and_suffix(csv, folder, test, suffix, in_table, tmp_path):
    pictures(tmp_path / folder, [f"{name}{suffix}" for name in NAMES])
    table(tmp_path / csv, [f"{name}{suffix}" if in_table else name for name in NAMES], ("clear road", "haze"))
    table(tmp_path / "sample_submission_v2.csv", NAMES)
    (tmp_path / "test-empty").mkdir()
    if test:
        pictures(tmp_path / test, ["t_1.jpg", "t_2.jpg"])
    layout = detect_layout(tmp_path)
    assert (layout.csv, layout.folder, layout.test, layout.header) == (csv, folder, test, True)
    assert layout.suffix == ("" if in_table else suffix)
    assert csv in layout.describe() and (test or "no test pictures") in layout.describe()
    data = opened(layout)
    assert data.target_kind == "multi" and (len(data.train), len(data.valid)) == (8, 2)
    assert (data.test is None) == (test is None)


def test_a_table_without_column_names_keeps_its_first_row(tmp_path):
    pictures(tmp_path / "train", [f"{name}.jpg" for name in NAMES])
    table(tmp_path / "train.csv", NAMES, header="")
    layout = detect_layout(tmp_path)
    assert not layout.header
    data = opened(layout)
    assert data.target_kind == "single" and len(data.train) + len(data.valid) == 10


def test_pictures_may_lie_beside_their_table(tmp_path):
    pictures(tmp_path, [f"{name}.jpg" for name in NAMES])
    table(tmp_path / "labels.csv", NAMES)
    assert detect_layout(tmp_path).folder == "."
    assert len(opened(detect_layout(tmp_path)).train) == 8


@pytest.mark.parametrize("valid", ["valid", "val", None])
@pytest.mark.parametrize("test", ["test", None])
def test_class_folders_are_found(valid, test, tmp_path):
    for split in filter(None, ("train", valid)):
        for name in ("cats", "dogs"):
            pictures(tmp_path / split / name, [f"{name}.{split}.{index}.jpg" for index in range(5)])
    if test:
        pictures(tmp_path / test, ["1.jpg"])
    layout = detect_layout(tmp_path)
    assert (layout.csv, layout.folder, layout.valid, layout.test) == (None, "train", valid, test)
    assert (valid or "held out") in layout.describe()
    data = opened(layout)
    assert data.classes == ("cats", "dogs") and len(data.valid) == (10 if valid else 2)


def test_usual_names_are_preferred_among_several_tables(tmp_path):
    pictures(tmp_path / "train", [f"{name}.jpg" for name in NAMES])
    for name in ("alternative.csv", "train.csv"):
        table(tmp_path / name, NAMES)
    assert detect_layout(tmp_path).csv == "train.csv"
    (tmp_path / "train.csv").rename(tmp_path / "other.csv")
    with pytest.raises(ValueError, match="several tables of labels: 'alternative.csv', 'other.csv'. Name the one"):
        detect_layout(tmp_path)


def test_unknown_layouts_say_what_is_there_and_what_is_expected(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        detect_layout(tmp_path / "absent")
    with pytest.raises(ValueError, match="holds nothing. Expected one of two layouts"):
        detect_layout(tmp_path)
    pictures(tmp_path / "photos", ["1.jpg"])
    table(tmp_path / "train.csv", ["elsewhere"])
    (tmp_path / "notes.csv").write_text("a,b,c\n1,2,3\n")
    with pytest.raises(ValueError, match="'notes.csv', 'photos/', 'train.csv'. Expected one of two.*train/<class>/"):
        detect_layout(tmp_path)


def test_folders_of_classes_alone_are_found(tmp_path):
    for name in ("Äpfel & Birnen", "cats"):
        pictures(tmp_path / name / "deep er", [f"{index} ü.jpg" for index in range(5)])
    layout = detect_layout(tmp_path)
    assert (layout.folder, layout.csv) == (".", None) and tmp_path.name in layout.describe()
    data = opened(layout)
    assert data.classes == ("cats", "Äpfel & Birnen") and len(data.train) == 8
    with pytest.raises(ValueError, match="tags and numbers need a table"):
        opened(detect_layout(tmp_path, kind="numbers"))


@pytest.mark.parametrize(
    ("labels", "kind", "expected"),
    [(("1.5", "2", "4"), None, "regression"), (("1", "2"), None, "single"), (("1", "2"), "numbers", "regression"),
     (("1.5", "2"), "classes", "single")],
)  # fmt: skip
def test_labels_that_are_numbers(labels, kind, expected, tmp_path, capsys):
    pictures(tmp_path / "train", [f"{name}.jpg" for name in NAMES])
    table(tmp_path / "train.csv", NAMES, labels)
    assert opened(detect_layout(tmp_path, kind=kind)).target_kind == expected
    assert ("numbers are predicted" in capsys.readouterr().out) == (expected == "regression" and kind is None)


def test_classes_may_have_blanks_in_their_names(tmp_path):
    pictures(tmp_path / "train", [f"{name}.jpg" for name in NAMES])
    table(tmp_path / "train.csv", NAMES, ("red car", "car"))
    assert opened(detect_layout(tmp_path)).target_kind == "multi"
    assert opened(detect_layout(tmp_path, kind="classes")).classes == ("car", "red car")


def test_a_column_of_labels_among_others(tmp_path):
    pictures(tmp_path / "train", [f"{name}.jpg" for name in NAMES])
    rows = "".join(f"{index},{name}.jpg,{index / 4},red\n" for index, name in enumerate(NAMES))
    (tmp_path / "many.csv").write_text("row,picture,grams,colour\n" + rows)
    with pytest.raises(ValueError, match="name the labels with --labels.*'row', 'picture', 'grams', 'colour'"):
        detect_layout(tmp_path, "many.csv")
    data = opened(detect_layout(tmp_path, "many.csv", labels=["grams"]))
    assert data.target_kind == "regression" and data.classes == ("grams",)
    with pytest.raises(ValueError, match="has no column 'weight'; it has 'row'"):
        opened(detect_layout(tmp_path, "many.csv", labels=["weight"]))
