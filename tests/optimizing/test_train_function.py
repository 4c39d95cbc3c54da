"""The owner of the train function: what it keeps, what it forgets, and steps that are wrapped in any order."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf
from kerasfast.optimizing.control import control_of
from kerasfast.optimizing.train_function import STEPS, WRAPS, train_function_of

INPUTS, TARGETS = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")


class Counting:
    """A loss that counts how often it is traced."""

    def __init__(self):
        self.traces = 0

    def __call__(self, y_true, y_pred):
        self.traces += 1
        return tf.reduce_mean(tf.square(y_true - y_pred))


def make_model(loss=None, **arguments) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, name="early"), keras.layers.Dense(1, name="late")]
    )
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss=loss or "mse", **arguments)
    return model


def fit(model: keras.Model) -> None:
    model.fit(INPUTS, TARGETS, batch_size=4, shuffle=False, verbose=0)


def test_a_model_has_one_owner_which_compile_does_not_remove():
    model = make_model()
    owner = train_function_of(model)
    assert train_function_of(model) is owner and model.train_function is owner
    model.compile("sgd", "mse")
    assert model.train_function is None
    fit(model)
    assert model.train_function is owner


@pytest.mark.slow
def test_compiling_again_traces_again_and_an_unchanged_model_does_not():
    loss = Counting()
    model = make_model(loss)
    train_function_of(model)
    fit(model)
    traces = loss.traces
    fit(model)
    assert loss.traces == traces
    model.compile("sgd", loss)
    fit(model)
    assert loss.traces > traces
    traces = loss.traces
    train_function_of(model).forget()
    fit(model)
    assert loss.traces > traces


def test_flags_set_by_hand_act_at_the_next_fit_and_the_function_before_comes_back():
    loss = Counting()
    model = make_model(loss)
    train_function_of(model)
    fit(model)
    model.get_layer("early").trainable = False
    before = model.get_weights()
    fit(model)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert not np.array_equal(model.get_weights()[2], before[2])
    traces = loss.traces
    model.get_layer("early").trainable = True
    fit(model)
    assert loss.traces == traces and not np.array_equal(model.get_weights()[0], before[0])


def test_what_a_control_asks_for_later_is_traced_without_being_told():
    model = make_model()
    groups = kf.LayerGroups.split(model, ["late"])
    model.compile(
        kf.grouped(keras.optimizers.SGD, groups, learning_rates=0.1), loss=lambda y, p: 0.0 * tf.reduce_mean(p)
    )
    fit(model)
    before = model.get_weights()
    control_of(model.optimizer).set_rates(weight_decays=[0.0, 0.5])
    fit(model)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    np.testing.assert_allclose(model.get_weights()[2], before[2] * 0.95**2, rtol=1e-5)


@pytest.mark.parametrize("broken", [1, 2, 3])
def test_a_first_call_that_was_broken_off_is_not_kept(broken):
    """Ctrl-C while a step is traced: TensorFlow's function is then of no use, the model is."""
    calls = []

    def loss(y_true, y_pred):
        calls.append(1)
        if len(calls) == broken:
            raise KeyboardInterrupt
        return tf.reduce_mean(tf.square(y_true - y_pred))

    model = make_model(loss)
    owner = train_function_of(model)
    before = model.get_weights()
    try:
        fit(model)
    except KeyboardInterrupt:
        assert not owner.kept
    fit(model)
    assert owner.kept == 1 and np.all(np.isfinite(model.get_weights()[0]))
    assert not np.array_equal(model.get_weights()[0], before[0])


@pytest.mark.parametrize("order", [*itertools.permutations(WRAPS)])
def test_wraps_come_in_any_order(order):
    model, seen = make_model(run_eagerly=True), []

    def noting(kind):
        return lambda step: lambda data: (seen.append(kind), step(data))[1]

    owner = train_function_of(model)
    for kind in order:
        owner.wrap("train_step", kind, noting(kind))
    model.fit(INPUTS, TARGETS, batch_size=8, verbose=0)
    assert seen == [*reversed(WRAPS)]
    seen.clear()
    for kind in order:
        owner.wrap("train_step", kind, None)
    model.fit(INPUTS, TARGETS, batch_size=8, verbose=0)
    assert not seen and not vars(model).keys() & set(STEPS)


@pytest.mark.slow
def test_a_wrap_reaches_a_step_traced_before():
    model = make_model()
    fit(model)
    owner = train_function_of(model)
    fit(model)
    before = model.get_weights()
    still = lambda step: lambda data: model.get_metrics_result()
    owner.wrap("train_step", "transform", still)
    fit(model)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    owner.wrap("train_step", "transform", None)
    fit(model)
    assert not np.array_equal(model.get_weights()[0], before[0])


def test_what_was_to_last_for_a_fit_is_undone_at_its_end_or_before_the_next():
    model, undone = make_model(), []
    owner = train_function_of(model)
    owner.until_fit_ends(lambda: undone.append(1))
    owner.finish()
    owner.finish()
    assert undone == [1]
    owner.until_fit_ends(lambda: undone.append(2))
    fit(model)
    assert undone == [1, 2]


@pytest.mark.slow
def test_a_saved_model_has_no_part_of_it(tmp_path):
    model = make_model()
    train_function_of(model).wrap("train_step", "transform", lambda step: step)
    fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
    assert not [name for name in vars(loaded) if "kerasfast" in name]
    model.export(tmp_path / "exported", verbose=False)
    fit(model)
