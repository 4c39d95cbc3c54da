import numpy as np
import pytest
from sklearn.metrics import fbeta_score

from kerasfast.fastai import metrics, planet


@pytest.fixture
def tags(rng):
    targs = (rng.random((40, 6)) > 0.6).astype("float32")
    return np.clip(targs * 0.3 + rng.random((40, 6)) * 0.4, 0, 1), targs


def test_accuracy():
    preds, targs = np.log([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), np.array([0, 1, 1])
    assert metrics.accuracy(preds, targs) == metrics.accuracy_np(preds, targs) == pytest.approx(2 / 3)


def test_tags(tags):
    preds, targs = tags
    agreement = [
        (p > 0.4) == (t > 0.5) for row, truth in zip(preds, targs, strict=True) for p, t in zip(row, truth, strict=True)
    ]
    assert metrics.accuracy_thresh(0.4)(preds, targs) == pytest.approx(np.mean(agreement))
    assert metrics.accuracy_thresh(0.4).__name__ == "accuracy_thresh"
    for beta in (1, 2):
        expected = fbeta_score(targs, preds > 0.4, beta=beta, average="micro")
        assert metrics.fbeta(preds, targs, beta, 0.4) == pytest.approx(expected)
        precision, recall = metrics.precision(preds, targs, 0.4), metrics.recall(preds, targs, 0.4)
        assert (1 + beta**2) * precision * recall / (beta**2 * precision + recall) == pytest.approx(expected)
    assert metrics.f1(preds, targs, 0.4) == metrics.fbeta(preds, targs, 1, 0.4)
    assert np.isnan(metrics.precision(preds, targs, 2))


def test_planets_score_is_the_best_over_its_thresholds(tags):
    preds, targs = tags
    grid = np.arange(0.17, 0.24, 0.01)
    scores = [fbeta_score(targs, preds > threshold, beta=2, average="samples", zero_division=0) for threshold in grid]
    assert planet.f2(preds, targs) == pytest.approx(max(scores))
    assert planet.opt_th(preds, targs) == pytest.approx(grid[int(np.argmax(scores))])


def test_a_metric_may_give_an_array_of_one_number_and_no_more():
    from kerasfast.fastai.internals.array_metrics import array_metrics

    each = lambda preds, targs: sum(abs(p - t) for p, t in zip(preds, targs, strict=True)) / len(preds)
    metric = array_metrics([each], lambda preds: preds)[0]
    assert metric(np.zeros((4, 1)), np.ones((4, 1))) == 1.0
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        metric(np.zeros((4, 2)), np.ones((4, 2)))


def test_recall_and_its_kin_are_of_the_second_of_two_classes_too():
    truth, second = np.array([0, 1, 1, 1]), np.array([0.7, 0.9, 0.2, 0.6])
    for preds in (np.log(np.stack([1 - second, second], 1)), np.stack([1 - second, second], 1)):
        assert metrics.recall(preds, truth) == pytest.approx(2 / 3) == metrics.precision(preds, truth)
        assert metrics.f1(preds, truth) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match=r"\(4, 3\)"):
        metrics.recall(np.zeros((4, 3)), truth)
