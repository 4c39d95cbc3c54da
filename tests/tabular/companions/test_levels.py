"""Means of the target by level: drawn to the mean of all, and for a row of training blind to its own target."""

import numpy as np
import pytest

from kerasfast.tabular.companions.levels import LevelMeans, count_told, means_before, told_apart


def test_rare_levels_are_drawn_to_the_mean_of_all():
    codes = np.array([[1]] * 95 + [[2]] * 5, np.int32)
    targets, weights = np.where(codes == 2, 1.0, 0.0).astype(np.float32), np.ones(100, np.float32)
    means = LevelMeans.of(codes, targets, weights, {"kind": 4})
    np.testing.assert_allclose(means.tables[0][:, 0], [0.05, 0.25 / 100, 5.25 / 10, 0.05], rtol=1e-5)
    assert means.numbers(np.array([[2], [0]]))[:, 0].tolist() == pytest.approx([0.525, 0.05])
    assert LevelMeans.of(codes[:, :0], targets, weights, {}).numbers(codes[:, :0]).shape == (100, 0)


def test_no_row_looks_at_its_own_target(rng):
    codes, targets = rng.integers(0, 3, (60, 2)), rng.normal(size=(60, 1)).astype(np.float32)
    weights = rng.random(60).astype(np.float32)
    found = means_before(codes, targets, weights, seed=3)
    order = np.random.default_rng(3).permutation(60).tolist()
    for row in (7, order[0]):
        before = [one for one in order[: order.index(row)] if codes[one, 1] == codes[row, 1]]
        mean, prior = np.average(targets[:, 0], weights=weights), 5 * weights.mean()
        expected = (np.sum(weights[before] * targets[before, 0]) + prior * mean) / (weights[before].sum() + prior)
        assert found[row, 1] == pytest.approx(expected, rel=1e-4)


def test_of_two_classes_one_says_all():
    two, many = np.eye(2, dtype=np.float32)[[0, 1, 1]], np.eye(6, dtype=np.float32)[[5, 5, 0]]
    assert told_apart(two, "softmax").tolist() == [[0], [1], [1]]
    assert told_apart(many, "softmax")[:, 0].tolist() == [1, 1, 0]
    for outputs, activation in ((2, "softmax"), (6, "softmax"), (1, "linear"), (7, "sigmoid")):
        assert told_apart(np.zeros((3, outputs)), activation).shape[1] == count_told(outputs, activation)
