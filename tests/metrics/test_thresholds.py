"""Thresholds per tag: found where they pay, left alone where they do not, and judged on rows not used."""

import numpy as np
import pytest

from kerasfast.metrics.tags import best_threshold, fbeta_score
from kerasfast.metrics.thresholds import best_thresholds


def predictions_of(rows: int, *, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Six tags that are predicted well, the last one with probabilities that are too small by `shift`."""
    random = np.random.default_rng(seed)
    probability = random.beta(0.5, 0.8, size=(rows, 6))
    truth = random.random((rows, 6)) < probability
    probability[:, -1] *= shift
    return truth.astype(float), probability


def test_a_tag_with_other_probabilities_gets_a_threshold_of_its_own():
    truth, predicted = predictions_of(2000, shift=0.2)
    thresholds, score = best_thresholds(truth, predicted, beta=1)
    common, _ = best_threshold(truth, predicted, beta=1)
    assert thresholds[-1] < common / 2
    new_truth, new_predicted = predictions_of(4000, shift=0.2, seed=1)
    reached = fbeta_score(new_truth, (new_predicted > thresholds).astype(float), beta=1)
    assert reached > fbeta_score(new_truth, new_predicted, beta=1, threshold=common) + 0.01
    assert score == pytest.approx(reached, abs=0.015)


def test_few_rows_do_not_scatter_the_thresholds():
    truth, predicted = predictions_of(60, shift=1.0)
    random = np.random.default_rng(2)
    noise = (random.random((60, 4)) < 0.03).astype(float)  # tags that nothing tells
    thresholds, score = best_thresholds(
        np.hstack([truth, noise]), np.hstack([predicted, random.uniform(0, 0.2, (60, 4))])
    )
    assert ((thresholds >= 0.02) & (thresholds <= 0.98)).all()
    optimistic = fbeta_score(truth, (predicted > thresholds[:6]).astype(float))
    assert score < optimistic


def test_the_last_step_finds_the_best_of_all_thresholds_of_a_tag():
    truth, predicted = predictions_of(300, shift=0.3)
    thresholds, _ = best_thresholds(truth, predicted)

    def score(value: float) -> float:
        moved = np.append(thresholds[:-1], value)
        return fbeta_score(truth, (predicted > moved).astype(float))

    assert score(thresholds[-1]) > max(score(value) for value in np.linspace(0.02, 0.98, 97)) - 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"), [({"beta": 0}, "`beta`"), ({"folds": 1}, "`folds`"), ({"folds": 5}, "`folds`")]
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        best_thresholds(np.eye(3), np.eye(3) * 0.9, **arguments)


def test_pairs_that_do_not_match():
    with pytest.raises(ValueError, match="shape"):
        best_thresholds(np.ones((10, 3)), np.ones((10, 2)))
