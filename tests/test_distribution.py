"""Two replicas train as one device does. Each program is a process of its own, for devices are fixed at the start."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np
import pytest

PROGRAM = """
import json
import os
import pathlib
import sys

import numpy as np
import tensorflow as tf

if "TF_CONFIG" not in os.environ:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras
import kerasfast as kf
from kerasfast.optimizing.torch_rules import follow_torch
from kerasfast.training.replicas import prepare

layers = keras.layers


def train(strategy):
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    inputs = random.normal(size=(64, 6)).astype("float32")
    targets = (inputs @ random.normal(size=(6, 1))).astype("float32")
    train = tf.data.Dataset.from_tensor_slices((inputs, targets)).batch(16)
    valid = tf.data.Dataset.from_tensor_slices((inputs[:49], targets[:49])).batch(16)  # nothing is left for a replica
    with strategy.scope():
        model = keras.Sequential(
            [keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(8, "relu", name="b"), layers.Dense(1, name="c")]
        )
        groups = kf.LayerGroups.split(model, ["b", "c"])
        data = kf.Datasets(train, valid)
        learn = kf.Learner(model, data, groups=groups, loss="mse", metrics=["mae"], steps_per_execution=2)
    learn.freeze()
    search = learn.lr_find(1e-3, 1e-1, steps=6)
    learn.fit(0.05, 1, cycle_len=2)
    early = model.layers[0].get_weights()[0].tolist()
    learn.unfreeze()
    history = learn.fit([0.005, 0.01, 0.05], 2, wds=1e-3, cycle_len=1, cycle_mult=2).history
    result = {
        "search": search.losses.tolist(),
        "losses": learn.recorder.losses.tolist(),
        "rates": learn.recorder.learning_rates.tolist(),
        "history": [history[name] for name in ("loss", "val_loss", "val_mae")],
        "predictions": learn.predict().tolist(),
        "frozen": early,
    }
    metric = kf.ArrayMetric(lambda targets, predictions: np.mean((targets - predictions) ** 2), "mse")
    learn.loss = keras.losses.MeanSquaredError()
    learn.make_optimizer = lambda: follow_torch(keras.optimizers.SGD(momentum=0.9, nesterov=True))
    with strategy.scope():
        history = learn.fit(0.01, 1, 1e-2, metrics=[metric]).history
    result["array metric"] = [history["val_loss"], history["val_mse"]]
    return result


def plain(strategy):
    keras.utils.set_random_seed(0)
    inputs = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((inputs, inputs[:, :1])).batch(8)
    with strategy.scope():
        model = keras.Sequential([keras.Input((6,)), layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["mae"])
    prepare(model)
    history = model.fit(data, epochs=2, verbose=0).history
    return {"plain": [*history["loss"], *history["mae"], *model.evaluate(data, verbose=0)]}


def draw(count, random):
    targets = random.integers(0, 3, count)
    pixels = random.integers(0, 150, (count, 40, 40, 3)) + 80 * np.eye(3, dtype=int)[targets][:, None, None]
    return pixels.astype("uint8"), targets


def classify(strategy, path):
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    train, valid, (test, _) = (draw(count, random) for count in (32, 13, 9))
    data = kf.ImageData.from_arrays(
        train, valid, test=test, transforms=kf.transforms_side_on(32), batch_size=8, path=path
    )
    with strategy.scope():
        inputs = keras.Input((None, None, 3))
        outputs = layers.Conv2D(12, 3, 2, activation="relu")(layers.Conv2D(8, 3, 2, activation="relu")(inputs))
        backbone = kf.Backbone.from_model(keras.Model(inputs, layers.BatchNormalization()(outputs)), preprocess="tf")
        head = [layers.GlobalAveragePooling2D(), layers.Dense(16, "relu"), layers.Dense(3, "softmax")]
        learn = kf.ImageLearner.pretrained(backbone, data, custom_head=head, precompute=True)
    learn.fit(0.05, 2)
    stored = learn.recorder.losses.tolist()
    learn.precompute = False
    learn.fit(0.05, 2)
    result = {
        "stored features": stored,
        "pictures": learn.recorder.losses.tolist(),
        "validation": [list(epoch.values()) for epoch in learn.recorder.epochs],
        "test": learn.predict(is_test=True).tolist(),
        "views": learn.tta(2)[0].tolist(),
        "one": learn.predict_image(test[0]).tolist(),
    }
    learn.unfreeze()
    learn.fit([0.001, 0.01, 0.05], 1, cycle_len=2)
    learn.save("trained")
    after = {"weights": weights(learn.model), "unfrozen": learn.predict().tolist()}
    learn.load("trained")
    return result, after | {"loaded": weights(learn.model), "best": learn.predict().tolist()}


def weights(model):
    return [weight.ravel().tolist() for weight in model.get_weights()]


folder, index = pathlib.Path(sys.argv[1]), sys.argv[2]
if "TF_CONFIG" in os.environ:
    strategies = [tf.distribute.MultiWorkerMirroredStrategy()]
else:
    strategies = [tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])]
results = []
for number, strategy in enumerate(strategies):
    path = folder / str(number)
    path.mkdir(exist_ok=True)
    same, own = classify(strategy, path)
    results.append({**train(strategy), **plain(strategy), **same, "own": own})
(folder / f"{index}.json").write_text(json.dumps(results))
"""
SECONDS = 300


def run(environments: Sequence[tuple[pathlib.Path, dict[str, str]]]) -> list[list[dict]]:
    """Run the program in each folder and environment, all at the same time; return what each run wrote."""
    root, processes = pathlib.Path(__file__).resolve().parents[1], []
    try:
        for index, (folder, environment) in enumerate(environments):
            with open(folder / f"{index}.log", "w") as log:
                command = [sys.executable, "-c", PROGRAM, str(folder), str(index)]
                processes.append(
                    subprocess.Popen(command, stdout=log, stderr=log, cwd=root, env=os.environ | environment)
                )
        end, codes = time.monotonic() + SECONDS, [None]
        while None in codes and not any(codes) and time.monotonic() < end:  # one that fails leaves the others waiting
            time.sleep(0.2)
            codes = [process.poll() for process in processes]
        logs = [(folder / f"{index}.log").read_text()[-3000:] for index, (folder, _) in enumerate(environments)]
        assert codes == [0] * len(processes), "\n".join(logs)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return [json.loads((folder / f"{index}.json").read_text()) for index, (folder, _) in enumerate(environments)]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def trained() -> tuple[list[dict], list[dict]]:
    """What training gave on one device and on two of the same process, and in each of two processes."""
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    configurations = [{"cluster": cluster, "task": {"type": "worker", "index": index}} for index in range(2)]
    with tempfile.TemporaryDirectory() as shared, tempfile.TemporaryDirectory() as devices:
        environments = [{"TF_CONFIG": json.dumps(configuration)} for configuration in configurations]
        *results, one_and_two = run(
            [*((pathlib.Path(shared), one) for one in environments), (pathlib.Path(devices), {})]
        )
        logs = [pathlib.Path(shared, f"{index}.log").read_text() for index in range(2)]
    return one_and_two, [{**result, "log": log} for (result,), log in zip(results, logs, strict=True)]


pytestmark = [pytest.mark.slow, pytest.mark.beside(run=trained)]


@pytest.fixture
def one_and_two(beside) -> list[dict]:
    return beside[0]


@pytest.fixture
def workers(beside) -> list[dict]:
    return beside[1]


SAME = [
    "search", "losses", "rates", "history", "predictions", "frozen", "array metric",
    "plain", "stored features", "pictures", "validation", "test", "views", "one",
]  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_two_replicas_give_what_one_device_does(one_and_two, name):
    one, two = (np.array(run[name]) for run in one_and_two)
    np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SAME)
def test_each_of_two_workers_gives_what_one_device_does(one_and_two, workers, name):
    for worker in workers:
        np.testing.assert_allclose(np.array(worker[name]), np.array(one_and_two[0][name]), rtol=1e-4, atol=1e-5)


def test_the_curve_falls_and_the_rates_are_those_of_the_groups(one_and_two, workers):
    for run in [*one_and_two, *workers]:
        assert run["losses"][-1] < run["losses"][0] / 2
        assert np.allclose(np.array(run["rates"]) / np.array(run["rates"])[:, 2:], [0.1, 0.2, 1.0], rtol=1e-4)


def test_the_first_worker_prints_the_table_for_all(workers):
    assert ["trn_loss" in worker["log"] for worker in workers] == [True, False]


def test_workers_end_with_the_same_weights_and_predictions(workers):
    """Statistics of BatchNormalization too, which each replica counts by itself, and however a save was timed."""
    first, second = (worker["own"] for worker in workers)
    assert first == second
    assert first["loaded"] == first["weights"] and first["best"] == first["unfrozen"]


def test_unfreezing_gives_the_same_in_one_process_and_in_two(one_and_two, workers):
    for name in ("weights", "unfrozen"):
        for mirrored, worker in zip(one_and_two[1]["own"][name], workers[0]["own"][name], strict=True):
            np.testing.assert_allclose(worker, mirrored, rtol=1e-4, atol=1e-5)
