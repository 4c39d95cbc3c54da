"""`kerasfast report`: the page of a model of pictures and of a model of a table, from its file and the data."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import kerasfast as kf
from kerasfast.cli import main

SIDE = 32
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    root, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for split, count in (("train", 12), ("valid", 6)):
        for brightness, name in ((0, "night"), (150, "noon")):
            (root / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = brightness + random.integers(0, 100, (40, 40, 3))
                Image.fromarray(pixels.astype("uint8")).save(root / split / name / f"{index}.png")
    # A leak: a training picture among those held out.
    Image.open(root / "train" / "noon" / "0.png").save(root / "valid" / "noon" / "9.png")
    return root


@pytest.fixture(scope="module")
def model(pictures, tmp_path_factory):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, strides=4, padding="same")(keras.layers.Rescaling(1 / 255)(inputs))
    backbone = kf.Backbone.from_model(
        keras.Model(inputs, keras.layers.Conv2D(8, 1, activation="relu", name="late")(x)), split="late"
    )
    out = tmp_path_factory.mktemp("run")
    data = kf.ImageData.from_folders(pictures, transforms=kf.Transforms(SIDE))
    learn = kf.ImageLearner.pretrained(backbone, data, path=out)
    learn.fit_head()
    pd.DataFrame({"stage": "head", "epoch": [0, 1], "loss": [0.7, 0.5], "val_loss": [0.6, 0.5]}).to_csv(
        out / "history.csv", index=False
    )
    return learn.export(out / "model.kerasfast")


def test_pictures_from_the_file_and_the_folder(pictures, model, tmp_path, capfd):
    out = tmp_path / "page.html"
    assert main(["report", str(model), str(pictures), "--out", str(out), "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"report": str(out)}
    text = out.read_text("utf-8")
    for part in (
        "24 training, 13 validation",
        "Losses by epoch",
        "features of this network",
        "valid/noon/9.png",
        "Use it",
    ):
        assert part in text, part
    assert "held-out pictures are nearly a training picture" in text


def test_other_classes_are_refused(model, tmp_path, capfd):
    for name in ("ant", "bee"):
        for split in ("train", "valid"):
            (tmp_path / split / name).mkdir(parents=True)
            Image.fromarray(np.zeros((40, 40, 3), "uint8")).save(tmp_path / split / name / "0.png")
    assert main(["report", str(model), str(tmp_path), "--out", str(tmp_path / "r.html")]) == 2
    assert "'ant'" in capfd.readouterr().err and not (tmp_path / "r.html").exists()


def test_rows_from_the_file_and_a_table(tmp_path, rng):
    frame = pd.DataFrame({"size": rng.normal(size=300), "town": rng.choice(["a", "b"], 300)})
    frame["price"] = 3 * frame["size"] + (frame["town"] == "a")
    data = kf.TableData.from_frame(frame.iloc[:200], "price", categorical=["town"], continuous=["size"])
    learn = kf.TableLearner.entity_embeddings(data, [16])
    file = learn.export(tmp_path / "m.kerasfast")
    for name, part in (("old.csv", frame.iloc[:200]), ("new.csv", frame.iloc[200:])):
        part.to_csv(tmp_path / name, index=False)
    out = tmp_path / "page.html"
    options = ["--train", str(tmp_path / "old.csv"), "--out", str(out)]
    assert main(["report", str(file), str(tmp_path / "new.csv"), *options]) == 0
    text = out.read_text("utf-8")
    assert "200 training, 100 held out" in text and "ridge regression" in text and "town" in text
