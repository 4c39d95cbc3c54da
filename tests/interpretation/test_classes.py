"""Confusion and figures per class, against scikit-learn and plain loops."""

import numpy as np
import pytest

from kerasfast.interpretation.classes import class_frame, confused_order, confusion_matrix

sklearn_metrics = pytest.importorskip("sklearn.metrics")
NAMES = ("ant", "bee", "cat")


@pytest.fixture
def softmax(rng):
    scores = rng.normal(size=(80, 3))
    targets = rng.integers(3, size=80)
    scores[np.arange(80), targets] += 1
    return targets, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


@pytest.fixture
def tags(rng):
    truth = (rng.random((90, 3)) < [0.2, 0.5, 0.8]).astype("float32")
    return truth, np.round(np.clip(0.3 * truth + 0.7 * rng.random((90, 3)), 0, 1), 1)  # rounded: many are equal


def test_confusion_matrix_counts_as_scikit_learn(softmax):
    targets, predictions = softmax
    expected = sklearn_metrics.confusion_matrix(targets, predictions.argmax(axis=1), labels=range(4))
    np.testing.assert_array_equal(confusion_matrix(targets, predictions.argmax(axis=1), 4), expected)


@pytest.mark.parametrize(("truth", "predicted"), [([0, 1], [0]), ([0, 3], [0, 0]), ([0, -1], [0, 0])])
def test_confusion_matrix_names_what_is_wrong(truth, predicted):
    with pytest.raises(ValueError, match="received"):
        confusion_matrix(truth, predicted, 3)


def test_what_is_confused_stands_together():
    matrix = np.diag([20.0] * 7)
    for one, other in ((0, 4), (4, 6), (1, 5)):
        matrix[one, other] = 5
    order = confused_order(matrix).tolist()
    assert sorted(order) == list(range(7))
    assert order[:3] in ([0, 4, 6], [6, 4, 0]) and sorted(order[3:5]) == [1, 5] and order[5:] == [2, 3]
    assert confused_order(np.eye(3)).tolist() == [0, 1, 2]


def test_figures_of_classes_are_those_of_scikit_learn(softmax):
    targets, predictions = softmax
    frame = class_frame(targets, predictions, NAMES, resamples=0)
    scores = sklearn_metrics.precision_recall_fscore_support(targets, predictions.argmax(axis=1))
    np.testing.assert_allclose(frame[["precision", "recall", "f1", "n"]].to_numpy().T, scores)
    areas = sklearn_metrics.average_precision_score(np.eye(3)[targets], predictions, average=None)
    np.testing.assert_allclose(frame["average_precision"], areas)
    assert "threshold" not in frame and frame.index.name == "class"


def test_figures_of_tags_use_a_threshold_each_and_count_equal_probabilities_as_one_step(tags):
    truth, predictions = tags
    thresholds = [0.25, 0.5, 0.65]
    frame = class_frame(truth, predictions, NAMES, threshold=thresholds, resamples=0)
    scores = sklearn_metrics.precision_recall_fscore_support(truth, predictions > thresholds)
    np.testing.assert_allclose(frame[["precision", "recall", "f1", "n"]].to_numpy().T, scores)
    areas = sklearn_metrics.average_precision_score(truth, predictions, average=None)
    np.testing.assert_allclose(frame["average_precision"], areas)
    assert frame["threshold"].tolist() == thresholds and frame.index.name == "tag"


@pytest.mark.slow
def test_intervals_are_those_of_a_bootstrap_over_pictures(tags, rng):
    truth, predictions = tags
    frame = class_frame(truth, predictions, NAMES, resamples=2000)
    drawn = []
    for _ in range(2000):
        rows = rng.integers(len(truth), size=len(truth))
        drawn.append(class_frame(truth[rows], predictions[rows], NAMES, resamples=0)[["f1", "average_precision"]])
    low, high = np.quantile(np.stack(drawn), [0.025, 0.975], axis=0)
    np.testing.assert_allclose(frame[["f1_low", "average_precision_low"]], low, atol=0.03)
    np.testing.assert_allclose(frame[["f1_high", "average_precision_high"]], high, atol=0.03)
    again = class_frame(truth, predictions, NAMES, resamples=2000)
    assert frame.equals(again) and not frame.equals(class_frame(truth, predictions, NAMES, resamples=2000, seed=1))


def test_what_is_undefined_is_not_a_number():
    frame = class_frame([0, 0, 1], [[0.9, 0.1, 0], [0.8, 0.2, 0], [0.7, 0.3, 0]], NAMES, resamples=20)
    assert np.isnan(frame.loc["bee", "precision"]) and frame.loc["bee", ["recall", "f1"]].tolist() == [0, 0]
    assert frame.loc["cat"].drop("n").isna().all()


@pytest.mark.parametrize(
    ("targets", "predictions", "options"),
    [
        ([0, 1], [[0.5, 0.5]], {}),
        ([3], [[0.5, 0.2, 0.3]], {}),
        ([0], [[0.5, 0.2, 0.3]], {"level": 1.0}),
        ([0], [[0.5, 0.2, 0.3]], {"resamples": -1}),
    ],
)
def test_bad_arguments_are_told(targets, predictions, options):
    with pytest.raises(ValueError, match="received|got"):
        class_frame(targets, predictions, NAMES, **options)
