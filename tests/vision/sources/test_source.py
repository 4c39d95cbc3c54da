"""Sources: pictures and labels from folders and tables, and the errors for what cannot be a data set."""

import os
import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from kerasfast.vision.sources.decode import ImageError
from kerasfast.vision.sources.source import from_csv, from_dataframe, from_folders, validation_indices


def picture(path, size=(12, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (200, 30, 60)).save(path)
    return path


@pytest.fixture
def folders(tmp_path):
    """A data set of two classes with 5 + 5 training, 2 + 2 validation and 3 test pictures."""
    for split, count in (("train", 5), ("valid", 2)):
        for name in ("cats", "dogs"):
            for index in range(count):
                picture(tmp_path / split / name / f"{name[:3]}.{split}.{index}.jpg")
    for index in range(3):
        picture(tmp_path / "test" / f"{index}.jpg")
    return tmp_path


NAMES = [f"p_{index}" for index in range(10)]
KINDS = ["red" if index % 2 else "blue" for index in range(10)]
TAGS = ["clear", "clear road", "haze", "haze road", "clear", "clear water", "haze", "clear road", "haze water", "clear"]


@pytest.fixture
def table(tmp_path):
    """Ten pictures in `pics/`, with a CSV of one label each, one of tags and one of numbers."""
    for name in NAMES:
        picture(tmp_path / "pics" / f"{name}.jpg")
    pd.DataFrame({"image": NAMES, "kind": KINDS}).to_csv(tmp_path / "kinds.csv", index=False)
    pd.DataFrame({"image": NAMES, "tags": TAGS}).to_csv(tmp_path / "tags.csv", index=False)
    numbers = pd.DataFrame({"image": NAMES, "x": np.arange(10) / 4, "y": np.arange(10) * 2})
    numbers.to_csv(tmp_path / "numbers.csv", index=False)
    return tmp_path


def frame_of(labels, names=NAMES):
    return pd.DataFrame({"image": list(names), "label": list(labels)})


OPTIONS = {"folder": "pics", "suffix": ".jpg", "valid_indices": [0, 3]}


# Validation rows


@pytest.mark.parametrize(("n", "fold", "fraction", "seed"), [(100, 0, 0.2, 42), (37, 2, 0.3, 7), (10, 3, 0.3, 0)])
def test_validation_indices_are_the_slice_of_numpys_permutation(n, fold, fraction, seed):
    size = int(fraction * n)
    expected = np.random.RandomState(seed).permutation(n)[fold * size : (fold + 1) * size]
    np.testing.assert_array_equal(validation_indices(n, fold=fold, fraction=fraction, seed=seed), expected)


def test_validation_indices_are_the_courses():
    np.random.seed(42)
    expected = np.random.permutation(1000)[:200]
    np.testing.assert_array_equal(validation_indices(1000), expected)


def test_validation_indices_leave_the_global_state_alone():
    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    validation_indices(50)
    assert np.random.rand() == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "`n` must be a whole number, 1 or more; received 0"),
        ({"n": 2.5}, "`n` must be a whole number"),
        ({"n": True}, "`n` must be a whole number"),
        ({"n": 10, "fold": -1}, "`fold` must be a whole number, 0 or more"),
        ({"n": 10, "fold": 5}, "`fold` 5 is empty: 10 rows have folds of 2, the last one is 4"),
        ({"n": 10, "fraction": 0}, "`fraction` must be a number, above 0 and below 1; received 0"),
        ({"n": 10, "fraction": 1.0}, "`fraction` must be a number, above 0 and below 1"),
        ({"n": 10, "fraction": float("nan")}, "`fraction` must be a number, above 0"),
        ({"n": 3, "fraction": 0.2}, "leaves the validation set empty"),
        ({"n": 10, "seed": -1}, "`seed` must be a whole number"),
        ({"n": 10, "seed": None}, "`seed` must be a whole number"),
    ],
)
def test_validation_indices_refuse_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        validation_indices(**arguments)


# Folders


def test_folders_give_sorted_files_and_their_classes(folders):
    source = from_folders(folders, test="test")
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


def test_take_keeps_files_targets_and_scan_together(folders):
    picture(folders / "train" / "dogs" / "dog.wide.jpg", size=(40, 8))
    train = from_folders(folders).train
    last = int(np.argmax(train.scan.width))
    part = train.take([last, 0])
    assert part.files.tolist() == ["train/dogs/dog.wide.jpg", "train/cats/cat.train.0.jpg"]
    assert part.targets.tolist() == [1, 0]
    assert part.scan.width.tolist() == [40, 12]
    assert len(part) == 2


def test_pictures_are_found_at_any_depth_and_junk_is_not(folders):
    picture(folders / "train" / "cats" / "siamese" / "old" / "deep.png")
    picture(folders / "train" / "cats" / ".hidden" / "no.jpg")
    picture(folders / "train" / ".ipynb_checkpoints" / "no.jpg")
    picture(folders / "train" / "__MACOSX" / "no.jpg")
    for junk in ("Thumbs.db", ".DS_Store", "desktop.ini", "._cat.jpg"):
        (folders / "train" / "cats" / junk).write_bytes(b"junk")
    (folders / "train" / ".DS_Store").write_bytes(b"junk")
    (folders / "train" / "readme.txt").write_text("which cat is which")
    source = from_folders(folders)
    assert source.classes == ("cats", "dogs")
    assert len(source.train) == 11
    assert "train/cats/siamese/old/deep.png" in source.train.files


def test_links_are_followed_once(folders):
    picture(folders / "elsewhere" / "linked.jpg")
    os.symlink(folders / "elsewhere", folders / "train" / "cats" / "link")
    os.symlink(folders / "train" / "cats", folders / "train" / "cats" / "circle")
    source = from_folders(folders)
    assert "train/cats/link/linked.jpg" in source.train.files
    assert len(source.train) == 11


def test_folders_without_validation_hold_out_a_seeded_part(folders):
    first, again = (from_folders(folders, valid=None, valid_fraction=0.4, seed=3) for _ in range(2))
    rows = np.sort(np.random.RandomState(3).permutation(10)[:4])
    names = np.array(sorted(f"train/{name}s/{name}.train.{index}.jpg" for name in ("cat", "dog") for index in range(5)))
    np.testing.assert_array_equal(first.valid.files, names[rows])
    np.testing.assert_array_equal(first.valid.files, again.valid.files)
    assert set(first.train.files) | set(first.valid.files) == set(names)
    other = from_folders(folders, valid=None, valid_fraction=0.4, seed=4)
    assert other.valid.files.tolist() != first.valid.files.tolist()


def test_a_labelled_test_folder_has_targets(folders):
    source = from_folders(folders, test="valid", test_labelled=True)
    assert source.test.targets.tolist() == [0, 0, 1, 1]


def test_validation_may_lack_a_class(folders):
    for path in (folders / "valid" / "cats").iterdir():
        path.unlink()
    (folders / "valid" / "cats").rmdir()
    assert from_folders(folders).valid.targets.tolist() == [1, 1]


def empty_class(root):
    (root / "train" / "birds").mkdir()


def unknown_class(root):
    picture(root / "valid" / "birds" / "deep" / "b.jpg")


def loose_picture(root):
    picture(root / "train" / "lost.jpg")


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
        (nothing, {"valid": "val"}, FileNotFoundError, "`valid` names no folder"),
        (nothing, {"test": "tests"}, FileNotFoundError, "`test` names no folder"),
        (nothing, {"train": "test"}, ValueError, "folders none and the loose pictures '0.jpg'"),
        (nothing, {"train": ".."}, ValueError, "`train` must lie below the root"),
        (nothing, {"valid": "train"}, ValueError, "Training and validation share 10 pictures: 'train/cats/cat.train.0"),
        (nothing, {"on_error": "ignore"}, ValueError, "`on_error` must be one of 'raise', 'skip'; received 'ignore'"),
        (nothing, {"test_labelled": True}, ValueError, "needs a test folder"),
        (nothing, {"valid": None, "valid_fraction": 2}, ValueError, "above 0 and below 1; received 2"),
        (nothing, {"valid": None, "valid_fraction": 0.01}, ValueError, "leaves the validation set empty"),
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
        from_folders(folders, **options)


def test_a_missing_root_names_what_is_there(folders):
    with pytest.raises(FileNotFoundError, match="does not exist; .* holds 'test', 'train', 'valid'"):
        from_folders(folders / "dogcats")
    with pytest.raises(FileNotFoundError, match="is a file"):
        from_folders(folders / "test" / "0.jpg")


# Broken pictures


def break_three(root):
    (root / "train" / "cats" / "cat.train.0.jpg").write_bytes(b"")
    (root / "valid" / "dogs" / "dog.valid.1.jpg").write_bytes(b"no picture")
    (root / "test" / "2.jpg").write_bytes((root / "test" / "1.jpg").read_bytes()[:-200])
    return {"train/cats/cat.train.0.jpg", "valid/dogs/dog.valid.1.jpg", "test/2.jpg"}


def test_broken_pictures_of_all_splits_are_named_together(folders):
    broken = break_three(folders)
    with pytest.raises(ImageError) as error:
        from_folders(folders, test="test")
    assert set(error.value.problems) == broken


def test_broken_pictures_are_left_out_and_remembered(folders, capsys):
    broken = break_three(folders)
    source = from_folders(folders, test="test", on_error="skip")
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
        from_folders(folders, on_error="skip")
    for path in (folders / "valid").rglob("*.jpg"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="The validation set has no pictures after broken ones were left out"):
        from_folders(folders, on_error="skip")


def test_missing_pictures_of_a_table_can_be_left_out(table):
    (table / "pics" / "p_5.jpg").unlink()
    source = from_csv(table, "kinds.csv", on_error="skip", **OPTIONS)
    assert list(source.skipped) == ["pics/p_5.jpg"]
    assert len(source.train) == 7


# Tables


def test_a_csv_of_labels_gives_one_class_each(table):
    source = from_csv(table, "kinds.csv", **OPTIONS)
    assert (source.target_kind, source.classes) == ("single", ("blue", "red"))
    assert source.valid.files.tolist() == ["pics/p_0.jpg", "pics/p_3.jpg"]
    assert source.valid.targets.tolist() == [0, 1]
    assert source.train.targets.dtype == np.int64
    assert source.test is None


def test_rows_are_sorted_by_name_before_validation_rows_are_taken(table):
    shuffled = frame_of(KINDS).sample(frac=1, random_state=1)
    source = from_dataframe(table, shuffled, **OPTIONS)
    assert source.valid.files.tolist() == ["pics/p_0.jpg", "pics/p_3.jpg"]
    assert source.valid.targets.tolist() == [0, 1]


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


def test_names_and_classes_stay_text(tmp_path):
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


def test_the_csv_is_found_in_the_root_then_in_the_working_directory(table, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    (elsewhere / "kinds.csv").write_text("not this one")
    os.rename(table / "tags.csv", elsewhere / "tags.csv")
    assert from_csv(table, "kinds.csv", **OPTIONS).target_kind == "single"
    assert from_csv(table, "tags.csv", **OPTIONS).target_kind == "multi"


def test_a_mask_selects_rows_of_a_sorted_table(table):
    mask = np.zeros(10, bool)
    mask[[0, 3]] = True
    options = {**OPTIONS, "valid_indices": mask}
    assert from_csv(table, "kinds.csv", **options).valid.files.tolist() == ["pics/p_0.jpg", "pics/p_3.jpg"]
    with pytest.raises(ValueError, match="sort the table"):
        from_dataframe(table, frame_of(KINDS[::-1], NAMES[::-1]), **options)


def test_a_test_folder_may_have_folders(table):
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


# Real data


def test_planet_has_its_tags_and_validation_rows(data_dir):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Some classes occur in the validation set only")
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
    names = sorted(pd.read_csv(data_dir / "planet" / "train_v2.csv")["image_name"])
    rows = np.sort(np.random.RandomState(42).permutation(1000)[:200])
    assert source.valid.files.tolist() == [f"train-jpg/{names[row]}.jpg" for row in rows]
    assert not source.train.scan.plain_jpeg.any()


def test_dogscats_has_its_splits(data_dir):
    source = from_folders(data_dir / "dogscats", test="test")
    assert [len(part) for part in (source.train, source.valid, source.test)] == [1600, 400, 100]
    assert source.classes == ("cats", "dogs")
    assert source.valid.targets.tolist() == [0] * 200 + [1] * 200
