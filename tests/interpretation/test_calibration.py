"""Calibration and temperature, against scikit-learn and a grid."""

import numpy as np
import pytest

from kerasfast.interpretation.calibration import (
    calibration_frame,
    expected_calibration_error,
    fit_temperature,
    with_temperature,
)

KINDS = ["single", "multi"]


def sample(kind, rng, temperature=1.0):
    """Return targets drawn from probabilities, and these probabilities made too sure by a temperature."""
    scores = rng.normal(0, 2, size=(4000, 3))
    if kind == "multi":
        return rng.random(scores.shape) < 1 / (1 + np.exp(-scores)), 1 / (1 + np.exp(-scores * temperature))
    shares, sure = (np.exp(power * scores) for power in (1, temperature))
    shares, sure = shares / shares.sum(axis=1, keepdims=True), sure / sure.sum(axis=1, keepdims=True)
    return (shares.cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1), sure


def test_curve_is_that_of_scikit_learn(rng):
    calibration = pytest.importorskip("sklearn.calibration")
    targets, predictions = sample("multi", rng)
    shares, means = calibration.calibration_curve(targets.ravel(), predictions.ravel(), n_bins=10)
    frame = calibration_frame(targets, predictions, "multi")
    np.testing.assert_allclose(frame[["share", "probability"]], np.stack([shares, means], axis=1))
    assert frame["n"].sum() == targets.size


def test_of_classes_the_likeliest_counts():
    frame = calibration_frame([0, 1, 1], [[0.9, 0.1], [0.1, 0.9], [1.0, 0.0]], "single")
    assert frame[["low", "high", "n"]].to_numpy().tolist() == [[0.9, 1.0, 3]]
    assert frame["share"][0] == pytest.approx(2 / 3) and frame["probability"][0] == pytest.approx(2.8 / 3)


@pytest.mark.parametrize("kind", KINDS)
def test_temperature_makes_overconfident_probabilities_honest(kind, rng):
    targets, predictions = sample(kind, rng, temperature=2.5)
    temperature = fit_temperature(targets, predictions, kind)
    assert temperature == pytest.approx(2.5, rel=0.06)
    mended = with_temperature(predictions, temperature, kind)
    before, after = (expected_calibration_error(targets, values, kind) for values in (predictions, mended))
    assert after < 0.03 < 0.08 < before
    np.testing.assert_array_equal(mended.argmax(axis=1), predictions.argmax(axis=1))
    if kind == "single":
        np.testing.assert_allclose(mended.sum(axis=1), 1)


def test_temperature_is_the_best_of_a_grid(rng):
    targets, predictions = sample("single", rng, temperature=0.6)
    rows = np.arange(len(targets))
    grid = np.linspace(0.3, 1.5, 241)
    losses = [-np.log(with_temperature(predictions, one, "single")[rows, targets]).mean() for one in grid]
    assert fit_temperature(targets, predictions, "single") == pytest.approx(grid[np.argmin(losses)], abs=0.006)


def test_temperature_stays_in_its_limits_when_all_is_right():
    assert fit_temperature([0, 1], [[0.6, 0.4], [0.3, 0.7]], "single") == pytest.approx(0.01)
    assert np.isfinite(with_temperature([[1.0, 0.0]], 0.01, "single")).all()


def test_bad_arguments_are_told():
    with pytest.raises(ValueError, match="temperature"):
        with_temperature([[0.5, 0.5]], 0, "single")
    with pytest.raises(ValueError, match="kind"):
        calibration_frame([0], [[1.0]], "both")
    with pytest.raises(ValueError, match="from 0 to 1"):
        calibration_frame([0], [[2.0, -3.0]], "single")
