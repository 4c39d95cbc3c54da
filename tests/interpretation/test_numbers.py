"""Errors of numbers are those that NumPy gives, and their intervals hold what they should."""

import numpy as np
import pytest

from kerasfast.interpretation.numbers import doubtful_numbers, number_frame, truth_by_prediction
from kerasfast.interpretation.results import Judge

NAMES = ("age", "weight")


@pytest.fixture
def drawn(rng):
    targets = rng.normal([40, 70], [10, 5], (400, 2))
    return targets, targets + rng.normal([1, 0], [3, 2], (400, 2))


def test_errors_are_numpys_and_lie_in_their_intervals(drawn):
    targets, predictions = drawn
    frame = number_frame(targets, predictions, NAMES, resamples=200)
    errors = predictions - targets
    np.testing.assert_allclose(frame["bias"], errors.mean(axis=0))
    np.testing.assert_allclose(frame["mean_absolute_error"], np.abs(errors).mean(axis=0))
    np.testing.assert_allclose(frame["root_mean_squared_error"], np.sqrt(np.square(errors).mean(axis=0)))
    np.testing.assert_allclose(frame["explained"], 1 - np.square(errors).mean(axis=0) / targets.var(axis=0))
    for name in ("mean_absolute_error", "root_mean_squared_error", "explained"):
        assert (frame[f"{name}_low"] < frame[name]).all() and (frame[name] < frame[f"{name}_high"]).all()
        assert (frame[f"{name}_high"] - frame[f"{name}_low"] < 0.3 * frame[name]).all()


def test_targets_that_are_all_the_same_explain_nothing():
    frame = number_frame(np.ones(5), np.arange(5.0), ["age"], resamples=20)
    assert np.isnan(frame.loc["age", "explained"]) and frame.loc["age", "mean_absolute_error"] == 1.4


def test_truth_is_told_by_ranges_of_the_prediction(drawn):
    targets, predictions = (part[:, 0] for part in drawn)
    frame = truth_by_prediction(targets, predictions, bins=4)
    assert frame["n"].tolist() == [100] * 4 and (frame["low"].to_numpy()[1:] >= frame["high"].to_numpy()[:-1]).all()
    assert (frame["truth_low"] < frame["truth"]).all() and frame["truth"].is_monotonic_increasing
    assert len(truth_by_prediction([1, 2, 3], [5, 5, 5])) == 1


def test_a_label_far_from_what_others_say_is_doubted(drawn):
    targets, predictions = (part.copy() for part in drawn)
    targets[7, 1] += 40
    frame = doubtful_numbers(targets, predictions, NAMES)
    assert frame.index[0] == 7 and frame.iloc[0]["number"] == "weight" and len(frame) < 4
    assert doubtful_numbers(targets[:5], targets[:5], NAMES).empty


@pytest.mark.parametrize(
    ("targets", "predictions", "told"),
    [([1, 2], [[1, 2, 3]], "`predictions` must be"), ([1, 2, 3], [1, 2], "`targets` must be"), ([], [], "1 or more")],
)
def test_what_does_not_fit_is_refused(targets, predictions, told):
    with pytest.raises(ValueError, match=told):
        number_frame(targets, predictions, ["age"])


def test_numbers_are_judged_by_either_error_first():
    judge = Judge(np.array([[0.0], [4.0]]), "regression", absolute=True)
    row = judge.row(np.array([[1.0], [1.0]]))
    assert next(iter(row)) == "mean absolute error" and row["mean absolute error"] == 2
    assert row["root mean squared error"] == pytest.approx(np.sqrt(5))
