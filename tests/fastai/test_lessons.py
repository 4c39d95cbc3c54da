"""The lessons' own code, imported from `kerasfast.fastai` and with its paths set, on parts of the real data."""

import pathlib
import re
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import kerasfast as kf
from kerasfast.fastai.internals import architectures

LESSONS = pathlib.Path(__file__).parent / "lessons"


def run(name: str, path: pathlib.Path, **given) -> dict:
    """Run a lesson and return its names."""
    code = re.sub(r"(?m)^from fastai\.", "from kerasfast.fastai.", (LESSONS / f"{name}.py").read_text("utf-8"))
    code = re.sub(r"(?m)^PATH = .*", f"PATH = {str(path) + '/'!r}", code)
    keras.utils.set_random_seed(42)
    names = dict(given)
    try:
        exec(compile(code, f"{name}.py", "exec"), names)
    finally:
        plt.close("all")
    return names


@pytest.fixture
def small_networks(weights_dir, monkeypatch):
    """Let every architecture of the lessons be the smallest network whose weights are at hand, and the finder brief."""
    weights = weights_dir / "mobilenet_v1_0.25_224_no_top.weights.h5"
    backbone = kf.Backbone.from_keras(keras.applications.MobileNet, alpha=0.25, weights=weights)
    monkeypatch.setattr(architectures.Architecture, "backbone", lambda self: backbone)
    monkeypatch.setattr("kerasfast.fastai.internals.rate_search.FEWEST_STEPS", 20)


def copy_first(source: pathlib.Path, target: pathlib.Path, count: int) -> None:
    target.mkdir(parents=True)
    for file in sorted(source.iterdir())[:count]:
        shutil.copy(file, target)


@pytest.mark.filterwarnings("ignore:.*Clipping input data")
def test_dogs_and_cats(data_dir, small_networks, tmp_path, capsys):
    counts = {"train/cats": 128, "train/dogs": 128, "valid/cats": 20, "valid/dogs": 20, "test": 6}
    for folder, count in counts.items():
        copy_first(data_dir / "dogscats" / folder, tmp_path / folder, count)
    names = run("dogs_cats", tmp_path)
    log_preds, y = names["learn"].TTA()
    assert names["accuracy_np"](np.mean(np.exp(log_preds), 0), y) >= 0.8
    assert int(names["cm"].sum()) == 40
    assert (names["ims"][0] != names["ims"][1]).any()
    written = pd.read_csv(tmp_path / "sub" / "subm.gz", compression="gzip")
    assert list(written) == ["id", "cats", "dogs"] and len(written) == 6
    assert written["id"].tolist() == [int(file.stem) for file in sorted((tmp_path / "test").iterdir())]
    np.testing.assert_allclose(written[["cats", "dogs"]].sum(axis=1), 1, rtol=1e-4)
    assert np.exp(names["preds"]).sum() == pytest.approx(1, rel=1e-4)
    assert "Correctly classified" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:.*has no training picture:UserWarning", "ignore:.*training:UserWarning")
def test_planet(data_dir, small_networks, tmp_path):
    source = data_dir / "planet"
    table = pd.read_csv(source / "train_v2.csv").iloc[:200]
    table.to_csv(tmp_path / "train_v2.csv", index=False)
    for folder, rows in (("train-jpg", table), ("test-jpg", table[:5])):
        (tmp_path / folder).mkdir()
        for name in rows["image_name"]:
            shutil.copy(source / "train-jpg" / f"{name}.jpg", tmp_path / folder)
    names = run("planet", tmp_path)
    assert names["score"] > 0.75  # the best constant has 0.70
    assert names["score"] > names["first"][0]
    assert names["tags"][0] in (("agriculture", 0.0), ("agriculture", 1.0))
    assert names["data"].test_ds.fnames[0].startswith("test-jpg/")
    assert names["preds"].min() >= 1  # exponentials of probabilities
    assert {file.name for file in (tmp_path / "models").iterdir()} == {"64.weights.h5", "128.weights.h5"}


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_rossmann(data_dir, tmp_path, capsys):
    source = data_dir / "rossmann"
    for file in source.glob("*.csv"):
        shutil.copy(file, tmp_path)
    if not (tmp_path / "train.csv").exists():
        pd.read_parquet(source / "train.parquet").iloc[:60_000].to_csv(tmp_path / "train.csv", index=False)
    names = run("rossmann", tmp_path, SAMPLE=12_000)
    spread = np.exp(names["yl"])
    constant = np.sqrt(np.mean(((spread - np.exp(np.mean(names["yl"]))) / spread) ** 2))
    assert names["score"] < 0.5 * constant
    rows = capsys.readouterr().out
    assert "exp_rmspe" in rows
    written = pd.read_csv(tmp_path / "tmp" / "sub.csv")
    assert len(written) == 41_088 and written["Sales"].between(100, 60_000).all()
