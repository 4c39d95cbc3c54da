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
from kerasfast.optimizing.train_function import TrainFunction
from kerasfast.runs.settings import RunRecord, RunSettings
from kerasfast.vision.networks import applications as families


@pytest.fixture
def tiny(monkeypatch, tiny_network) -> str:
    network = families.Network("none", 32, lambda weights: tiny_network(), lambda: (True, "made on the spot"))
    monkeypatch.setitem(families.NETWORKS, "tiny_test_network", network)
    return "tiny_test_network"


@pytest.fixture
def no_report(monkeypatch):
    """Write nothing where the report would be: it takes longer than these trainings."""
    monkeypatch.setattr("kerasfast.vision.insight.interpretation.Interpretation.report", lambda report, path, **_: path)


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


@pytest.mark.slow
def test_train_predict_and_evaluate_tags(tiny, tagged, tmp_path, capfd):
    out = tmp_path / "run"
    options = ["--csv", "tags.csv", "--backbone", tiny, "--sizes", "32,40x56", "--epochs", "1", "--batch-size", "8"]
    code = main(["train", str(tagged), *options, "--metric", "f1", "--out", str(out)])
    printed, errors = capfd.readouterr()
    summary = json.loads((out / "summary.json").read_text())
    assert code == (0 if summary["beats_constant"] else 1) and summary["metric"] == "F1" and summary["size"] == [40, 56]
    recipe, start = printed.index("\nRecipe\n"), printed.index("\n== head")
    assert recipe < start and "at 32 pixels, 1 epoch; then at 40x56" in printed[recipe:start]
    assert "\r" not in printed + errors and "retracing" not in printed + errors
    assert "<html" in (out / "report.html").read_text("utf-8")
    history = pd.read_csv(out / "history.csv")
    assert history["stage"].tolist() == ["fine-tuning 32", "fine-tuning 40x56"]
    model = str(out / "model.kerasfast")
    assert main(["predict", model, str(tagged / "test"), "--out", str(tmp_path / "p.csv")]) == 0
    frame = pd.read_csv(tmp_path / "p.csv")
    assert frame.columns.tolist() == ["file", "prediction", "any", "left", "right"] and len(frame) == 8
    capfd.readouterr()
    code = main(["evaluate", model, str(tagged), "--csv", "tags.csv", "--json"])
    scores = json.loads(capfd.readouterr().out)
    assert scores["metric"] == "F2" and scores["rows"] == 40 and code == (0 if scores["beats_constant"] else 1)


@pytest.mark.slow
def test_train_as_json_and_predict_in_every_way(tiny, no_report, classes, tmp_path, capfd, monkeypatch):
    out = tmp_path / "run"
    options = ["--backbone", tiny, "--sizes", "32", "--batch-size", "8", "--out", str(out), "--json"]
    assert main(["train", str(classes), *options]) == 0
    printed, errors = capfd.readouterr()
    assert json.loads(printed)["metric"] == "accuracy" and "== head" in errors
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
    errors = capfd.readouterr().err
    assert "1 image file cannot be read" in errors and "add --skip-broken" in errors
    (tmp_path / "own" / "night").mkdir(parents=True)
    for name in (night[0].name, "broken.jpg"):
        source = tmp_path / name if name == "broken.jpg" else night[0]
        (tmp_path / "own" / "night" / name).write_bytes(source.read_bytes())
    assert main(["evaluate", model, str(tmp_path / "own"), "--skip-broken", "--json"]) in (0, 1)
    assert json.loads(capfd.readouterr().out)["rows"] == 1
    assert main(["predict", str(tmp_path / "absent.kerasfast"), str(night[0])]) == 2
    assert "There is no model" in capfd.readouterr().err
    assert main(["predict", model, "nothing/*.jpg"]) == 2
    assert main(["export", model, "--format", "keras", "--out", str(tmp_path / "m.keras")]) == 0
    assert keras.models.load_model(tmp_path / "m.keras").output_shape == (None, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": (64, 32)}, "that grow"),
        ({"sizes": (16,)}, "`size` must be a whole number, 32 or more"),
        ({"sizes": ((64, 16),)}, "`size` must be a whole number, 32 or more"),
        ({"sizes": ((64, 96, 3),)}, r"a pair \(height, width\)"),
        ({"sizes": ((64, 96), (96, 64))}, "that grow"),
        ({"epochs": 0}, "`epochs` must be a whole number"),
        ({"metric": "auc"}, "`metric` must be one of 'accuracy', 'f1', 'f2', 'mae'; received 'auc'"),
        ({"out": "a/run"}, "would lie among the pictures"),
    ],
)
def test_settings_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        RunSettings(**{"data": "a", **changes})


def test_records_come_back_from_their_folder(tmp_path):
    settings = RunSettings(tmp_path / "data", tmp_path / "run", sizes=(64, (96, 128)), metric="f2")
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


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_result(tiny, no_report, classes, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("kerasfast.training.keeping.resuming.SHARE", 1e9)
    options = ["--backbone", tiny, "--sizes", "32,40", "--epochs", "2", "--batch-size", "4"]
    assert main(["train", str(classes), *options, "--out", str(tmp_path / "whole")]) == 0
    step, calls = TrainFunction.__call__, []

    def stopped(function, data):
        calls.append(data)
        if len(calls) == stop:
            raise KeyboardInterrupt
        return step(function, data)

    monkeypatch.setattr(TrainFunction, "__call__", stopped)
    stop = 9  # of six batches in an epoch
    assert main(["train", str(classes), *options, "--out", str(tmp_path / "run")]) == 130
    assert main(["train", str(classes), *options, "--out", str(tmp_path / "run")]) == 2
    assert "not finished" in capfd.readouterr().err
    stop = 9 + 4 + 12
    assert main(["train", "--resume", str(tmp_path / "run")]) == 130
    assert "Going on after epoch" in capfd.readouterr().out
    assert main(["train", "--resume", str(tmp_path / "run")]) == 0
    whole, run = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("whole", "run"))
    assert (whole["plain"], whole["tta"]) == (run["plain"], run["tta"])
    models = [kf.ImagePredictor.load(tmp_path / name / "model.kerasfast").model for name in ("whole", "run")]
    for mine, its in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(mine, its)
    pd.testing.assert_frame_equal(*(pd.read_csv(tmp_path / name / "history.csv") for name in ("whole", "run")))
    assert not list((tmp_path / "run" / "models").glob("*.resume.npz"))
    assert main(["train", "--resume", str(tmp_path / "run")]) == 2
    assert main(["train"]) == 2
    assert "is finished" in capfd.readouterr().err


@pytest.mark.slow
def test_numbers_are_learned_and_judged(tiny, tmp_path, capfd):
    (tmp_path / "data" / "photos").mkdir(parents=True)
    rows = []
    for index in range(40):
        grey = index * 6
        Image.new("L", (40, 36), grey).save(tmp_path / "data" / "photos" / f"p {index}.png")
        rows.append({"picture": f"p {index}.png", "shelf": "a", "grams": grey / 4})
    pd.DataFrame(rows).to_csv(tmp_path / "data" / "weights.csv", index=False)
    out, table = tmp_path / "run", ["--csv", "weights.csv", "--labels", "grams"]
    options = ["--backbone", tiny, "--sizes", "32", "--epochs", "1", "--batch-size", "8", "--out", str(out)]
    assert main(["train", str(tmp_path / "data"), *table, *options]) == 0, capfd.readouterr()
    summary = json.loads((out / "summary.json").read_text())
    assert summary["metric"] == "mean absolute error" and summary["tta"] < 0.9 * summary["constant"]
    assert "numbers are predicted" in capfd.readouterr().out and (out / "predictions.png").is_file()
    assert main(["predict", str(out / "model.kerasfast"), str(tmp_path / "data" / "photos" / "p 3.png")]) == 0
    frame = pd.read_csv(io.StringIO(capfd.readouterr().out))
    assert frame.columns.tolist() == ["file", "grams"]
    assert main(["evaluate", str(out / "model.kerasfast"), str(tmp_path / "data"), *table, "--json"]) == 0
    scores = json.loads(capfd.readouterr().out)
    assert scores["metric"] == "mean absolute error" and scores["rows"] == 40 and scores["score"] < scores["constant"]


def test_a_metric_that_does_not_fit_the_labels_is_refused_before_training(tiny, classes, tmp_path, capfd):
    options = ["--backbone", tiny, "--sizes", "32", "--metric", "f2", "--out", str(tmp_path / "run")]
    assert main(["train", str(classes), *options]) == 2
    assert "'f2' does not fit these labels (one class for each picture); use accuracy" in capfd.readouterr().err
