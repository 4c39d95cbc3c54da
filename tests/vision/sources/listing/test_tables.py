"""Pictures and labels from tables, and the errors for what cannot be a data set."""

import os
import warnings

import numpy as np
import pandas as pd
import pytest

from kerasfast.vision.sources.listing.labels import read_table
from kerasfast.vision.sources.listing.tables import table_source as from_dataframe
from kerasfast.vision.sources.resize import resize_files
from kerasfast.vision.sources.splits import Draw

NAMES = [f"p_{index}" for index in range(10)]
KINDS = ["red" if index % 2 else "blue" for index in range(10)]
TAGS = ["clear", "clear road", "haze", "haze road", "clear", "clear water", "haze", "clear road", "haze water", "clear"]


@pytest.fixture
def table(tmp_path, picture):
    """Ten pictures in `pics/`, with a CSV of one label each, one of tags and one of numbers."""
    for name in NAMES:
        picture(tmp_path / "pics" / f"{name}.jpg")
    pd.DataFrame({"image": NAMES, "kind": KINDS}).to_csv(tmp_path / "kinds.csv", index=False)
    pd.DataFrame({"image": NAMES, "tags": TAGS}).to_csv(tmp_path / "tags.csv", index=False)
    numbers = pd.DataFrame({"image": NAMES, "x": np.arange(10) / 4, "y": np.arange(10) * 2})
    numbers.to_csv(tmp_path / "numbers.csv", index=False)
    return tmp_path


def from_csv(root, csv, *, header=True, **options):
    return from_dataframe(root, read_table(root, csv, header=header), **options)


def frame_of(labels, names=NAMES):
    return pd.DataFrame({"image": list(names), "label": list(labels)})


OPTIONS = {"folder": "pics", "suffix": ".jpg", "valid_indices": [0, 3]}


def test_a_csv_of_labels_gives_one_class_each(table):
    source = from_csv(table, "kinds.csv", **OPTIONS)
    assert (source.target_kind, source.classes) == ("single", ("blue", "red"))
    assert source.valid.files.tolist() == ["pics/p_0.jpg", "pics/p_3.jpg"]
    assert source.valid.targets.tolist() == [0, 1]
    assert source.train.targets.dtype == np.int64
    assert source.test is None


def test_rows_stay_in_the_order_of_the_table_and_validation_rows_count_them(table):
    shuffled = frame_of(KINDS).sample(frac=1, random_state=1)
    names = [f"pics/{name}.jpg" for name in shuffled["image"]]
    source = from_dataframe(table, shuffled, **{**OPTIONS, "valid_indices": [7, 2]})
    assert source.valid.files.tolist() == [names[2], names[7]]
    assert source.train.files.tolist() == [name for row, name in enumerate(names) if row not in (2, 7)]
    assert source.valid.targets.tolist() == [int(shuffled["label"].iloc[row] == "red") for row in (2, 7)]
    mask = np.isin(np.arange(10), [2, 7])
    masked = from_dataframe(table, shuffled, **{**OPTIONS, "valid_indices": mask})
    assert masked.valid.files.tolist() == source.valid.files.tolist()


def test_validation_rows_are_drawn_by_class_after_absent_files_are_dropped(table):
    labels = ["rare", "rare", *["often"] * 8]
    options = {"folder": "pics", "suffix": ".jpg", "draw": Draw(0.25, 1)}
    source = from_dataframe(table, frame_of(labels), **options)
    assert sorted(source.valid.targets.tolist()) in ([0, 0], [0, 1])
    (table / "pics" / "p_0.jpg").unlink()
    for seed in range(6):  # p_1 is now the only rare one
        source = from_dataframe(table, frame_of(labels), **{**options, "draw": Draw(0.25, seed)}, on_error="skip")
        assert len(source.valid) == 2 and source.valid.targets.tolist() == [0, 0]
        assert "pics/p_1.jpg" in source.train.files


def test_pictures_of_a_group_stay_together(table):
    frame = frame_of(KINDS).assign(patient=[index // 2 for index in range(10)])
    source = from_dataframe(table, frame, folder="pics", suffix=".jpg", groups="patient", draw=Draw(0.4))
    places = {index // 2 for index in range(10) if f"pics/p_{index}.jpg" in source.valid.files}
    assert len(places) == 2 and len(source.valid) == 4
    for fold in range(5):
        rows = [int(file[7]) for file in source.fold(fold, 5, 0).valid.files]
        assert len(rows) == 2 and rows[0] // 2 == rows[1] // 2
    with pytest.raises(ValueError, match="share 1 groups: '0'"):
        from_dataframe(table, frame, **{**OPTIONS, "valid_indices": [0, 2, 3]}, groups=2)
    with pytest.raises(ValueError, match="has no group in rows '3'"):
        from_dataframe(table, frame.assign(patient=[0, 1, None, *range(7)]), **OPTIONS, groups="patient")
    with pytest.raises(ValueError, match="No column of labels is left"):
        from_dataframe(table, frame_of(KINDS), **OPTIONS, groups="label")


def test_tags_become_multi_hot_rows(table):
    source = from_csv(table, "tags.csv", **OPTIONS)
    assert (source.target_kind, source.classes) == ("multi", ("clear", "haze", "road", "water"))
    assert source.valid.targets.tolist() == [[1, 0, 0, 0], [0, 1, 1, 0]]
    assert source.train.targets.dtype == np.float32


def test_surplus_blanks_and_repeated_tags_do_not_count(table):
    labels = ["clear  road ", "road road clear", *["clear"] * 8]
    source = from_dataframe(table, frame_of(labels), **OPTIONS)
    assert source.classes == ("clear", "road")
    assert source.train.targets[0].tolist() == [1, 1]


def test_lists_of_tags_another_separator_and_whole_labels_are_understood(table):
    lists = from_dataframe(table, frame_of([tags.split() for tags in TAGS]), **OPTIONS)
    bars = from_dataframe(table, frame_of([tags.replace(" ", "|") for tags in TAGS]), separator="|", **OPTIONS)
    golden = ["golden dog" if kind == "red" else "cat" for kind in KINDS]
    spaced = from_dataframe(table, frame_of(golden), separator=None, **OPTIONS)
    np.testing.assert_array_equal(lists.train.targets, bars.train.targets)
    assert lists.classes == bars.classes == ("clear", "haze", "road", "water")
    assert (spaced.target_kind, spaced.classes) == ("single", ("cat", "golden dog"))


def test_splitting_labels_at_blanks_is_announced_unless_asked_for(table, capsys):
    labels = ["red car", "red car", *KINDS[2:]]
    assert from_dataframe(table, frame_of(labels), **OPTIONS).target_kind == "multi"
    assert "Took labels for tags with ' ' between them, such as 'red car' for car and red" in capsys.readouterr().out
    from_dataframe(table, frame_of(labels), target_kind="multi", **OPTIONS)
    from_dataframe(table, frame_of(labels), separator=None, **OPTIONS)
    from_dataframe(table, frame_of([tags.split() for tags in TAGS]), **OPTIONS)
    from_csv(table, "kinds.csv", **OPTIONS)
    assert capsys.readouterr().out == ""


def test_multi_label_can_be_asked_for(table):
    source = from_csv(table, "kinds.csv", target_kind="multi", **OPTIONS)
    assert source.target_kind == "multi"
    assert source.valid.targets.tolist() == [[1, 0], [0, 1]]


def test_one_number_a_picture_is_a_flat_target(table):
    source = from_csv(table, "numbers.csv", label_columns="x", target_kind="regression", **OPTIONS)
    assert (source.target_kind, source.classes) == ("regression", ("x",))
    assert source.valid.targets.tolist() == [0, 0.75]
    assert source.valid.targets.dtype == np.float32


def test_several_numbers_come_from_columns_or_from_one_cell(table):
    columns = from_csv(table, "numbers.csv", target_kind="regression", **OPTIONS)
    cells_frame = frame_of([f"{i / 4} {i * 2}" for i in range(10)])
    cells = from_dataframe(table, cells_frame, target_kind="regression", **OPTIONS)
    assert (columns.classes, cells.classes) == (("x", "y"), ("label_0", "label_1"))
    assert columns.valid.targets.tolist() == cells.valid.targets.tolist() == [[0, 0], [0.75, 6]]


def test_names_and_classes_stay_text(tmp_path, picture):
    for name in ("007", "008", "1", "None"):
        picture(tmp_path / f"{name}.png")
    (tmp_path / "labels.csv").write_text("007,01\n008,None\n1,01\nNone,NA\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source = from_csv(tmp_path, tmp_path / "labels.csv", folder=".", suffix=".png", header=False, valid_indices=[2])
    assert source.classes == ("01", "NA", "None")
    assert source.train.files.tolist() == ["007.png", "008.png", "None.png"]
    assert source.train.targets.tolist() == [0, 2, 1]


def test_columns_are_found_by_position_and_name(table):
    frame = pd.DataFrame({"id": range(10), "kind": KINDS, "image": NAMES})
    by_name = from_dataframe(table, frame, name_column="image", label_columns="kind", **OPTIONS)
    by_place = from_dataframe(table, frame, name_column=-1, label_columns=[1], **OPTIONS)
    assert by_name.train.files.tolist() == by_place.train.files.tolist()
    assert by_name.classes == by_place.classes == ("blue", "red")


def test_whole_paths_and_windows_paths_are_understood(table):
    whole = [str(table / "pics" / f"{name}.jpg") for name in NAMES]
    windows = [f"pics\\{name}.jpg" for name in NAMES]
    expected = from_csv(table, "kinds.csv", **OPTIONS).train.files.tolist()
    for names in (whole, windows):
        source = from_dataframe(table, frame_of(KINDS, names), folder=".", valid_indices=[0, 3])
        assert source.train.files.tolist() == expected


@pytest.mark.parametrize("name", [" leading.jpg", "back\\slash.jpg", "x" * 215 + ".jpg", "ü\u0308.jpg"])
def test_odd_names_are_found_as_they_are(table, name, picture):
    picture(table / "pics" / name)
    names = [*(f"{name}.jpg" for name in NAMES[:9]), name]
    source = from_dataframe(table, frame_of(KINDS, names), folder="pics", valid_indices=[0, 3])
    assert source.train.files[-1] == f"pics/{name}"
    copies = resize_files(table, source.train.files, 4, progress=False)
    assert (copies / "pics" / name).is_file()
    spaced = from_dataframe(table, frame_of(KINDS, [f" {name} " for name in NAMES]), **OPTIONS)
    assert spaced.train.files[-1] == "pics/p_9.jpg"


def test_the_csv_is_found_in_the_root_then_in_the_working_directory(table, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    (elsewhere / "kinds.csv").write_text("not this one")
    os.rename(table / "tags.csv", elsewhere / "tags.csv")
    assert from_csv(table, "kinds.csv", **OPTIONS).target_kind == "single"
    assert from_csv(table, "tags.csv", **OPTIONS).target_kind == "multi"


def test_a_test_folder_may_have_folders(table, picture):
    picture(table / "more" / "unknown" / "1.jpg")
    source = from_csv(table, "kinds.csv", test="more", **OPTIONS)
    assert source.test.files.tolist() == ["more/unknown/1.jpg"]
    assert source.test.targets is None


def test_a_tag_in_validation_only_is_a_warning_at_the_caller(table):
    with pytest.warns(UserWarning, match="validation set only.*'blow_down'") as caught:
        from_dataframe(table, frame_of(["clear blow_down", *TAGS[1:]]), **OPTIONS)
    assert caught[0].filename == __file__


def with_labels(**changes):
    """Return the single labels, some of them changed by row."""
    return [changes.get(f"r{index}", label) for index, label in enumerate(KINDS)]


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (with_labels(r4=None), {}, "column 'label' is empty for 1 picture: 'p_4'"),
        (with_labels(r4="  ", r6=""), {}, "is empty for 2 pictures: 'p_4', 'p_6'"),
        (with_labels(r5="red blue"), {"target_kind": "single"}, r"'p_5' has \['blue', 'red'\].*separator=None"),
        (with_labels(r3="green"), {}, "validation set only.*'green'.*valid_indices"),
        ([["red", None], *KINDS[1:]], {}, "must be text or numbers, or lists of them, but 'p_0' has None"),
        ([*KINDS[:9], ["red", float("nan")]], {}, "'p_9' has nan"),
        ([{"red": 1}, *KINDS[1:]], {}, "'p_0' has {'red': 1}"),
        ([1e300, *range(9)], {"target_kind": "regression"}, "'p_0' has '1e[+]300'.*too large"),
        (["red"] * 10, {}, "two classes or more; found only 'red'"),
        (KINDS, {"separator": ""}, "`separator` must be a text"),
        (KINDS, {"label_columns": "tags"}, "column 'tags' is not there; the columns are 'image', 'label'"),
        (KINDS, {"label_columns": 2}, "no column at position 2: the table has 2 columns"),
        (KINDS, {"label_columns": 0}, "`label_columns` must name other columns than `name_column`"),
        (KINDS, {"label_columns": []}, "`label_columns` must name other columns"),
        (KINDS, {"target_kind": "regression"}, "'p_0' has 'blue' in column 'label'"),
        ([*range(9), float("nan")], {"target_kind": "regression"}, "must be numbers, but 'p_9' has 'nan'"),
        ([*range(9), float("inf")], {"target_kind": "regression"}, "'p_9' has 'inf'"),
        (["1 2"] * 9 + ["1"], {"target_kind": "regression"}, "Expected 2 numbers in each row.*'p_9' has 1"),
        (KINDS, {"target_kind": "tags"}, "`target_kind` must be one of 'single', 'multi', 'regression'"),
        (KINDS, {"valid_indices": [3, 10]}, "must lie from 0 to 9 for 10 rows; received '10'"),
        (KINDS, {"valid_indices": [-1]}, "must lie from 0 to 9"),
        (KINDS, {"valid_indices": [3, 1, 3]}, "more than once: '3'"),
        (KINDS, {"valid_indices": range(10)}, "takes all 10 rows"),
        (KINDS, {"valid_indices": []}, "`valid_indices` is empty"),
        (KINDS, {"valid_indices": [0.5, 1]}, "whole numbers or a mask; received float64"),
        (KINDS, {"valid_indices": ["p_1"]}, "whole numbers or a mask"),
        (KINDS, {"valid_indices": 3}, "one list of row positions"),
        (KINDS, {"valid_indices": [True, False]}, "needs 10 values, one for each row; received 2"),
        (KINDS, {"valid_indices": [False] * 10}, "`valid_indices` is empty"),
        (KINDS, {"on_error": None}, "`on_error` must be"),
        (KINDS, {"folder": "../pics"}, "`folder` must lie below the root"),
    ],
)
def test_tables_that_are_no_data_set_are_refused(table, labels, options, message):
    with pytest.raises(ValueError, match=message):
        from_dataframe(table, frame_of(labels), **{**OPTIONS, **options})


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([*NAMES[:9], "p_0"], "names 1 picture more than once: 'pics/p_0.jpg'"),
        ([*NAMES[:9], None], "no picture name in rows '10'"),
        ([*NAMES[:9], "../../p_0"], "lies outside the root"),
    ],
)
def test_unusable_picture_names_are_refused(table, names, message):
    with pytest.raises(ValueError, match=message):
        from_dataframe(table, frame_of(KINDS, names), **OPTIONS)


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (NAMES, {"suffix": ""}, "10 of 10 pictures.*'pics/p_0'.*pass `suffix='.jpg'`"),
        ([f"{name}.jpg" for name in NAMES], {}, "already have their ending, so leave out `suffix`"),
        ([f"{name}.png" for name in NAMES], {"suffix": ""}, "'p_0.jpg' exists: take the ending off"),
        ([f"pics/{name}" for name in NAMES], {}, "already begin with the folder: pass `folder='.'`"),
        ([*NAMES[:9], "absent"], {}, "1 of 10 pictures.*'pics/absent.jpg'.*correct the table"),
        (["sub/x", *NAMES[1:]], {}, "There is no folder .*sub"),
        ([f"q_{name}" for name in NAMES], {"on_error": "skip"}, "10 of 10 pictures"),
        (NAMES, {"folder": "pictures"}, "`folder` names no folder: .*holds 'kinds.csv', 'numbers.csv', 'pics'"),
        (NAMES, {"test": "tests"}, "`test` names no folder"),
    ],
)
def test_missing_pictures_are_named_with_a_hint(table, names, options, message):
    with pytest.raises(FileNotFoundError, match=message):
        from_dataframe(table, frame_of(KINDS, names), **{**OPTIONS, **options})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"image,kind\n", "no rows, only the columns 'image', 'kind'"),
        (b"image;kind\np_0;red\n", "found 'image;kind'. A CSV must have commas"),
        (b"image,kind\np_0,red,clear\np_1,red,haze\n", "more values than its header"),
        (b"image,kind\np_0,red\np_1,red,clear,haze\n", "cannot be read as a CSV.*Quote values"),
        (b"image,kind\np_0,caf\xe9\n", "is not UTF-8 text"),
    ],
)
def test_unusable_csv_files_are_refused(table, content, message):
    (table / "odd.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        from_csv(table, "odd.csv", **OPTIONS)


def test_other_unusable_tables_are_refused(table):
    with pytest.raises(FileNotFoundError, match="no file 'labels.csv'.*holds 'kinds.csv', 'numbers.csv', 'tags.csv'"):
        from_csv(table, "labels.csv", **OPTIONS)
    with pytest.raises(ValueError, match="must be a pandas DataFrame; received dict"):
        from_dataframe(table, {"image": NAMES}, **OPTIONS)
    twice = pd.DataFrame(list(zip(NAMES, KINDS, KINDS, strict=True)), columns=["image", "kind", "kind"])
    with pytest.raises(ValueError, match="'kind' is there more than once"):
        from_dataframe(table, twice, label_columns="kind", **OPTIONS)
    with pytest.raises(ValueError, match="Labels come from one column"):
        from_csv(table, "numbers.csv", label_columns=["x", "y"], **OPTIONS)


def test_missing_pictures_of_a_table_can_be_left_out(table):
    (table / "pics" / "p_5.jpg").unlink()
    source = from_csv(table, "kinds.csv", on_error="skip", **OPTIONS)
    assert list(source.skipped) == ["pics/p_5.jpg"]
    assert len(source.train) == 7


def test_planet_has_its_tags_in_both_sets(data_dir):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source = from_csv(data_dir / "planet", "train_v2.csv", folder="train-jpg", suffix=".jpg")
    assert (len(source.train), len(source.valid), len(source.classes), source.target_kind) == (800, 200, 17, "multi")
    counts = source.train.targets.sum(axis=0) + source.valid.targets.sum(axis=0)
    found = dict(zip(source.classes, counts.astype(int).tolist(), strict=True))
    assert {name: found[name] for name in ("primary", "clear", "agriculture", "blow_down")} == {
        "primary": 934,
        "clear": 701,
        "agriculture": 318,
        "blow_down": 1,
    }
    held = source.valid.targets.sum(axis=0) / np.maximum(counts, 1)
    np.testing.assert_allclose(held[counts >= 20], 0.2, atol=0.02)
    assert not source.train.scan.plain_jpeg.any()
