"""The examples run from beginning to end in their tiny mode, on drawn pictures and a network without training."""

import json
import pathlib
import runpy
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import kerasfast as kf

EXAMPLES = pathlib.Path(__file__).resolve().parents[1] / "examples"
COLOURS = {"cats": (60, 90, 200), "dogs": (200, 120, 40)}


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run an example on tmp_path with a small random network; return its names."""
    network = keras.Sequential(
        [keras.Input((None, None, 3)), *(keras.layers.Conv2D(n, 3, 2, "same", activation="relu") for n in (8, 12, 16))]
    )
    keras.utils.set_random_seed(0)
    small = kf.Backbone.from_model(keras.Model(network.inputs, network.outputs, name="small"), preprocess="tf")
    monkeypatch.syspath_prepend(EXAMPLES)

    def run(name: str, *arguments: str) -> dict:
        import common

        monkeypatch.setattr(common, "network", lambda backbone, weights: small)
        monkeypatch.setattr(sys, "argv", [name, "--data", str(tmp_path), "--tiny", *arguments])
        return runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")

    yield run
    sys.modules.pop("common", None)


def draw(path: pathlib.Path, colour, rng) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.clip(np.array(colour) + rng.integers(-40, 40, (70, 80, 3)), 0, 255)
    Image.fromarray(pixels.astype("uint8")).save(path)


@pytest.fixture
def folders(tmp_path, rng):
    for split, count in (("train", 20), ("valid", 5)):
        for name, colour in COLOURS.items():
            for index in range(count):
                draw(tmp_path / split / name / f"{name}.{index}.jpg", colour, rng)
    for index in range(3):
        draw(tmp_path / "test" / f"{index}.jpg", COLOURS["dogs"], rng)
    return tmp_path


def saved(names: dict) -> dict[str, tuple[int, int]]:
    """Return the plots of an example and their sizes; each must show something."""
    sizes = {}
    for file in names["settings"].plots:
        with Image.open(file) as image:
            assert np.ptp(np.asarray(image.convert("L"))) > 100, file
            sizes[pathlib.Path(file).stem] = image.size
    return sizes


@pytest.mark.slow
def test_dogs_cats(run, folders):
    names = run("dogs_cats")
    assert set(names["found"]) == {"head", "augmented", "unfrozen", "tta"}
    plots = {"pictures", "augmentation", "learning-rate-finder", "restarts", "confusion-matrix", "most-uncertain"}
    assert plots <= set(saved(names))
    assert list(pd.read_csv(folders / "sub" / "subm.gz")) == ["id", "cats", "dogs"]


@pytest.mark.slow
def test_dog_breeds(run, tmp_path, rng):
    rows = [(f"id{index}", list(COLOURS)[index % 2]) for index in range(40)]
    pd.DataFrame(rows, columns=["id", "breed"]).to_csv(tmp_path / "labels.csv", index=False)
    for name, breed in rows:
        draw(tmp_path / "train" / f"{name}.jpg", COLOURS[breed], rng)
    draw(tmp_path / "test" / "x.jpg", COLOURS["cats"], rng)
    names = run("dog_breeds")
    assert names["found"]["accuracy"] > 0.5 and np.isfinite(names["found"]["loss"])
    assert set(saved(names)) == {"sizes"}
    assert pd.read_csv(tmp_path / "subm" / "subm.gz")["id"].tolist() == ["x"]


@pytest.mark.slow
def test_planet(run, tmp_path, rng):
    rows = []
    for index in range(90):
        tags = [tag for bit, tag in enumerate(COLOURS) if (index % 3 + 1) >> bit & 1]
        draw(tmp_path / "train-jpg" / f"train_{index}.jpg", np.mean([COLOURS[tag] for tag in tags], axis=0), rng)
        rows.append((f"train_{index}", " ".join(tags)))
    pd.DataFrame(rows, columns=["image_name", "tags"]).to_csv(tmp_path / "train_v2.csv", index=False)
    draw(tmp_path / "test-jpg" / "test_0.jpg", COLOURS["dogs"], rng)
    names = run("planet")
    assert set(names["found"]) == {"f2_32", "f2_48", "tta"} and 0 < names["found"]["tta"] <= 1
    assert set(saved(names)) == {"pictures", "learning-rate-finder", "loss-32", "loss-48"}
    submission = pd.read_csv(tmp_path / "sub" / "subm.csv", keep_default_na=False)
    assert submission["image_name"].tolist() == ["test_0"]


@pytest.mark.slow
def test_keras_lesson1(run, folders, capsys):
    found = run("keras_lesson1")["found"]
    assert set(found) == {"plain_keras", "kerasfast"}
    assert found["kerasfast"]["lines"] < found["plain_keras"]["lines"] / 3
    # A random network and a few steps: that it runs, not how well it does.
    assert all(0 <= found[name][stage] <= 1 for name in found for stage in ("frozen", "unfrozen"))
    assert capsys.readouterr().out.splitlines()[-1].startswith("kerasfast")


@pytest.mark.slow
def test_layer_groups_in_plain_keras(run, folders):
    names = run("layer_groups_in_plain_keras")
    assert set(names["accuracy"]) == {"head", "unfrozen"}
    assert names["groups"].trainable == [True, True, True]
    np.testing.assert_allclose(
        names["recorder"].learning_rates[:, 0] * 100, names["recorder"].learning_rates[:, 2], rtol=1e-4
    )
    assert set(saved(names)) == {"layer-groups"}


def test_weights_go_with_the_networks_they_are_of(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    import common

    assert common.network("resnet34", None) == "resnet34"
    with pytest.raises(SystemExit, match="--weights goes with"):
        common.network("resnet34", "file")
    sys.modules.pop("common")


def test_the_notebooks_are_those_of_the_scripts(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    import as_notebooks

    expected = {script.stem: as_notebooks.notebook_of(script) for script in as_notebooks.scripts()}
    found = {file.stem: file.read_text("utf-8") for file in (EXAMPLES / "notebooks").glob("*.ipynb")}
    assert found == expected, "run `python examples/as_notebooks.py`"
    assert {"dogs_cats", "planet", "dog_breeds", "keras_lesson1", "rossmann"} <= found.keys()
    for text in found.values():
        code = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        assert code[0].startswith("%pip install") and sum("%pip" in cell for cell in code) == 1
        for cell in code[1:]:
            compile(cell, "cell", "exec")
    sys.modules.pop("as_notebooks")


@pytest.mark.slow
def test_the_spreadsheet(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["spreadsheet", "--out", str(tmp_path), "--epochs", "1"])
    runpy.run_path(str(EXAMPLES / "spreadsheet.py"), run_name="__main__")
    for name in ("convolution", "fully_connected", "network"):
        with Image.open(tmp_path / f"{name}.png") as image:
            assert min(image.size) > 500
    table = pd.read_csv(tmp_path / "softmax.csv", index_col="class")
    assert table.loc["sum", "softmax"] == pytest.approx(1) and len(table) == 11
