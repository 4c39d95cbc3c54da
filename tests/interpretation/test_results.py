"""Answers are judged alike, and cheap peers find what there is to find."""

import importlib.util

import numpy as np
import pytest

from kerasfast.interpretation.peers import boosted_peer, linear_peer
from kerasfast.interpretation.results import Judge, constant_answer, verdict
from kerasfast.metrics.tags import fbeta_score


def test_scores_are_those_of_the_metrics(rng):
    tags, likely = rng.integers(0, 2, (60, 4)), rng.random((60, 4))
    row = Judge(tags, "multi", beta=2.0).row(likely, 0.4)
    assert row["F2"] == pytest.approx(fbeta_score(tags, likely, 2, threshold=0.4))
    assert row["F2_low"] < row["F2"] < row["F2_high"]
    numbers = rng.normal(size=(80, 1))
    row = Judge(numbers, "regression").row(numbers + np.array([[2.0]]))
    assert row["root mean squared error"] == pytest.approx(2) and row["mean absolute error"] == pytest.approx(2)


@pytest.mark.parametrize(("right", "said"), [(400, "beats"), (210, "chance"), (150, "does not beat")])
def test_the_verdict_heeds_the_interval(right, said):
    targets = np.arange(400) % 2
    predictions = np.eye(2)[np.where(np.arange(400) < right, targets, 1 - targets)]
    judge = Judge(targets, "single")
    constant = np.tile(constant_answer(targets, "single", 2), (400, 1))
    frame = judge.frame([("constant", constant, 0.5), ("model", predictions, 0.5)])
    assert said in verdict(frame, judge, "model", "constant")


def test_a_larger_error_is_worse():
    judge = Judge(np.linspace(0, 1, 100)[:, None], "regression")
    frame = judge.frame([("constant", np.full((100, 1), 0.5), 0.5), ("model", judge.targets + 0.01, 0.5)])
    assert "beats" in verdict(frame, judge, "model", "constant")


PEERS = {"linear": linear_peer}
if importlib.util.find_spec("lightgbm"):
    PEERS["boosted"] = lambda x, y, z, kind, outputs: boosted_peer(x, y, z, kind, [], outputs)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("peer", PEERS)
def test_peers_learn_every_kind(peer, rng):
    rows, others = rng.normal(size=(400, 3)), rng.normal(size=(100, 3))
    classes = lambda x: (x[:, 0] > 0).astype(int) * 2  # class 1 never occurs
    said = PEERS[peer](rows, classes(rows), others, "single", 3)
    assert said.shape == (100, 3) and np.mean(said.argmax(axis=1) == classes(others)) > 0.9
    labels = lambda x: np.stack([x[:, 1] > 0, np.zeros(len(x))], axis=1)
    said = PEERS[peer](rows, labels(rows), others, "multi", 2)
    assert np.mean((said > 0.5) == labels(others)) > 0.9 and said[:, 1].max() < 0.1
    said = PEERS[peer](rows, rows[:, :1] * 5, others, "regression", 1)
    assert np.corrcoef(said[:, 0], others[:, 0])[0, 1] > 0.95
