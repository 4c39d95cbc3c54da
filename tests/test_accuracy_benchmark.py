"""The comparison of accuracies: scores, splits, and what the tables say, without a model of ours."""

import importlib
import pathlib
import sys

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sklearn", reason="the comparison needs scikit-learn")
threadpoolctl = pytest.importorskip("threadpoolctl", reason="it comes with scikit-learn")
BENCHMARKS = pathlib.Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    """A function that imports a module of `benchmarks/`."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield importlib.import_module
    for name in [name for name in sys.modules if name.startswith("accuracy_")]:
        del sys.modules[name]


def a_table(benchmark, rows=50, **options):
    frame = pd.DataFrame({"x": np.arange(rows), "word": ["a", None] * (rows // 2), "y": np.arange(rows) % 2})
    return benchmark("accuracy_sets")._table("small", frame, "y", "yes_no", yes=1, **options)


def test_a_split_is_drawn_by_seed_and_a_cap_leaves_the_test_rows(benchmark):
    task = a_table(benchmark)
    train, test = task.split(0)
    assert (len(train), len(test)) == (40, 10)
    assert not set(train.x) & set(test.x)
    fewer, same = task.split(0, cap_rows=7)
    assert len(fewer) == 7 and set(fewer.x) <= set(train.x)
    pd.testing.assert_frame_equal(same, test)
    assert set(task.split(1)[1].x) != set(test.x)


def test_text_is_categorical_and_the_rest_numbers(benchmark):
    task = a_table(benchmark)
    assert task.categorical == ("word",) and task.continuous == ("x",)


@pytest.mark.parametrize(
    ("metric", "targets", "predictions", "expected"),
    [
        ("r2", [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], 1.0),
        ("rmse", [1.0, 3.0], [2.0, 5.0], np.sqrt(2.5)),
        ("rmspe", [2.0, 4.0], [1.0, 4.0], np.sqrt(0.125)),
        ("auc", [0, 1, 1], [0.1, 0.2, 0.05], 0.5),
        ("accuracy", [0, 1, 1, 1], [0.1, 0.9, 0.6, 0.4], 0.75),
        ("accuracy", ["a", "b"], ["a", "a"], 0.5),
        ("f2", [[1, 0], [1, 1]], [[0.3, 0.1], [0.3, 0.1]], (1 + 5 / 9) / 2),
    ],
)
def test_scores_are_those_of_hand_counted_rows(benchmark, metric, targets, predictions, expected):
    found = benchmark("accuracy_scores").score(metric, np.array(targets), np.array(predictions))
    assert found == pytest.approx(expected)


def test_results_are_kept_and_failures_run_again(benchmark, tmp_path):
    scores = benchmark("accuracy_scores")
    key = {"task": "t", "backbone": "", "side": "linear", "seed": 0, "cap_rows": None}
    scores.Cache(tmp_path / "r.jsonl").add({**key, "score": 1.0})
    scores.Cache(tmp_path / "r.jsonl").add({**key, "seed": 1, "score": float("nan"), "error": "ValueError()"})
    again = scores.Cache(tmp_path / "r.jsonl")
    assert key in again
    assert {**key, "seed": 1} not in again
    assert {**key, "seed": 2} not in again


def test_the_report_shows_what_loses(benchmark):
    rows = [("a", "r2", "kerasfast", 0.8), ("a", "r2", "LightGBM", 0.9), ("a", "r2", "linear", 0.5)]
    rows += [("b", "rmse", "kerasfast", 1.0), ("b", "rmse", "LightGBM", 2.0), ("b", "rmse", "linear", 1.0)]
    text = report_of(benchmark, [(*row, 0) for row in rows], ["kerasfast", "linear", "LightGBM"])
    assert "| a | r2 | 0.8000 | 0.5000 | 0.9000 | **loss** -0.100 |" in text
    assert "| b | rmse | 1.0000 | 1.0000 | 2.0000 | even +0.000 |" in text
    assert "| kerasfast | 6 | 2 |  |  |  |  |" in text
    assert "| LightGBM |  | 2 | 1 | 0 | 1 | +0.2000 |" in text


def test_the_report_compares_over_common_seeds_and_needs_no_rival(benchmark):
    rows = [("a", "r2", "kerasfast", 0.8, 0), ("a", "r2", "linear", 0.8, 0), ("a", "r2", "linear", 0.6, 1)]
    assert "| 0.8000 | 0.7000 ± 0.1000 | even +0.000 |" in report_of(benchmark, rows, ["kerasfast", "linear"])
    assert "| a | r2 | 0.8000 |  |" in report_of(benchmark, rows[:1], ["kerasfast"])
    failed = [rows[0], ("a", "r2", "linear", float("nan"), 0)]
    assert "| 0.8000 | failed |  |" in report_of(benchmark, failed, ["kerasfast", "linear"])


def report_of(benchmark, rows, sides):
    results = pd.DataFrame(rows, columns=["task", "metric", "side", "score", "seed"]).assign(backbone="", seconds=1.0)
    return benchmark("accuracy_scores").report(results, sides, "kerasfast", {"kerasfast": 6})


@pytest.mark.parametrize("kind", ["regression", "yes_no", "classes"])
@pytest.mark.parametrize("side", ["linear", "histgb"])
def test_peers_take_missing_values_and_levels_never_seen(benchmark, side, kind):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=60), "word": ["a", "b", None] * 20})
    frame["y"] = {"regression": frame.x, "yes_no": (frame.x > 0) * 1, "classes": (frame.x > 0).astype(str)}[kind]
    task = benchmark("accuracy_sets")._table("small", frame, "y", kind, yes=1)
    unseen = task.frame.head(3).assign(word=["a", "new", None], x=[1.0, np.nan, -1.0])
    with threadpoolctl.threadpool_limits(1):  # on a busy machine threads wait for each other
        found = np.asarray(getattr(benchmark("accuracy_peers"), side)(task, task.frame, unseen, 0))
    assert found.shape == (3,)
    assert found.dtype.kind in "OUT" if kind == "classes" else np.isfinite(found).all()
