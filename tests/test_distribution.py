"""Two replicas train as one device does: the program runs in a process of its own, for devices are fixed at its start."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

PROGRAM = """
import json

import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras
import kerasfast as kf


def train(strategy):
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    inputs = random.normal(size=(64, 6)).astype("float32")
    targets = (inputs @ random.normal(size=(6, 1))).astype("float32")
    batches = tf.data.Dataset.from_tensor_slices((inputs, targets)).batch(16)
    layers = keras.layers
    with strategy.scope():
        model = keras.Sequential(
            [keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(8, "relu", name="b"), layers.Dense(1, name="c")]
        )
        groups = kf.LayerGroups.split(model, ["b", "c"])
        learn = kf.Learner(model, kf.Datasets(batches, batches), groups=groups, loss="mse", metrics=["mae"])
        learn.freeze()
        learn.fit(0.05, 1, cycle_len=2)
        early = learn.model.layers[0].get_weights()[0].tolist()
        learn.unfreeze()
        history = learn.fit([0.005, 0.01, 0.05], 2, wds=1e-3, cycle_len=1, cycle_mult=2).history
        return {
            "losses": learn.recorder.losses.tolist(),
            "rates": learn.recorder.learning_rates.tolist(),
            "history": [history[name] for name in ("loss", "val_loss", "val_mae")],
            "predictions": learn.predict().tolist(),
            "frozen": early,
            "weights": [weight.tolist() for weight in model.get_weights()],
        }


one = train(tf.distribute.get_strategy())
two = train(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
print(json.dumps([one, two]))
"""


@pytest.fixture(scope="module")
def runs() -> list[dict]:
    """What training gave on one device and on two."""
    root = pathlib.Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize("name", ["losses", "rates", "history", "predictions", "frozen"])
def test_two_replicas_give_the_curve_of_one_device(runs, name):
    one, two = (np.array(run[name]) for run in runs)
    np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-5)


def test_the_curve_falls_and_the_rates_are_those_of_the_groups(runs):
    for run in runs:
        assert run["losses"][-1] < run["losses"][0] / 2
        assert np.allclose(np.array(run["rates"]) / np.array(run["rates"])[:, 2:], [0.1, 0.2, 1.0], rtol=1e-4)
