"""What can be seen in one process; `test_distribution.py` trains in several."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf
from kerasfast.training.replicas import AverageStatistics, is_chief, prepare


def small_model() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)])


def train(strategy: tf.distribute.Strategy, batches: tf.data.Dataset) -> kf.Learner:
    keras.utils.set_random_seed(0)
    with strategy.scope():
        learn = kf.Learner(small_model(), kf.Datasets(batches, batches), loss="mse", steps_per_execution=2)
    learn.fit(0.1, 2, callbacks=[AverageStatistics()])
    return learn


@pytest.mark.slow
def test_a_strategy_of_one_device_changes_nothing(rng):
    inputs = rng.normal(size=(50, 3)).astype("float32")
    batches = tf.data.Dataset.from_tensor_slices((inputs, inputs[:, :1])).batch(8)
    one, same = (train(s, batches) for s in (tf.distribute.get_strategy(), tf.distribute.OneDeviceStrategy("CPU:0")))
    np.testing.assert_allclose(same.recorder.losses, one.recorder.losses, rtol=1e-5)
    np.testing.assert_allclose(same.predict(), one.predict(), rtol=1e-4, atol=1e-6)


def test_no_pass_over_the_data_goes_into_building_the_metrics():
    passes = []

    def elements():
        passes.append(len(passes))
        yield from ((np.ones((4, 3), "float32"), np.ones((4, 1), "float32")),) * 2

    signature = (tf.TensorSpec((4, 3)), tf.TensorSpec((4, 1)))
    data = tf.data.Dataset.from_generator(elements, output_signature=signature)
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        model = small_model()
        model.compile("sgd", "mse", metrics=["mae"])
    prepare(model)
    model.fit(data.apply(tf.data.experimental.assert_cardinality(2)), epochs=3, shuffle=False, verbose=0)
    assert len(passes) == 3


def test_a_model_from_outside_the_scope_is_refused():
    model = small_model()
    expected = pytest.raises(ValueError, match="made outside the scope of the OneDeviceStrategy; make it inside")
    with tf.distribute.OneDeviceStrategy("CPU:0").scope(), expected:
        prepare(model)


def test_a_process_alone_is_the_chief():
    assert is_chief() and is_chief(tf.distribute.OneDeviceStrategy("CPU:0"))
