"""Memory stays bounded: learners that are dropped, predictions and fits that repeat."""

import gc
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf

STATM = pathlib.Path("/proc/self/statm")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not STATM.is_file(), reason="asks Linux for the memory in use")]
MIB = 2**20


def used() -> int:
    """Bytes of memory that this process holds."""
    gc.collect()
    return int(STATM.read_text().split()[1]) * 4096


def make_learner(path) -> kf.Learner:
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(256, "relu"), keras.layers.Dense(1)])
    data = tf.data.Dataset.from_tensor_slices((np.ones((16, 8), "float32"), np.ones((16, 1), "float32"))).batch(8)
    return kf.Learner(model, kf.Datasets(data, data, path=path), loss="mse", optimizer=keras.optimizers.Adam)


def test_learners_that_are_dropped_cost_no_more_than_models_of_keras(tmp_path):
    """Keras and TensorFlow keep 6 MiB of each model that was trained and dropped; a learner must not add to that."""
    for _ in range(3):
        make_learner(tmp_path).fit(0.01, 1)
    before = used()
    for _ in range(12):
        make_learner(tmp_path).fit(0.01, 1)
    assert used() - before < 12 * 8 * MIB


def test_predicting_and_fitting_again_costs_nothing(tmp_path):
    learn = make_learner(tmp_path)
    for _ in range(3):
        learn.fit(0.01, 1, cycle_len=1)
        learn.predict()
    before = used()
    for _ in range(50):
        learn.predict()
    for _ in range(15):
        learn.fit(0.01, 1, cycle_len=1)
    assert used() - before < 16 * MIB
