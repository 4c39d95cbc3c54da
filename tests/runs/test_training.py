"""`kerasfast train`, `predict` and `evaluate` from one end to the other, on tiny pictures."""

import io
import json
import pathlib

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import kerasfast as kf
from kerasfast.cli import main
from kerasfast.runs.settings import RunRecord, RunSettings
from kerasfast.vision.networks import applications as families


@pytest.fixture
def tiny(monkeypatch, tiny_network) -> str:
    network = families.Network("none", 32, lambda weights: tiny_network(), lambda: (True, "made on the spot"))
    monkeypatch.setitem(families.NETWORKS, "tiny_test_network", network)
    return "tiny_test_network"


@pytest.fixture(scope="module")
def tagged(tmp_path_factory) -> pathlib.Path:
    """Pictures with a red left half, a green right half, both or neither; a table that no usual name betrays."""
    root = tmp_path_factory.mktemp("tagged")
    for folder in ("photos", "test"):
        (root / folder).mkdir()
    rows = []
    for index in range(48):
        left, right = index % 2, index // 2 % 2
        pixels = np.random.default_rng(index).normal(60, 20, size=(40, 40, 3))
        pixels[:, :20, 0] += 140 * left
        pixels[:, 20:, 1] += 140 * right
        picture = Image.fromarray(np.clip(pixels, 0, 255).astype("uint8"))
        picture.save(root / ("photos" if index < 40 else "test") / f"p{index}.png")
        if index < 40:
            rows.append({"name": f"p{index}", "tags": " ".join(["any", *["left"] * left, *["right"] * right])})
    pd.DataFrame(rows).to_csv(root / "tags.csv", index=False)
    pd.DataFrame(rows).to_csv(root / "other.csv", index=False)
    return root


@pytest.fixture(scope="module")
def classes(tmp_path_factory) -> pathlib.Path:
    root, random = tmp_path_factory.mktemp("classes"), np.random.default_rng(0)
    for split, count in (("train", 12), ("valid", 6)):
        for brightness, name in ((0, "night"), (150, "noon")):
            (root / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = brightness + random.integers(0, 100, (40, 40, 3))
                Image.fromarray(pixels.astype("uint8")).save(root / split / name / f"{index}.png")
    return root


def test_train_predict_and_evaluate_tags(tiny, tagged, tmp_path, capfd):
    out = tmp_path / "run"
    options = ["--csv", "tags.csv", "--backbone", tiny, "--sizes", "32,48", "--epochs", "1", "--batch-size", "8"]
    code = main(["train", str(tagged), *options, "--metric", "f1", "--out", str(out)])
    printed, errors = capfd.readouterr()
    summary = json.loads((out / "summary.json").read_text())
    assert code == (0 if summary["beats_constant"] else 1) and summary["metric"] == "F1" and summary["size"] == 48
    recipe, start = printed.index("\nRecipe\n"), printed.index("\n== features")
    assert recipe < start and "at 32 pixels, 1 epoch; then at 48" in printed[recipe:start]
    assert "\r" not in printed + errors
    history = pd.read_csv(out / "history.csv")
    assert history["stage"].tolist() == ["head"] * 7 + ["fine-tuning 32", "fine-tuning 48"]
    model = str(out / "model.kerasfast")
    assert main(["predict", model, str(tagged / "test"), "--out", str(tmp_path / "p.csv")]) == 0
    frame = pd.read_csv(tmp_path / "p.csv")
    assert frame.columns.tolist() == ["file", "prediction", "any", "left", "right"] and len(frame) == 8
    capfd.readouterr()
    code = main(["evaluate", model, str(tagged), "--csv", "tags.csv", "--json"])
    scores = json.loads(capfd.readouterr().out)
    assert scores["metric"] == "F2" and scores["rows"] == 40 and code == (0 if scores["beats_constant"] else 1)


def test_train_as_json_and_predict_in_every_way(tiny, classes, tmp_path, capfd, monkeypatch):
    out = tmp_path / "run"
    options = ["--backbone", tiny, "--sizes", "32", "--batch-size", "8", "--out", str(out), "--json"]
    assert main(["train", str(classes), *options]) == 0
    printed, errors = capfd.readouterr()
    assert json.loads(printed)["metric"] == "accuracy" and "== features" in errors
    model = str(out / "model.kerasfast")
    assert main(["evaluate", model, str(classes)]) == 0
    assert "accuracy on 12 pictures" in capfd.readouterr().out
    night = sorted((classes / "valid/night").iterdir())
    assert main(["predict", model, str(classes / "valid/night/*.png"), str(night[0]), "--top-k", "1"]) == 0
    frame = pd.read_csv(io.StringIO(capfd.readouterr().out))
    assert frame["file"].tolist() == [*map(str, night), str(night[0])] and set(frame["class_1"]) == {"night"}
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{night[0]}\n{tmp_path / 'broken.jpg'}\n"))
    assert main(["predict", model, "-", "--skip-broken", "--json"]) == 1
    printed, errors = capfd.readouterr()
    assert [row["prediction"] for row in json.loads(printed)] == ["night"] and "broken.jpg" in errors
    assert main(["predict", model, str(tmp_path / "broken.jpg")]) == 2
    assert "1 image file cannot be read" in capfd.readouterr().err
    assert main(["predict", model, "nothing/*.jpg"]) == 2
    assert main(["export", model, "--format", "keras", "--out", str(tmp_path / "m.keras")]) == 0
    assert keras.models.load_model(tmp_path / "m.keras").output_shape == (None, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": (64, 32)}, "that grow"),
        ({"sizes": (16,)}, "`size` must be a whole number, 32 or more"),
        ({"epochs": 0}, "`epochs` must be a whole number"),
        ({"metric": "auc"}, "`metric` must be one of 'accuracy', 'f1', 'f2'; received 'auc'"),
        ({"out": "a/run"}, "would lie among the pictures"),
    ],
)
def test_settings_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        RunSettings(**{"data": "a", **changes})


def test_records_come_back_from_their_folder(tmp_path):
    settings = RunSettings(tmp_path / "data", tmp_path / "run", sizes=(64, 128), metric="f2")
    record = RunRecord(settings)
    record.begin()
    assert record.decide("rate", lambda: 0.1) == 0.1
    assert RunRecord.load(tmp_path / "run") == record
    with pytest.raises(ValueError, match="holds a run that was not finished"):
        RunRecord(settings).begin()
    (tmp_path / "run").rename(tmp_path / "moved")
    moved = RunRecord.load(tmp_path / "moved")
    assert moved.settings.out == tmp_path / "moved" and moved.decide("rate", lambda: 0.2) == 0.1
    moved.finish()
    RunRecord(moved.settings).begin()
    with pytest.raises(FileNotFoundError, match="holds no run"):
        RunRecord.load(tmp_path)
    (tmp_path / "moved" / "run.json").write_text("{}")
    with pytest.raises(ValueError, match="no record of a run"):
        RunRecord.load(tmp_path / "moved")


def test_a_stopped_run_goes_on_to_the_same_result(tiny, classes, tmp_path, capfd, monkeypatch):
    options = ["--backbone", tiny, "--sizes", "32,40", "--epochs", "1", "--batch-size", "8"]
    assert main(["train", str(classes), *options, "--out", str(tmp_path / "whole")]) == 0
    fit, calls = kf.ImageLearner.fit, []

    def stopped(learn, *arguments, **named):
        calls.append(named)
        if len(calls) == stop:
            raise KeyboardInterrupt
        return fit(learn, *arguments, **named)

    monkeypatch.setattr(kf.ImageLearner, "fit", stopped)
    stop = 2
    assert main(["train", str(classes), *options, "--out", str(tmp_path / "run")]) == 130
    assert main(["train", str(classes), *options, "--out", str(tmp_path / "run")]) == 2
    assert "not finished" in capfd.readouterr().err
    stop = 5
    assert main(["train", "--resume", str(tmp_path / "run")]) == 130
    assert main(["train", "--resume", str(tmp_path / "run")]) == 0
    whole, run = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("whole", "run"))
    for name in ("plain", "tta", "suggested_rate", "fine_tuning_rates"):
        assert whole[name] == pytest.approx(run[name])
    models = [kf.ImagePredictor.load(tmp_path / name / "model.kerasfast").model for name in ("whole", "run")]
    # Convolutions on several cores differ in the last bit by themselves.
    for mine, its in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-7)
    pd.testing.assert_frame_equal(*(pd.read_csv(tmp_path / name / "history.csv") for name in ("whole", "run")))
    assert not list((tmp_path / "run" / "models").glob("*.resume.npz"))
    assert main(["train", "--resume", str(tmp_path / "run")]) == 2
    assert main(["train"]) == 2
    assert "is finished" in capfd.readouterr().err


@pytest.mark.parametrize(("epochs", "cycles"), [(1, (1, 1, 2)), (3, (2, 1, 2)), (7, (3, 1, 2)), (4, (1, 4, 1))])
def test_epochs_become_cycles(epochs, cycles):
    assert RunSettings("a", "b", epochs=epochs).cycles == cycles


def test_a_metric_that_does_not_fit_the_labels_is_refused_before_training(tiny, classes, tmp_path, capfd):
    options = ["--backbone", tiny, "--sizes", "32", "--metric", "f2", "--out", str(tmp_path / "run")]
    assert main(["train", str(classes), *options]) == 2
    assert "'f2' does not fit these labels (one class for each picture); use accuracy" in capfd.readouterr().err
