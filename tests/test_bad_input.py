"""What a user gets for wrong input: one table of mistakes, through the public API, with the message for each."""

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import kerasfast as kf
from kerasfast.vision.networks.registry import get

OPTIONS = {"folder": "pics", "suffix": ".jpg"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder of small data sets, right and wrong, and a learner on a right one."""
    root = tmp_path_factory.mktemp("world")
    for split in ("train", "valid"):
        for name in ("cats", "dogs"):
            for index in range(4):
                picture(root / "good" / split / name / f"{split}{name}{index}.jpg")
    for index in range(8):
        picture(root / "table" / "pics" / f"p{index}.jpg")
    write_table(root / "table" / "tags.csv", [(f"p{i}", "a b" if i % 2 else "a") for i in range(8)])
    write_table(root / "table" / "missing.csv", [(f"p{i}", "ab"[i % 2]) for i in range(12)])
    write_table(root / "table" / "twice.csv", [(f"p{i % 7}", "ab"[i % 2]) for i in range(8)])
    write_table(root / "table" / "unlabelled.csv", [(f"p{i}", "" if i == 3 else "a") for i in range(8)])
    write_table(root / "table" / "words.csv", [(f"p{i}", "tall" if i == 5 else i) for i in range(8)])
    (root / "table" / "thin.csv").write_text("name\np0\np1\n")
    (root / "table" / "headless.csv").write_text("name,tags\n")
    for name, breakage in {"broken": b"no picture", "empty": b"", "cut": None}.items():
        for split in ("train", "valid"):
            for kind in ("cats", "dogs"):
                for index in range(3):
                    picture(root / name / split / kind / f"{split}{kind}{index}.jpg")
        for victim in ("train/cats/traincats1.jpg", "valid/dogs/validdogs2.jpg"):
            file = root / name / victim
            file.write_bytes(file.read_bytes()[:400] if breakage is None else breakage)
    picture(root / "hollow" / "train" / "cats" / "1.jpg")
    (root / "hollow" / "train" / "dogs").mkdir()
    picture(root / "stranger" / "train" / "cats" / "1.jpg")
    picture(root / "stranger" / "train" / "dogs" / "2.jpg")
    picture(root / "stranger" / "valid" / "wolves" / "3.jpg")
    return root


@pytest.fixture(scope="module")
def learn(world, tmp_path_factory):
    return kf.ImageLearner.pretrained(tiny(), good(world), hidden=(4,), path=tmp_path_factory.mktemp("learner"))


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(str(path))).integers(0, 255, (24, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def write_table(path, rows):
    pd.DataFrame(rows, columns=["name", "tags"]).to_csv(path, index=False)


def good(world, **arguments):
    return kf.ImageData.from_folders(world / "good", transforms=kf.Transforms(32), **arguments)


def table(world, csv, **arguments):
    return kf.ImageData.from_csv(world / "table", csv, **{**OPTIONS, **arguments})


def folders(world, name, **arguments):
    return kf.ImageData.from_folders(world / name, **arguments)


def arrays(images=(8, 16, 16, 3), targets=None, valid=None, **arguments):
    images = np.zeros(images, np.uint8) if isinstance(images, tuple) else images
    targets = np.arange(len(images)) % 2 if targets is None else targets
    return kf.ImageData.from_arrays((images, targets), valid or (images, targets), **arguments)


def tiny():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
    return kf.Backbone.from_model(keras.Model(inputs, keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)), size=32)


FILES = [
    (lambda w: folders(w, "nowhere"), FileNotFoundError, "nowhere"),
    (lambda w: folders(w, "good", train="training"), FileNotFoundError, "training is missing.*'train', 'valid'"),
    (lambda w: folders(w, "good", test="test"), FileNotFoundError, "test"),
    (lambda w: folders(w, "broken"), kf.ImageError, r"(?s)2 image files.*traincats1\.jpg.*validdogs2\.jpg"),
    (lambda w: folders(w, "empty"), kf.ImageError, r"(?s)2 image files.*traincats1\.jpg.*validdogs2\.jpg"),
    (lambda w: folders(w, "cut"), kf.ImageError, r"(?s)2 image files.*traincats1\.jpg.*validdogs2\.jpg"),
    (lambda w: folders(w, "hollow", valid=None), ValueError, "dogs"),
    (lambda w: folders(w, "stranger"), ValueError, "wolves"),
    (lambda w: folders(w, "good", on_error="ignore"), ValueError, "on_error.*ignore"),
    (lambda w: table(w, "absent.csv"), FileNotFoundError, "absent.csv"),
    (lambda w: table(w, "thin.csv"), ValueError, "column"),
    (lambda w: table(w, "headless.csv"), ValueError, "no rows|empty"),
    (lambda w: table(w, "missing.csv"), FileNotFoundError, "p8"),
    (lambda w: table(w, "tags.csv", suffix=""), FileNotFoundError, r"suffix.*\.jpg"),
    (lambda w: table(w, "tags.csv", folder="photos"), FileNotFoundError, "photos"),
    (lambda w: table(w, "twice.csv"), ValueError, "p0"),
    (lambda w: kf.open_image(w / "table" / "tags.csv"), kf.ImageError, "tags.csv"),
]
LABELS = [
    (lambda w: table(w, "unlabelled.csv"), ValueError, "p3"),
    (lambda w: table(w, "tags.csv", target_kind="single"), ValueError, "p1"),
    (lambda w: table(w, "words.csv", target_kind="regression"), ValueError, "tall"),
    (lambda w: table(w, "tags.csv", label_columns="label"), ValueError, "label.*name, tags|label.*'name', 'tags'"),
    (lambda w: table(w, "tags.csv", valid_indices=[99]), ValueError, "99"),
    (lambda w: table(w, "tags.csv", valid_indices=[1, 1]), ValueError, "1"),
    (lambda w: table(w, "tags.csv", valid_indices=[]), ValueError, "validation"),
    (lambda w: table(w, "tags.csv", valid_indices=list(range(8))), ValueError, "nothing is left to train on"),
    (lambda w: table(w, "tags.csv", valid_indices=[0.5]), ValueError, "whole|integer"),
    (lambda w: arrays(targets=np.zeros(5, int)), ValueError, "8 images but 5 targets"),
    (lambda w: arrays(targets=np.linspace(0, 1, 8)), ValueError, "target_kind='regression'"),
    (lambda w: arrays(targets=np.arange(8) - 1), ValueError, "class indices|whole"),
    (lambda w: arrays(classes=["only"]), ValueError, "1 name"),
    (lambda w: arrays(valid=(np.zeros((2, 16, 16, 3), np.uint8), np.array([0, 7]))), ValueError, "7"),
]
SHAPES = [
    (lambda w: arrays((8, 16)), ValueError, r"received \(8, 16\)"),
    (lambda w: arrays((8, 16, 16, 40)), ValueError, r"received \(8, 16, 16, 40\)"),
    (lambda w: arrays(np.full((8, 16, 16, 3), 200.0)), ValueError, "floats from 0 to 1"),
    (
        lambda w: kf.write_submission("s.csv", ["a", "b"], np.zeros((5, 2, 2)), ["x", "y"]),
        ValueError,
        r"shape \(2, 2\)",
    ),
    (lambda w: kf.write_submission("s.csv", ["a.jpg", "d/a.png"], np.zeros((2, 1)), ["x"]), ValueError, "a"),
    (lambda w: kf.fbeta_score(np.zeros((3, 2)), np.zeros((3, 4))), ValueError, r"\(3, 4\); received \(3, 2\)"),
]
VALUES = [
    (lambda w: kf.ImageLearner.pretrained(tiny(), None), ValueError, "`data` must be pictures.*received NoneType"),
    (lambda w: kf.TableLearner.ensemble(None), ValueError, "`data` must be a table.*received NoneType"),
    (lambda w: kf.TableLearner.entity_embeddings(good(w)), ValueError, "`data` must be a table.*received ImageData"),
    (lambda w: kf.CollabFilter(None), ValueError, "`data` must be a table.*received NoneType"),
    (lambda w: kf.ImageLearner.pretrained(tiny(), good(w), hidden=4), ValueError, "`hidden` must be a list.*4"),
    (lambda w: kf.grouped("adam", None), ValueError, "`groups` must be `LayerGroups`"),
    (lambda w: good(w).resize("64"), ValueError, "`size` must be a whole number.*received '64'"),
    (lambda w: kf.Transforms(32, flip="no"), ValueError, "`flip` must be True or False; received 'no'"),
    (lambda w: kf.sgdr(1, warm_up=float("nan")), ValueError, "`warm_up`.*nan"),
    (lambda w: kf.constant(None), ValueError, "`value` must be a finite number; received None"),
    (lambda w: kf.with_temperature(0.5, 2.0, "multi"), ValueError, "`predictions` must be rows of numbers"),
    (lambda w: kf.balanced_weights([0, 1], most=-1), ValueError, "`most`.*-1"),
    (lambda w: good(w, outside_links="yes"), ValueError, "`outside_links` must be True or False"),
    (lambda w: kf.write_submission("s.csv", ["a"], [[1.0]], ["x"], tag_column=3), ValueError, "tag_column"),
    (lambda w: kf.Transforms(0), ValueError, "`size`.*received 0"),
    (lambda w: kf.Transforms(32, crop="middle"), ValueError, "`crop` must be one of.*'middle'"),
    (lambda w: kf.Transforms(32, max_zoom=0.5), ValueError, "`max_zoom`.*0.5"),
    (lambda w: kf.transforms_basic(32, rotate=270), ValueError, "`rotate`.*270"),
    (lambda w: good(w, batch_size=0), ValueError, "`batch_size`.*received 0"),
    (lambda w: good(w).resize(0), ValueError, "size"),
    (lambda w: good(w).resize(16), ValueError, "Copies of 16 pixels are too small for pictures of size 32"),
    (lambda w: get("resnet35"), ValueError, "resnet34"),
    (
        lambda w: kf.Backbone.from_keras(keras.applications.MobileNet, weights="missing.h5"),
        FileNotFoundError,
        "missing.h5",
    ),
    (lambda w: kf.FBeta(average="weighted"), ValueError, "samples.*micro.*macro"),
    (lambda w: kf.FBeta(threshold=0.5, thresholds=[0.1]), ValueError, "threshold"),
    (lambda w: kf.f2(beta=0), ValueError, "beta"),
    (lambda w: kf.validation_indices(10, fraction=2), ValueError, "fraction"),
    (lambda w: kf.sgdr(cycle_len=-1), ValueError, "`cycle_len` must be a number, above 0; received -1"),
    (lambda w: kf.Schedule(unit="weeks"), ValueError, "`unit`.*'weeks'"),
]  # fmt: skip
LEARNING = [
    (lambda learn: learn.fit("abc", 1), ValueError, "`lrs` must be a number.*received 'abc'"),
    (lambda learn: learn.fit(None, 1), ValueError, "`lrs` must be a number.*received None"),
    (lambda learn: learn.fit(0.1, 1, cycle_len=1, use_clr=10), ValueError, "`use_clr` takes 2 numbers.*received 10"),
    (lambda learn: learn.fit(0.1, 1, cycle_len=1, use_clr=(10, 0)), ValueError, "cut_div.*received 0"),
    (lambda learn: learn.fit(0.1, 1, metrics="accuracy"), ValueError, "`metrics` must be a list; received 'accuracy'"),
    (lambda learn: learn.fit(0.1, 1, metrics=["nonsense"]), ValueError, "'nonsense', which is no metric that Keras"),
    (lambda learn: learn.fit(0.1, 1, best_save_name="b", restore_best="no"), ValueError, "`restore_best` must be True"),
    (lambda learn: learn.fit_one_cycle(0.1, 1, momentum=0.9), ValueError, "`momentum` must be a pair.*received 0.9"),
    (
        lambda learn: learn.predict_array(np.zeros((0, 32, 32, 3))),
        ValueError,
        r"a row or more; received \(0, 32, 32, 3\)",
    ),
    (lambda learn: learn.predict_array(np.array([["a"]])), ValueError, "`predict_array` takes a batch"),
    (lambda learn: learn.predict(is_test="yes"), ValueError, "`is_test` must be True or False; received 'yes'"),
    (lambda learn: learn.tta("1"), ValueError, "`n_aug`.*received '1'"),
    (lambda learn: learn.set_data(None), ValueError, "`data` must be pictures.*received NoneType"),
    (
        lambda learn: learn.fit([0.1, 0.2], 1),
        ValueError,
        "`lrs` has 2 values but the model has 3 layer groups; pass 1 or 3 values",
    ),
    (lambda learn: learn.fit(0.1, 1, cycle_mult=2), ValueError, "need a `cycle_len`"),
    (lambda learn: learn.tta(n_aug=-1), ValueError, "`n_aug`.*received -1"),
    (lambda learn: learn.predict(is_test=True), ValueError, "no test set"),
    (lambda learn: learn.submission("s.csv"), ValueError, "no test set"),
    (lambda learn: learn.predict_image(np.zeros((5, 5))), ValueError, r"received float64, \(5, 5\)"),
    (lambda learn: learn.predict_image(np.zeros((5, 5, 3))), ValueError, "is uint8.*received float64"),
    (lambda learn: learn.predict_array(np.zeros((5, 5, 3))), ValueError, r"inputs\[None\]"),
    (lambda learn: learn.load("nothing"), FileNotFoundError, "No weights named 'nothing'"),
    (lambda learn: learn.freeze_to(7), ValueError, "has 3 layer groups"),
    (lambda learn: learn.fit_one_cycle([1e-3] * 4, 1), ValueError, "`learning_rates` has 4 values"),
]


@pytest.mark.parametrize(("make", "error", "message"), FILES + LABELS + SHAPES + VALUES)
def test_wrong_input_is_named_at_once(world, tmp_path, monkeypatch, make, error, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        make(world)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("act", "error", "message"), LEARNING)
def test_wrong_words_to_a_learner_change_nothing(learn, tmp_path, monkeypatch, act, error, message):
    monkeypatch.chdir(tmp_path)
    before = learn.model.get_weights()
    with pytest.raises(error, match=message):
        act(learn)
    assert all(np.array_equal(a, b) for a, b in zip(before, learn.model.get_weights(), strict=True))
    assert not any(tmp_path.iterdir())


def test_a_head_with_wrong_dropout_names_both_counts(world):
    with pytest.raises(ValueError, match="`dropout` has 3 values but the head has 2 dense layers"):
        kf.ImageLearner.pretrained(tiny(), good(world), hidden=(4,), dropout=[0.1, 0.2, 0.3])


def test_broken_files_can_be_left_out_and_are_remembered(world, capsys):
    data = folders(world, "broken", on_error="skip")
    assert len(data.train) == 5 and len(data.valid) == 5
    assert sorted(data.source.skipped) == ["train/cats/traincats1.jpg", "valid/dogs/validdogs2.jpg"]
    assert "2" in capsys.readouterr().out
