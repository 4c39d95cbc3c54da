"""A linear layer solved on features: as scikit-learn does, with weights, with features that hardly vary."""

import numpy as np
import pytest

from kerasfast.optimizing.lbfgs import minimize
from kerasfast.optimizing.linear_fit import fit_linear


def rows(count: int, classes: int, seed: int = 0, features: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Features of very different sizes, and classes that a noisy linear rule gives."""
    random = np.random.default_rng(seed)
    sizes = np.geomspace(0.2, 5, features)
    x = random.normal(size=(count, features))
    rule = np.random.default_rng(100).normal(size=(features, classes)) / np.sqrt(features) * 2
    classes = (x @ rule + random.gumbel(size=(count, classes))).argmax(axis=1)
    return (x * sizes + np.linspace(-3, 3, features)).astype(np.float32), classes


def test_lbfgs_finds_the_bottom_of_a_narrow_valley():
    widths = np.geomspace(1, 1e4, 30)

    def valley(p):
        return float(np.sum(widths * (p - 1) ** 2 + np.logaddexp(p, -p))), 2 * widths * (p - 1) + np.tanh(p)

    found = minimize(valley, np.full(30, 3.0), tolerance=1e-15)
    np.testing.assert_allclose(valley(found)[1], 0, atol=1e-3)


@pytest.mark.parametrize(("count", "features"), [(300, 40), (60, 90)])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "linear"])
def test_the_solution_is_scikit_learns_for_the_same_weight_decay(activation, count, features):
    from sklearn.linear_model import LogisticRegression, Ridge

    x, classes = rows(count, 3, features=features)
    targets = np.eye(3)[classes] + (np.random.default_rng(1).normal(size=(count, 3)) if activation == "linear" else 0)
    fit = fit_linear(x, targets, activation)
    scaled = (x - fit.mean) / fit.scale
    strength = 1 / (fit.weight_decay * count)
    if activation == "softmax":
        other = LogisticRegression(C=strength, max_iter=5000, tol=1e-6).fit(scaled, classes)
        expected = other.decision_function(scaled)
        expected -= expected.mean(axis=1, keepdims=True)
        outputs = fit.outputs(x) - fit.outputs(x).mean(axis=1, keepdims=True)
    elif activation == "sigmoid":
        others = [LogisticRegression(C=strength, max_iter=5000, tol=1e-6).fit(scaled, column) for column in targets.T]
        expected, outputs = np.stack([other.decision_function(scaled) for other in others], axis=1), fit.outputs(x)
    else:
        # The penalty is on the kernel for standardised targets.
        unit = targets.std(axis=0)
        expected = Ridge(alpha=1 / strength).fit(scaled, targets / unit).predict(scaled) * unit
        outputs = fit.outputs(x)
    np.testing.assert_allclose(outputs, expected, atol=0.05 * np.abs(expected).max())


def test_the_weight_decay_is_one_that_predicts_new_rows_well():
    x, classes = rows(120, 3)
    new, truth = rows(2000, 3, seed=1)
    fit = fit_linear(x, np.eye(3)[classes], "softmax")
    assert min(fit.tried) < fit.weight_decay < max(fit.tried)

    def loss(outputs):
        return np.mean(np.log(np.exp(outputs).sum(axis=1)) - outputs[np.arange(len(truth)), truth])

    reached = loss(fit.outputs(new))
    assert reached < np.log(3) * 0.85
    assert reached == pytest.approx(min(fit.tried.values()), rel=0.35)


def test_a_feature_that_hardly_varies_in_training_is_not_blown_up():
    x, classes = rows(100, 2)
    x = np.concatenate([x, np.zeros((100, 1), np.float32)], axis=1)
    x[0, -1] = 1e-4
    fit = fit_linear(x, np.eye(2)[classes], "softmax")
    new = x.copy()
    new[:, -1] = 1.0
    assert np.abs(fit.outputs(new) - fit.outputs(x)).max() < 0.5


def test_a_weight_counts_as_often_as_the_row_would():
    x, classes = rows(80, 3)
    targets = np.eye(3)[classes]
    weights = np.where(classes == 0, 3.0, 1.0)
    fit = fit_linear(x, targets, "softmax", weights=weights)

    def surprise(fitted):  # weighted mean of predictions minus targets, which the bias of a converged fit makes 0
        powers = np.exp(fitted.outputs(x))
        return np.average(powers / powers.sum(axis=1, keepdims=True) - targets, axis=0, weights=weights)

    np.testing.assert_allclose(surprise(fit), 0, atol=1e-3)
    assert np.abs(surprise(fit_linear(x, targets, "softmax"))).max() > 1e-2


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "linear"])
def test_constant_features_and_very_few_rows(activation):
    x = np.ones((3, 5), np.float32)
    fit = fit_linear(x, np.eye(3)[[0, 0, 1]], activation)
    assert np.isfinite(fit.outputs(x)).all()
    one = fit_linear(x[:1], np.eye(3)[[0]], activation)
    assert np.isfinite(one.outputs(x)).all()


def test_a_block_that_only_disturbs_is_left_out():
    x, classes = rows(100, 3)
    targets = np.eye(3)[classes]
    noise = np.random.default_rng(5).normal(size=(100, 200)).astype(np.float32) * 50
    blocks = (slice(0, 200), slice(200, None))
    fit = fit_linear(np.hstack([noise, x]), targets, "softmax", blocks=blocks)
    assert not fit.kernel[:200].any()
    np.testing.assert_allclose(
        fit.outputs(np.hstack([noise, x])), fit_linear(x, targets, "softmax").outputs(x), atol=0.02
    )
    half = fit_linear(x, targets, "softmax", blocks=(slice(0, 20), slice(20, None)))
    assert half.kernel[:20].any()
