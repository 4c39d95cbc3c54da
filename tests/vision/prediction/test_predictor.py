"""Image predictors: the numbers of `learn.predict` from a file alone, for pictures in every form."""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import kerasfast as kf
from kerasfast.vision.sources.decoding.decode import ImageError

COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (200, 50, 40)}
ROOT = pathlib.Path(kf.__file__).parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three classes, 6 training and 4 validation pictures each: JPEGs of many sizes, PNGs, CMYK without a marker."""
    root, number = tmp_path_factory.mktemp("colours"), 0
    for split, count in (("train", 6), ("valid", 4)):
        for name, colour in COLOURS.items():
            (root / split / name).mkdir(parents=True)
            for index in range(count):
                number += 1
                random = np.random.default_rng(number)
                sides = random.integers(36, 200, 2)
                noise = random.normal(0, 25, size=(*sides, 3)) + np.linspace(-40, 40, sides[1])[None, :, None]
                picture = Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype("uint8"))
                ending = ("jpg", "png", "jpeg", "jpg")[index % 4]
                (picture.convert("CMYK") if index % 4 == 3 else picture).save(root / split / name / f"{index}.{ending}")
    return root


def tiny(dtype=None) -> kf.Backbone:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", dtype=dtype)(inputs)
    x = keras.layers.Conv2D(16, 3, strides=2, activation="relu", dtype=dtype)(x)
    normal = keras.layers.Normalization(mean=[120.0, 110, 100], variance=[900.0, 800, 700])
    return kf.Backbone.from_model(keras.Model(inputs, x), preprocess=normal, size=32, name="tiny")


@pytest.fixture(scope="module")
def learn(folder, tmp_path_factory) -> kf.ImageLearner:
    data = kf.ImageData.from_folders(folder, transforms=kf.transforms_side_on(32, max_zoom=1.1), batch_size=8)
    data = kf.ImageData(data.source, data.transforms, 8, path=tmp_path_factory.mktemp("run"))
    learn = kf.ImageLearner.pretrained(tiny(), data, hidden=(8,))
    learn.fit(0.01, 2)
    return learn


@pytest.fixture(scope="module")
def path(learn, tmp_path_factory):
    return learn.export(tmp_path_factory.mktemp("bundle") / "colours.kerasfast")


@pytest.fixture(scope="module")
def predictor(path) -> kf.ImagePredictor:
    return kf.ImagePredictor.load(path)


@pytest.mark.slow
def test_a_folder_gives_the_numbers_of_the_learner(learn, predictor, folder):
    frame = predictor.predict(folder / "valid")
    assert frame.columns.tolist() == ["file", "prediction", "blue", "green", "red"]
    assert [f"valid/{file}" for file in frame["file"]] == learn.data.valid.files.tolist()
    expected = learn.predict()
    np.testing.assert_allclose(frame[list(COLOURS)].to_numpy(), expected, atol=1e-5)
    own = learn.predictor().predict(folder / "valid")
    np.testing.assert_array_equal(own[list(COLOURS)].to_numpy(), expected)
    assert frame["prediction"].tolist() == [learn.data.classes[i] for i in expected.argmax(1)]


@pytest.mark.slow
def test_every_form_of_the_same_pictures_gives_the_same_numbers(learn, predictor, folder):
    expected = learn.predict()
    files = [str(folder / name) for name in learn.data.valid.files]
    contents = [pathlib.Path(file).read_bytes() for file in files]
    table = pd.DataFrame({"name": list(learn.data.valid.files), "n": range(12)}, index=list("abcdefghijkl"))
    by_table = predictor.predict(table, column="name", root=folder)
    assert by_table.index.equals(table.index)
    for frame in (predictor.predict(files), predictor.predict(contents), by_table):
        np.testing.assert_allclose(frame[list(COLOURS)].to_numpy(), expected, atol=1e-5)
    assert predictor.predict(contents)["file"].tolist() == list(range(12))
    one = [predictor.predict(form) for form in (files[3], pathlib.Path(files[3]), contents[3])]
    for frame in one:
        np.testing.assert_allclose(frame[list(COLOURS)].to_numpy()[0], expected[3], atol=1e-5)


@pytest.mark.slow
def test_arrays_of_several_sizes_keep_their_order(predictor, folder):
    files = sorted((folder / "valid").rglob("*.png"))
    arrays = [kf.open_image(file) for file in files]
    frame = predictor.predict([*arrays, arrays[0]])
    np.testing.assert_allclose(
        frame[list(COLOURS)].to_numpy()[:-1], predictor.predict(files)[list(COLOURS)].to_numpy(), atol=1e-5
    )
    np.testing.assert_allclose(frame.iloc[-1, 2:].to_numpy(float), frame.iloc[0, 2:].to_numpy(float), atol=1e-6)
    same = predictor.predict(np.stack([arrays[0], arrays[0]]))
    assert len(same) == 2 and len(predictor.predict(arrays[0])) == 1


@pytest.mark.slow
def test_pictures_of_pillow_are_read_as_their_files(predictor, folder, tmp_path):
    files = [tmp_path / name for name in ("turned.jpg", "grey.png", "clear.png", "cmyk.tif")]
    content = Image.open(sorted((folder / "valid").rglob("*.*"))[0]).convert("RGB").resize((60, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    for file, mode in zip(files, ("RGB", "L", "RGBA", "CMYK"), strict=True):
        content.convert(mode).save(file, **({"exif": exif} if mode == "RGB" else {}))
    expected = predictor.predict([kf.open_image(file) for file in files])
    pd.testing.assert_frame_equal(predictor.predict([Image.open(file) for file in files]), expected)
    assert len(predictor.predict(Image.open(files[0]))) == 1
    files[1].write_bytes(files[1].read_bytes()[:60])
    with pytest.raises(ImageError, match="picture 0"):
        predictor.predict(Image.open(files[1]))


@pytest.mark.slow
def test_the_likeliest_classes_on_request(predictor, folder):
    frame, whole = predictor.predict(folder / "valid", top_k=2), predictor.predict(folder / "valid")
    assert frame.columns.tolist()[2:] == ["class_1", "probability_1", "class_2", "probability_2"]
    ordered = np.sort(whole[list(COLOURS)].to_numpy(), axis=1)
    np.testing.assert_array_equal(frame[["probability_1", "probability_2"]].to_numpy(), ordered[:, :-3:-1])
    assert frame["class_1"].tolist() == whole["prediction"].tolist()
    with pytest.raises(ValueError, match="`top_k` must be a whole number, from 1 to 3"):
        predictor.predict(folder / "valid", top_k=4)


@pytest.mark.slow
def test_broken_files_are_named_or_left_out_with_a_reason(predictor, folder, tmp_path):
    good, cut = tmp_path / "good.jpg", tmp_path / "cut.jpg"
    content = (folder / "valid/red/0.jpg").read_bytes()
    good.write_bytes(content)
    cut.write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.png").touch()
    (tmp_path / "notes.txt").write_text("not a picture")
    with pytest.raises(ImageError) as caught:
        predictor.predict(tmp_path)
    assert sorted(caught.value.problems) == ["cut.jpg", "empty.png"]
    with pytest.warns(UserWarning, match=r"Left out 2 of 3 pictures: cut.jpg: .*; empty.png: is empty"):
        frame = predictor.predict(tmp_path, on_error="skip")
    assert frame["file"].tolist() == ["good.jpg"] and sorted(frame.attrs["skipped"]) == ["cut.jpg", "empty.png"]
    with pytest.warns(UserWarning, match="picture 1"):
        assert predictor.predict([content, b"junk"], on_error="skip")["file"].tolist() == [0]
    with pytest.raises(ImageError, match="does not exist"):
        predictor.predict("absent.jpg")


@pytest.mark.parametrize(
    "wrong", [np.array(0.5), 3, [], [1.5], np.zeros((4, 4)), np.zeros((2, 4, 4, 3), np.float32), ["a", b"b"]]
)
def test_anything_else_is_refused_in_words(predictor, wrong):
    with pytest.raises(ValueError, match="pass a folder|expected uint8"):
        predictor.predict(wrong)


def test_a_folder_without_pictures_and_a_frame_without_the_column(predictor, tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileNotFoundError, match="holds no pictures .*'notes.txt'"):
        predictor.predict(tmp_path)
    with pytest.raises(ValueError, match="no column 'file'"):
        predictor.predict(pd.DataFrame({"name": ["a"]}))


@pytest.mark.slow
def test_a_user_s_own_crop_and_size_travel_with_the_model(folder, tmp_path):
    data = kf.ImageData.from_folders(folder, transforms=kf.Transforms(40, "squash"), batch_size=5)
    learn = kf.ImageLearner.pretrained(tiny(), kf.ImageData(data.source, data.transforms, 5, path=tmp_path), pool="avg")
    loaded = kf.ImagePredictor.load(learn.export(tmp_path / "m"))
    assert loaded.transforms == kf.Transforms(40, "squash")
    received = loaded.predict(folder / "valid").iloc[:, 2:].to_numpy(np.float32)
    np.testing.assert_allclose(received, learn.predict(), atol=1e-5)


@pytest.mark.slow
def test_tags_keep_the_threshold_that_the_metric_found(folder, tmp_path):
    files = [file.relative_to(folder).as_posix() for file in sorted((folder / "train").rglob("*.*"))]
    rows = pd.DataFrame({"name": files, "tags": [" ".join({"any", file.split("/")[1]}) for file in files]})
    data = kf.ImageData.from_dataframe(folder, rows, folder=".", transforms=kf.Transforms(32), batch_size=8)
    data = kf.ImageData(data.source, data.transforms, 8, path=tmp_path)
    learn = kf.ImageLearner.pretrained(tiny(), data, hidden=(8,), metrics=[kf.f2()])
    predictions, targets = learn.predict_with_targs()
    loaded = kf.ImagePredictor.load(learn.export(tmp_path / "m"))
    grid = learn.metrics[0].thresholds
    assert loaded.threshold == kf.best_threshold(targets, predictions, thresholds=grid)[0]
    own = kf.ImagePredictor.load(learn.export(tmp_path / "m", threshold=[0.1, 0.2, 0.3, 0.9]))
    assert own.threshold == (0.1, 0.2, 0.3, 0.9)
    frame = own.predict(folder / "valid")
    for tags, row in zip(frame["prediction"], frame[list(own.classes)].to_numpy(), strict=True):
        above = [
            name
            for name, value, limit in zip(own.classes, row, own.threshold, strict=True)
            if value > np.float32(limit)
        ]
        assert tags.split() == (above or [own.classes[row.argmax()]])
    with pytest.raises(ValueError, match="`threshold` must be one number, or 4, one for each; received 2"):
        learn.export(tmp_path / "m", threshold=[0.1, 0.2])


def test_numbers_have_a_column_each(folder, tmp_path):
    files = [file.relative_to(folder).as_posix() for file in sorted((folder / "train").rglob("*.*"))]
    rows = pd.DataFrame({"name": files, "red": np.arange(len(files), dtype=float)})
    options = {"folder": ".", "target_kind": "regression", "transforms": kf.Transforms(32), "batch_size": 8}
    data = kf.ImageData.from_dataframe(folder, rows, **options)
    learn = kf.ImageLearner.pretrained(tiny(), kf.ImageData(data.source, data.transforms, 8, path=tmp_path))
    frame = kf.ImagePredictor.load(learn.export(tmp_path / "m")).predict(folder / "valid")
    assert frame.columns.tolist() == ["file", "red"]


@pytest.mark.slow
def test_mixed_precision_gives_the_numbers_of_the_learner(folder, tmp_path):
    data = kf.ImageData.from_folders(folder, transforms=kf.Transforms(32), batch_size=8)
    data = kf.ImageData(data.source, data.transforms, 8, path=tmp_path)
    learn = kf.ImageLearner.pretrained(tiny("mixed_float16"), data, hidden=(8,))
    loaded = kf.ImagePredictor.load(learn.export(tmp_path / "m"))
    assert any(layer.compute_dtype == "float16" for layer in loaded.model.layers)
    received = loaded.predict(folder / "valid").iloc[:, 2:].to_numpy(np.float32)
    np.testing.assert_allclose(received, learn.predict(), atol=2e-3)


@pytest.mark.slow
def test_another_process_without_the_data_predicts_the_same(path, folder, learn):
    program = (
        "import sys, kerasfast as kf\n"
        "frame = kf.ImagePredictor.load(sys.argv[1]).predict(sys.argv[2])\n"
        "print(frame.to_json(orient='values', double_precision=15))\n"
    )
    command = [sys.executable, "-c", program, str(path), str(folder / "valid")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    rows = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(np.array([row[2:] for row in rows]), learn.predict(), atol=1e-6)


def test_it_says_what_it_is(predictor, path, tmp_path):
    shown = repr(predictor)
    assert len(shown.splitlines()) == 5 and "one of blue, green, red" in shown
    assert f"written by  kerasfast {kf.__version__}" in shown
    assert predictor.summary["pictures"] == {"train": 18, "valid": 12}
    assert "val_accuracy" in predictor.summary["last_epoch"]
    with pytest.raises(kf.BundleError, match="it holds .* not .*table.json"):
        kf.TablePredictor.load(path)
