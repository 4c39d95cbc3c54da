"""The demo: the whole lesson, tiny, on drawn tiles and on class folders; nothing is written among the pictures."""

import gzip
import json
import pathlib
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import kerasfast as kf
from kerasfast.cli import main
from kerasfast.demo.run import Settings, run_demo
from kerasfast.runs import report
from kerasfast.runs.progress import Progress
from kerasfast.runs.training import submit
from kerasfast.vision.networks import applications as families
from kerasfast.vision.networks.registry import Backbone

TINY = {"size": 32, "batch_size": 8}


@pytest.fixture(scope="module")
def tiny(tiny_network) -> Backbone:
    return Backbone.from_model(tiny_network(), split="stage1_conv")


def class_folders(root):
    random = np.random.default_rng(0)
    for split, count in (("train", 12), ("valid", 6)):
        for brightness, name in ((0, "night"), (150, "noon")):
            (root / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = brightness + random.integers(0, 100, (40, 40, 3))
                Image.fromarray(pixels.astype("uint8")).save(root / split / name / f"{split}_{name}_{index}.png")
    (root / "test").mkdir()
    for index in range(4):
        Image.new("RGB", (40, 40), (250,) * 3).save(root / "test" / f"{index}.png")
    return root


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_demo_on_drawn_tiles_writes_all_it_names(tmp_path, monkeypatch, capfd, tiny_network):
    network = families.Network("none", 32, lambda weights: tiny_network(), lambda: (True, "made on the spot"))
    monkeypatch.setitem(families.NETWORKS, "tiny_test_network", network)
    out = tmp_path / "out"
    options = [
        "--out",
        str(out),
        "--backbone",
        "tiny_test_network",
        "--size",
        "32",
        "--n-train",
        "48",
        "--batch-size",
        "8",
    ]
    code = main(["demo", *options])
    printed, errors = capfd.readouterr()
    assert "kerasfast demo:" not in errors
    summary = json.loads((out / "summary.json").read_text())
    assert code == (0 if summary["beats_constant"] else 1)
    for name in ("constant", "plain", "tta"):
        assert 0 < summary[name] <= 1 and f"{summary[name]:.4f}" in printed
    stages = ["drawing", "data", "head", "fine-tuning", "validation", "model", "submission", "report"]
    assert list(summary["seconds"]) == [*stages, "total"]
    assert [line.split()[1].rstrip(":") for line in printed.splitlines() if line.startswith("== ")] == [
        *stages,
        "Summary",
    ]
    assert summary["metric"] == "F2"
    assert {"weights", "submission", "predictions", "losses and rates", "report"} < set(summary["files"])
    for path in summary["files"].values():
        assert path in printed
    for path in (out / "losses_and_rates.png", out / "predictions.png"):
        assert Image.open(path).size[0] > 400
    lines = gzip.decompress((out / "submission.csv.gz").read_bytes()).decode().splitlines()
    assert lines[0] == "image_name,tags" and len(lines) == 1 + 9 and lines[1].startswith("test_0,")


@pytest.mark.slow
def test_class_folders_give_accuracy_and_probabilities(tiny, tmp_path, capsys):
    root = class_folders(tmp_path / "pictures")
    before = contents(root)
    summary = run_demo(Settings(out=tmp_path / "out", data=root, **TINY), backbone=tiny)
    assert contents(root) == before
    assert summary["metric"] == "accuracy" and summary["constant"] == 0.5 and summary["threshold"] is None
    assert summary["beats_constant"] and summary["tta"] > 0.9
    frame = kf.ImagePredictor.load(summary["files"]["model"]).predict(root / "test")
    assert frame["prediction"].tolist() == ["noon"] * 4
    history = pd.read_csv(summary["files"]["history"])
    assert history["stage"].tolist() == ["fine-tuning"] * 3
    lines = gzip.decompress(pathlib.Path(summary["files"]["submission"]).read_bytes()).decode().splitlines()
    assert lines[0] == "id,night,noon" and len(lines) == 5
    assert float(lines[1].split(",")[2]) > 0.5
    printed = capsys.readouterr().out
    assert "class folders in train, validation in valid; test pictures in test" in printed
    assert [line.strip() for line in printed.splitlines()[-4:-1]] == [
        "import kerasfast as kf",
        f"predictor = kf.ImagePredictor.load({summary['files']['model']!r})",
        f"predictor.predict({str(root / 'test')!r})",
    ]


def test_without_test_pictures_there_is_no_submission_and_it_is_said(tmp_path, capsys):
    learn, files = SimpleNamespace(data=SimpleNamespace(test=None)), {}
    submit(learn, report.Scores("F2", 0, 0, 0, np.zeros((1, 1))), tmp_path, Progress(), files)
    assert "no submission file" in capsys.readouterr().out
    assert files == {} and not contents(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 31}, "`size` must be a whole number, 32 or more"),
        ({"n_train": 3}, "`n_train` must be a whole number, 20 or more"),
        ({"seed": -1}, "`seed` must be a whole number, 0 or more"),
        ({"batch_size": 1}, "`batch_size` must be a whole number, 2 or more"),
        ({"data": "a", "out": "a/results"}, "would lie among the pictures"),
    ],
)
def test_settings_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Settings(**changes)


def test_results_need_a_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file"):
        Settings(out=tmp_path / "file")


@pytest.mark.parametrize(("tta", "verdict"), [(0.9, "clearly beats"), (0.7, "does not clearly beat")])
def test_verdict_follows_the_scores(tta, verdict):
    scores = report.Scores("F2", 0.69, 0.8, tta, np.zeros((1, 1)), 0.2)
    summary = {**scores.figures(), "beats_constant": tta > 0.8, "seconds": {}, "files": {}}
    text = report.summary_text(summary)
    assert verdict in text and f"F2 {tta:.4f} against 0.6900" in text
