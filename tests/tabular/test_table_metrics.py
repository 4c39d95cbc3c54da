"""Scores of classes and labels by name, against scikit-learn, and inside a fit."""

import keras
import numpy as np
import pandas as pd
import pytest

import kerasfast as kf
from kerasfast.tabular.encoding.columns import CategoryColumn
from kerasfast.tabular.encoding.targets import Target
from kerasfast.tabular.table_metrics import table_metrics

sklearn = pytest.importorskip("sklearn.metrics")
NAMES = ["auc", "average_precision", "precision", "recall", "f1"]


def single(classes):
    return Target(("y",), "single", column=CategoryColumn("y", "number", tuple(range(classes))))


def probabilities(rng, rows, classes):
    scores = np.round(rng.random((rows, classes)), 1) + 0.01  # with equal ones among them
    return scores / scores.sum(axis=1, keepdims=True)


def expected(name, positive, scores, predicted):
    function = {"auc": sklearn.roc_auc_score, "average_precision": sklearn.average_precision_score}.get(name)
    if function is not None:
        return function(positive, scores)
    return getattr(sklearn, f"{name}_score")(positive, predicted)


@pytest.mark.parametrize("name", NAMES)
def test_scores_of_a_question_are_those_of_the_second_class(rng, name):
    scores, targets = probabilities(rng, 200, 2), rng.integers(0, 2, 200)
    (metric,) = table_metrics([name.upper()], single(2))
    assert metric.name == name
    assert metric(targets, scores) == pytest.approx(expected(name, targets, scores[:, 1], scores.argmax(1)))


@pytest.mark.parametrize("name", NAMES)
def test_scores_of_more_classes_and_of_labels_are_means(rng, name):
    scores, targets = probabilities(rng, 200, 4), rng.integers(0, 4, 200)
    (metric,) = table_metrics([name], single(4))
    means = [expected(name, targets == c, scores[:, c], scores.argmax(1) == c) for c in range(4)]
    assert metric(targets, scores) == pytest.approx(np.mean(means))
    labels = rng.integers(0, 2, (200, 3))
    (metric,) = table_metrics([name], Target(("a", "b", "c"), "multi"))
    means = [expected(name, labels[:, c], scores[:, c], scores[:, c] > 0.5) for c in range(3)]
    assert metric(labels, scores) == pytest.approx(np.mean(means))


def test_other_metrics_join_them(rng):
    scores, targets = probabilities(rng, 200, 2), rng.integers(0, 2, 200)
    metrics = table_metrics(["f1", "accuracy", keras.metrics.AUC()], single(2))
    assert [metric.name for metric in metrics][:2] == ["f1", "accuracy"]
    assert metrics[1](targets, scores) == pytest.approx((scores.argmax(1) == targets).mean())
    assert metrics[2](targets, scores) == pytest.approx(sklearn.roc_auc_score(targets, scores[:, 1]), abs=0.02)
    assert table_metrics(["accuracy"], single(2)) == ["accuracy"]


@pytest.mark.slow
def test_a_fit_shows_them_and_a_regression_refuses_them(rng):
    frame = pd.DataFrame({"x": rng.normal(size=400)})
    frame["y"], frame["z"] = (frame["x"] > 0) * 1, frame["x"] * 2
    data = kf.TableData.from_frame(frame, "y", continuous=["x"])
    learn = kf.TableLearner.entity_embeddings(data, [8], metrics=["AUC", "accuracy"])
    history = learn.fit(0.01, 2).history
    assert set(history) == {"loss", "val_loss", "val_auc", "val_accuracy"} and history["val_auc"][-1] > 0.9
    with pytest.raises(ValueError, match="'AUC' is for classes and labels"):
        data = kf.TableData.from_frame(frame, "z", continuous=["x"])
        kf.TableLearner.entity_embeddings(data, [8], metrics=["AUC"])
