"""torch's rules for Keras's optimizers against their formulas in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf
from kerasfast.optimizing.control import control_of
from kerasfast.optimizing.torch_rules import TorchRules, follow_torch, keep_slots, start_afresh

START, TARGET = np.array([[1.0], [-2.0]], np.float32), 3.0
RATES, DECAY = [0.1, 0.1, 0.0, 0.02, 0.05], 0.3


def slope(weights: np.ndarray) -> np.ndarray:
    """The gradient of (w0 + 2 w1 - 3)^2."""
    x = np.array([[1.0], [2.0]])
    return 2 * (x.T @ weights - TARGET) * x


def trained(make, *, decay_in_gradient: bool = True, fits: int = 1) -> np.ndarray:
    """The weights of one neuron after following RATES with DECAY, with Keras and kerasfast."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([START])
    groups = kf.LayerGroups.split(model, [])
    model.compile(kf.grouped(follow_torch(make()), groups, learning_rates=1.0, weight_decays=DECAY), loss="mse")
    rows = tf.data.Dataset.from_tensors(([[1.0, 2.0]], [[TARGET]])).repeat(len(RATES))
    table = lambda time: np.asarray(RATES)[np.minimum(np.asarray(time, int), len(RATES) - 1)]
    for _ in range(fits):
        follow = kf.Schedule(learning_rate=table, unit="steps")
        rules = TorchRules(decay_in_gradient=decay_in_gradient)
        model.fit(rows, verbose=0, callbacks=[follow, rules])
    return model.get_weights()[0]


def sgd(momentum: float, nesterov: bool, *, decoupled: bool = False, fits: int = 1) -> np.ndarray:
    """What torch.optim.SGD does."""
    weights = START.astype(float)
    for _ in range(fits):
        buffer = np.zeros_like(weights)
        for rate in RATES:
            gradient = slope(weights)
            if decoupled:
                weights = weights * (1 - rate * DECAY)
            else:
                gradient = gradient + DECAY * weights
            buffer = momentum * buffer + gradient
            weights = weights - rate * (gradient + momentum * buffer if nesterov else buffer)
    return weights


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_keeps_the_rate_outside_its_momentum_and_decays_in_the_gradient(nesterov):
    make = lambda: keras.optimizers.SGD(momentum=0.9, nesterov=nesterov)
    np.testing.assert_allclose(trained(make), sgd(0.9, nesterov), rtol=1e-5)


def test_weight_decay_can_be_decoupled_for_a_fit_and_a_fit_begins_with_an_empty_buffer():
    make = lambda: keras.optimizers.SGD(momentum=0.9)
    np.testing.assert_allclose(trained(make, decay_in_gradient=False), sgd(0.9, False, decoupled=True), rtol=1e-5)
    np.testing.assert_allclose(trained(make, fits=2), sgd(0.9, False, fits=2), rtol=1e-5)


def test_sgd_without_momentum():
    np.testing.assert_allclose(trained(keras.optimizers.SGD), sgd(0.0, False), rtol=1e-5)


def test_adam_sees_the_decay_in_its_moments_and_adamw_does_not():
    weights, first, second = START.astype(float), 0.0, 0.0
    for step, rate in enumerate(RATES, start=1):
        gradient = slope(weights) + DECAY * weights
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        weights = weights - rate * first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    np.testing.assert_allclose(trained(lambda: keras.optimizers.Adam(epsilon=1e-8)), weights, rtol=1e-4)
    assert not getattr(follow_torch(keras.optimizers.AdamW()), "_kerasfast_decay_in_gradient", False)


@pytest.mark.parametrize("make", [keras.optimizers.Adagrad, keras.optimizers.Nadam, keras.optimizers.Adam])
def test_a_fresh_start_has_the_slots_of_a_new_optimizer_and_the_rates_stay(make):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(kf.grouped(make, kf.LayerGroups.split(model, []), learning_rates=0.25), loss="mse")
    new = [np.asarray(variable) for variable in model.optimizer.variables]
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    assert int(model.optimizer.iterations) == 1
    start_afresh(model.optimizer)
    for variable, value in zip(model.optimizer.variables, new, strict=True):
        np.testing.assert_array_equal(variable, value)
    assert control_of(model.optimizer).learning_rates.tolist() == [0.25]


def test_an_optimizer_may_go_on_with_its_slots():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = keep_slots(follow_torch(keras.optimizers.SGD(momentum=0.9)))
    model.compile(kf.grouped(optimizer, kf.LayerGroups.split(model, []), learning_rates=0.1), loss="mse")
    for _ in range(2):
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=[TorchRules()])
    assert int(model.optimizer.iterations) == 2


def test_a_saved_model_holds_a_plain_optimizer(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = follow_torch(keras.optimizers.SGD(momentum=0.9))
    model.compile(kf.grouped(optimizer, kf.LayerGroups.split(model, []), learning_rates=0.1), loss="mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    model.save(tmp_path / "model.keras")
    assert type(keras.models.load_model(tmp_path / "model.keras").optimizer) is keras.optimizers.SGD
