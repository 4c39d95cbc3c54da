"""Planted wrong labels and planted copies are found, and little else."""

import numpy as np
import pytest

from kerasfast.interpretation.duplicates import near_duplicates
from kerasfast.interpretation.label_errors import label_errors, out_of_fold
from kerasfast.interpretation.peers import linear_peer


def clusters(rng, rows: int = 900, classes: int = 6, width: int = 20, apart: float = 4.5):
    """Rows of classes that overlap a little."""
    centres = apart * np.linalg.qr(rng.normal(size=(width, classes)))[0].T
    targets = rng.integers(0, classes, rows)
    return centres[targets] + rng.normal(size=(rows, width)), targets


@pytest.mark.parametrize("share", [0.03, 0.1])
def test_planted_wrong_labels_are_found(share, rng):
    features, truth = clusters(rng)
    wrong = rng.permutation(len(truth))[: int(share * len(truth))]
    labels = truth.copy()
    labels[wrong] = (truth[wrong] + rng.integers(1, 6, len(wrong))) % 6
    predict = lambda kept, held: linear_peer(features[kept], labels[kept], features[held], "single", 6)
    found = label_errors(labels, out_of_fold(labels, predict), list("abcdef"))
    right = np.isin(found.index, wrong)
    assert right.sum() / len(wrong) > 0.85  # recall
    assert right[: len(wrong)].mean() > 0.75  # precision among as many as were planted, the most doubtful first
    suggested = np.array([ord(name) - ord("a") for name in found["suggested"][right]])
    assert np.mean(suggested == truth[found.index[right]]) > 0.9


def test_planted_wrong_tags_are_found(rng):
    features, classes = clusters(rng)
    truth = np.stack([classes < 3, classes % 2 == 0], axis=1).astype(int)
    labels = truth.copy()
    wrong = rng.permutation(len(truth))[:40]
    labels[wrong, 1] = 1 - labels[wrong, 1]
    predict = lambda kept, held: linear_peer(features[kept], labels[kept], features[held], "multi", 2)
    found = label_errors(labels, out_of_fold(labels, predict), ["low", "even"])
    first = found.iloc[:40]
    assert (first["tag"] == "even").mean() > 0.8 and np.isin(first.index, wrong).mean() > 0.75
    assert set(found["label"]) <= {"yes", "no"} and (found["probability_of_label"] < found["probability"]).mean() > 0.9


def test_clean_labels_are_seldom_suspected(rng):
    features, truth = clusters(rng, apart=8)
    predict = lambda kept, held: linear_peer(features[kept], truth[kept], features[held], "single", 6)
    assert len(label_errors(truth, out_of_fold(truth, predict), list("abcdef"))) < 5


def test_every_row_is_predicted_by_a_model_that_did_not_learn_from_it():
    seen = []

    def predict(kept, held):
        assert not set(kept) & set(held)
        seen.extend(held)
        return np.zeros((len(held), 2))

    assert out_of_fold(np.array([0, 1] * 10), predict, folds=4).shape == (20, 2)
    assert sorted(seen) == list(range(20))


def test_planted_copies_are_found(rng):
    others = np.abs(rng.normal(size=(500, 64)))
    copies = others[:40] + rng.normal(0, 0.15, (40, 64))
    features = np.concatenate([np.abs(rng.normal(size=(160, 64))), copies])
    found = near_duplicates(features, others)
    right = (found["row"] >= 160) & (found["other"] == found["row"] - 160)
    assert right.sum() >= 38 and right.mean() > 0.95 and found["similarity"].is_monotonic_decreasing
    with pytest.raises(ValueError, match="features"):
        near_duplicates(features, others[:, :5])


def test_rows_that_are_all_alike_are_no_copies(rng):
    common = np.concatenate([rng.normal(0, 3, 64), np.zeros(64)])
    others = rng.normal(size=(300, 128)) * 0.2 + np.outer(rng.choice([-1, 1], 300), common)
    features = rng.normal(size=(50, 128)) * 0.2 + np.outer(rng.choice([-1, 1], 50), common)
    features[7] = others[3] + 0.01 * rng.normal(size=128)
    assert near_duplicates(features, others)["row"].tolist() == [7]
