"""The learning-rate finder: what it sees, when it stops and that it leaves no trace."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf
from kerasfast.keras_internals import set_global_seed_generator


def model_and_data(n: int = 64, batch: int = 8):
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(n, 5)).astype("float32")
    y = (x @ generator.normal(size=(5, 1)) + 0.1 * generator.normal(size=(n, 1))).astype("float32")
    model = keras.Sequential(
        [keras.layers.Input((5,)), keras.layers.Dense(8, "relu"), keras.layers.BatchNormalization(),
         keras.layers.Dropout(0.2), keras.layers.Dense(1)]
    )  # fmt: skip
    return model, tf.data.Dataset.from_tensor_slices((x, y)).batch(batch)


def test_tiny_data_is_gone_round_as_often_as_needed():
    model, data = model_and_data(n=16)
    model.compile(keras.optimizers.SGD(), loss="mse")
    found = kf.find_learning_rate(model, data, end=0.1, steps=60)
    assert len(found.losses) == 60 and not found.diverged
    np.testing.assert_allclose(found.learning_rates[:, 0], np.geomspace(1e-5, 0.1, 60), rtol=1e-5)


@pytest.mark.parametrize("linear", [False, True])
def test_groups_keep_their_proportions(linear):
    model, data = model_and_data()
    groups = kf.LayerGroups.split(model, [1, 3])
    model.compile(kf.grouped(keras.optimizers.SGD, groups, learning_rates=[0.1, 0.2, 0.3]), loss="mse")
    found = kf.find_learning_rate(model, data, start=[1e-6, 1e-5, 1e-4], end=1e-2, steps=20, linear=linear)
    space = np.linspace if linear else np.geomspace
    np.testing.assert_allclose(found.learning_rates[:, 2], space(1e-4, 1e-2, 20), rtol=1e-5)
    np.testing.assert_allclose(found.learning_rates[:, 0], found.learning_rates[:, 2] / 100, rtol=1e-5)
    recorder = kf.Recorder()
    model.fit(data, callbacks=[recorder], shuffle=False, verbose=0)
    np.testing.assert_allclose(recorder.learning_rates[0], [0.1, 0.2, 0.3], rtol=1e-6)


@pytest.mark.parametrize("steps_per_execution", [1, 8])
def test_divergence_stops_the_run_early(steps_per_execution):
    model, data = model_and_data()
    model.compile(keras.optimizers.SGD(), loss="mse", steps_per_execution=steps_per_execution)
    found = kf.find_learning_rate(model, data, start=1e-3, end=1e6, steps=100)
    assert found.diverged and 10 < len(found.losses) < 100
    assert found.suggestion < found.learning_rates[-1, 0]


def test_nan_stops_the_run_and_still_leaves_sound_weights():
    model, data = model_and_data()

    def loss(y, p):
        zero = tf.math.log(1.0 - 1e3 * tf.reduce_sum(tf.abs(p)) * 0)
        return tf.reduce_mean(zero + tf.square(y - p) * tf.where(tf.reduce_max(tf.abs(p)) > 5.0, np.nan, 1.0))

    model.compile(keras.optimizers.SGD(), loss=loss)
    found = kf.find_learning_rate(model, data, start=1e-4, end=1e3, steps=80)
    assert found.diverged
    assert all(np.all(np.isfinite(weight)) for weight in model.get_weights())


@pytest.mark.slow
def test_no_trace_is_left():
    """A fit after the finder gives exactly what it gives without it: weights, slots, statistics, dropout, shuffling."""
    results = []
    for find in (False, True):
        model, data = model_and_data()
        model.compile(keras.optimizers.Adam(0.01), loss="mse")
        model.fit(data, shuffle=False, verbose=0)
        random.seed(3)
        np.random.seed(4)
        tf.random.get_global_generator().reset_from_seed(5)
        set_global_seed_generator(keras.random.SeedGenerator(6))
        if find:
            kf.find_learning_rate(model, data, steps=30)
        model.fit(data, epochs=2, shuffle=False, verbose=0)
        state = [
            random.random(),
            np.random.rand(),
            float(tf.random.get_global_generator().uniform([])),
            float(keras.random.uniform(())),
        ]
        results.append([*(v.numpy() for v in model.variables), *(v.numpy() for v in model.optimizer.variables), state])
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_suggestion_lies_on_the_falling_side():
    rates = np.geomspace(1e-5, 10, 100)
    losses = 1.0 - 0.8 / (1 + np.exp(-4 * (np.log10(rates) + 2))) + np.maximum(0, np.log10(rates)) * 3
    found = kf.LearningRateSearch(rates[:, None], losses, False)
    assert 1e-3 < found.suggestion < 1e-1


def test_suggestion_smooth_curve_and_plot_are_one():
    rates = np.geomspace(1e-5, 10, 100)
    losses = 1.0 - 0.8 / (1 + np.exp(-4 * (np.log10(rates) + 2))) + np.where(rates > 1, 50 * rates, 0)
    losses[-1] = np.nan
    found = kf.LearningRateSearch(rates[:, None], losses, True)
    curve = found.smoothed
    fallen = np.interp(found.suggestion, rates, curve)
    assert fallen == pytest.approx(1.0 - 0.9 * (1.0 - curve.min()), abs=0.05)
    assert np.isfinite(curve).all() and curve.max() <= 2.01
    lines = {line.get_label(): line.get_xydata() for line in found.plot().lines}
    shown = lines["smoothed"]
    np.testing.assert_allclose(shown[:, 1], np.interp(shown[:, 0], rates, curve), rtol=1e-6)
    assert any(np.isclose(line[:, 0], found.suggestion).all() for line in lines.values())


def test_several_steps_per_call_make_no_more_steps_than_asked_for():
    model, data = model_and_data()
    model.compile(keras.optimizers.SGD(), loss="mse", steps_per_execution=7)
    search = kf.find_learning_rate(model, data, start=1e-4, end=1e-2, steps=10)
    np.testing.assert_allclose(search.learning_rates[:, 0], np.geomspace(1e-4, 1e-2, 10), rtol=1e-5)
    assert len(search.losses) == 10


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scatter", [0.0, 0.1, 0.3])
def test_the_suggestion_withstands_scatter_and_an_explosion(seed, scatter):
    rates = np.geomspace(1e-5, 10, 100)
    losses = 1.0 - 0.9 / (1 + np.exp(-4 * (np.log10(rates) + 2))) + np.where(rates > 1, 50 * rates, 0)
    losses = losses * np.exp(scatter * np.random.default_rng(seed).normal(size=100))
    losses[-1] = np.nan
    assert 1e-3 < kf.LearningRateSearch(rates[:, None], losses, True).suggestion < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_a_flat_curve_suggests_a_tenth_of_where_it_rises(seed):
    rates = np.geomspace(1e-5, 10, 100)
    losses = 0.1 + 0.02 * np.random.default_rng(seed).normal(size=100) + np.maximum(0, np.log10(rates)) * 5
    assert 0.01 < kf.LearningRateSearch(rates[:, None], losses, False).suggestion < 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 1}, "`steps` must be a whole number, from 2 to 1000000; received 1"),
        ({"start": 1.0, "end": 0.1}, "0 < start < end"),
        ({"start": 0.0}, "0 < start < end"),
        ({"start": [1e-5, 1e-4]}, "`start` has 2 values but the model has 1 layer group"),
    ],
)
def test_senseless_arguments_are_refused(arguments, message):
    model, data = model_and_data()
    model.compile("sgd", loss="mse")
    with pytest.raises(ValueError, match=message):
        kf.find_learning_rate(model, data, **arguments)


def test_empty_data_is_refused():
    model, data = model_and_data()
    model.compile("sgd", loss="mse")
    with pytest.raises(ValueError, match="without a single batch"):
        kf.find_learning_rate(model, data.take(0))


class OwnStep(keras.Model):
    """A model whose training step passes no loss through the optimizer."""

    def __init__(self, inner: keras.Model, name: str = "loss"):
        super().__init__()
        self.inner, self._name = inner, name
        self.mean_loss = keras.metrics.Mean(name="loss")
        self.build((None, 5))

    def build(self, shape):
        self.built = True

    def call(self, inputs, training=False):
        return self.inner(inputs, training=training)

    @property
    def metrics(self):
        return [self.mean_loss]

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - self(x, training=True)))
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        self.mean_loss.update_state(loss)
        return {self._name: self.mean_loss.result()}


@pytest.mark.parametrize("steps_per_execution", [1, 4])
def test_a_training_step_of_ones_own_is_seen_by_what_it_returns(steps_per_execution):
    model, data = model_and_data()
    own = OwnStep(model)
    own.compile(keras.optimizers.SGD(), steps_per_execution=steps_per_execution)
    before = own.get_weights()
    found = kf.find_learning_rate(own, data, start=1e-4, end=1e4, steps=100)
    assert found.diverged and 3 < len(found.losses) < 100 and len(found.losses) == len(found.learning_rates)
    assert np.all(np.diff(found.learning_rates[:, 0]) > 0)
    for now, old in zip(own.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, old)


def test_a_training_step_that_returns_no_loss_is_named():
    model, data = model_and_data()
    own = OwnStep(model, "penalty")
    own.compile(keras.optimizers.SGD())
    with pytest.raises(ValueError, match="returns no 'loss'"):
        kf.find_learning_rate(own, data, steps=5)


class Batches(keras.utils.PyDataset):
    """Three batches, in order."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        random = np.random.default_rng(index)
        return random.normal(size=(8, 5)).astype("float32"), random.normal(size=(8, 1)).astype("float32")


def test_a_dataset_in_python_and_arrays_by_name_are_gone_round_too():
    model, _ = model_and_data()
    model.compile(keras.optimizers.SGD(), loss="mse")
    assert len(kf.find_learning_rate(model, Batches(), end=0.01, steps=20).losses) == 20
    with pytest.raises(ValueError, match="takes a batched `tf.data.Dataset`.*received int"):
        kf.find_learning_rate(model, 3)
