"""Shares of a mixture: those with the lowest loss, positive and of sum one."""

import numpy as np
import pytest

from kerasfast.tabular.companions.shares import best_shares


def test_independent_errors_are_weighted_by_their_size(rng):
    targets = rng.normal(size=(4000, 1))
    answers = np.stack([targets + size * rng.normal(size=targets.shape) for size in (0.3, 0.6, 2.0)])
    expected = np.array([1 / 0.09, 1 / 0.36, 1 / 4])
    np.testing.assert_allclose(
        best_shares(answers, targets, "linear", np.ones(4000)), expected / expected.sum(), atol=0.03
    )


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_no_other_shares_have_a_lower_loss(rng, activation):
    targets = np.eye(3)[rng.integers(0, 3, 500)]
    answers = np.stack([0.2 + 0.4 * targets, np.roll(targets, 40, axis=0) * 0.5 + 0.15, np.full(targets.shape, 1 / 3)])
    answers[0, ::3] = 1 - answers[0, ::3]
    if activation == "softmax":
        answers /= answers.sum(axis=2, keepdims=True)
    weights = rng.random(500)

    def loss(shares):
        mixture = np.tensordot(shares, answers, 1)
        right = (mixture * targets).sum(axis=1) if activation == "softmax" else np.abs(mixture - (1 - targets))
        return -np.average(np.log(right).reshape(500, -1).sum(axis=1), weights=weights)

    found = best_shares(answers, targets, activation, weights)
    assert found.sum() == pytest.approx(1) and (found >= 0).all()
    assert loss(found) <= min(loss(shares) for shares in rng.dirichlet(np.ones(3), 300)) + 1e-4
