"""Boosted trees: they find steps and products, end when held-out rows gain nothing, and are the arrays they say."""

import numpy as np
import pytest

from kerasfast.tabular.companions import trees


def rows(count=800, seed=0):
    random = np.random.default_rng(seed)
    values = random.normal(size=(count, 4)).astype(np.float32)
    rule = (values[:, 0] > 0.3) * 2 + values[:, 1] * values[:, 2]
    return values, rule[:, None].astype(np.float32), np.ones(count, np.float32)


def test_a_rule_that_no_line_fits_is_found_in_the_time_that_held_out_rows_allow():
    values, targets, weights = rows()
    new, expected, _ = held = rows(400, seed=1)
    grown = trees.grown(values, targets, "linear", weights, held=held, most=150)
    assert np.square(grown.outputs(new) - expected).mean() < 0.2 * expected.var()
    noise = np.random.default_rng(0).normal(size=targets.shape).astype(np.float32)
    nothing = trees.grown(values, noise, "linear", weights, held=(new, noise[:400], weights[:400]))
    assert len(nothing.leaves) < 30


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_answers_are_probabilities_of_what_there_is(activation):
    values, rule, weights = rows(600)
    targets = np.eye(3, dtype=np.float32)[np.digitize(rule[:, 0], [0, 1])]
    grown = trees.grown(values, targets, activation, weights, most=60)
    answers = trees.Loss(activation).answers(grown.outputs(values))
    assert (answers.argmax(axis=1) == targets.argmax(axis=1)).mean() > 0.9
    assert ((answers > 0) & (answers < 1)).all()
    if activation == "softmax":
        np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-5)


def test_the_slopes_are_those_of_the_losses(rng):
    targets = np.eye(3)[rng.integers(0, 3, 5)]
    for activation in ("linear", "softmax", "sigmoid"):
        loss, outputs = trees.Loss(activation), rng.normal(size=(5, 3))
        step = 1e-5 * np.eye(3)[1]
        value = lambda at, loss=loss: loss.losses(targets, loss.answers(at))
        numeric = (value(outputs - step) - value(outputs + step)) / 2e-5 / (2 if activation == "linear" else 1)
        np.testing.assert_allclose(loss.slopes(targets, outputs)[0][:, 1], numeric, rtol=1e-4, atol=1e-7)


def test_rows_without_weight_teach_nothing():
    values, targets, weights = rows()
    wrong = np.where(np.arange(len(values))[:, None] % 2, targets, 50)
    kept = trees.grown(values, wrong, "linear", weights * (np.arange(len(values)) % 2), most=60)
    assert np.abs(kept.outputs(values) - targets).max() < 10


def test_columns_are_cut_between_their_values():
    assert trees.edges(np.array([3, 1, 1, 2], np.float32)).tolist() == [1.5, 2.5]
    assert trees.edges(np.ones(5, np.float32)).tolist() == []
    many = np.random.default_rng(0).exponential(size=5000).astype(np.float32)
    counts = np.histogram(many, [-1, *trees.edges(many), 99])[0]
    assert len(counts) == trees.BINS and counts.min() > 0.8 * counts.max()
    mostly = np.where(np.arange(1000) % 10 > 0, 0, np.arange(1000)).astype(np.float32)
    assert 0 < trees.edges(mostly)[0] < 40


def test_where_nothing_varies_there_is_the_mean_alone():
    targets = np.array([[1.0], [3.0]], np.float32)
    grown = trees.grown(np.ones((2, 1), np.float32), targets, "linear", np.array([3.0, 1.0], np.float32))
    assert grown.leaves.shape == (0, 2**trees.DEPTH, 1) and grown.outputs(np.ones((2, 1))).tolist() == [[1.5], [1.5]]
