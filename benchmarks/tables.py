"""One epoch on a table like the Rossmann lesson's: kerasfast, plain Keras, torch, fastai and the bare matrix products.

    python benchmarks/tables.py [--torch-python ENV/bin/python] [--hidden 1000 500] [--rounds 5]

The table is drawn at random: 22 categorical columns with the lesson's cardinalities and 18 continuous ones, batches of
128. Contenders take turns; a figure is the median over the rounds. CPU time counts all threads. The torch loop and
fastai 2 run where `--torch-python` has them (`pip install torch fastai`), in a process of their own, warmed up as well.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import itertools

import keras
import numpy as np
import tensorflow as tf

import kerasfast as kf

CARDINALITIES = [1116, 8, 4, 13, 32, 3, 26, 27, 5, 4, 4, 24, 9, 13, 53, 22, 7, 7, 4, 4, 9, 9]
CONTINUOUS, BATCH = 18, 128
DROPOUT, EMBEDDING_DROPOUT, Y_RANGE = 0.01, 0.04, (0.0, 12.0)


def table(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return codes, values and targets that depend on them."""
    random = np.random.default_rng(0)
    codes = np.stack([random.integers(0, count, rows) for count in CARDINALITIES], axis=1).astype(np.int32)
    values = random.normal(size=(rows, CONTINUOUS)).astype(np.float32)
    effects = [random.normal(size=count)[column] for count, column in zip(CARDINALITIES, codes.T, strict=True)]
    targets = 8 + 0.1 * np.sum(effects, axis=0) + 0.1 * values[:, 0]
    return codes, values, targets.astype(np.float32)


def kerasfast_epoch(rows: int, hidden: list[int]) -> Callable[[], None]:
    data = kf.TableData.from_arrays(*table(rows), valid_fraction=0, cardinalities=CARDINALITIES, batch_size=BATCH)
    learn = kf.TableLearner.entity_embeddings(
        data, hidden, dropout=DROPOUT, embedding_dropout=EMBEDDING_DROPOUT, y_range=Y_RANGE, metrics=[]
    )
    return _quiet(lambda: learn.fit(1e-3, 1))


def keras_epoch(rows: int, hidden: list[int]) -> Callable[[], None]:
    """The model as Keras users write it: an Embedding per column, rows sliced, shuffled and batched by tf.data."""
    codes, values, targets = table(rows)
    inputs = [keras.Input((), dtype="int32") for _ in CARDINALITIES]
    vectors = [keras.layers.Embedding(c, min(50, (c + 1) // 2))(x) for c, x in zip(CARDINALITIES, inputs, strict=True)]
    numbers = keras.Input((CONTINUOUS,))
    x = keras.layers.Dropout(EMBEDDING_DROPOUT)(keras.layers.Concatenate()(vectors))
    x = keras.layers.Concatenate()([x, keras.layers.BatchNormalization()(numbers)])
    for units in hidden:
        x = keras.layers.Dropout(DROPOUT)(keras.layers.Dense(units, "relu")(x))
    x = keras.layers.Rescaling(Y_RANGE[1] - Y_RANGE[0])(keras.layers.Dense(1, "sigmoid")(x))
    model = keras.Model([*inputs, numbers], x)
    model.compile("adam", "mse")
    slices = tf.data.Dataset.from_tensor_slices(((*codes.T, values), targets))
    dataset = slices.shuffle(rows).batch(BATCH, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    return lambda: model.fit(dataset, epochs=1, verbose=0)


def strong_keras_epoch(rows: int, hidden: list[int]) -> Callable[[], None]:
    """The fastest that plain Keras does of itself: one table of vectors per width, arrays, 32 steps a call."""
    codes, values, targets = table(rows)
    widths = np.array([min(50, (count + 1) // 2) for count in CARDINALITIES])
    given, numbers = keras.Input((len(CARDINALITIES),), dtype="int32"), keras.Input((CONTINUOUS,))
    vectors = []
    for width in np.unique(widths):
        (columns,) = np.nonzero(widths == width)
        counts = np.array(CARDINALITIES)[columns]
        offsets = np.cumsum(counts) - counts
        rows_of = keras.ops.take(given, columns, axis=1) + offsets.astype(np.int32)
        found = keras.layers.Embedding(int(counts.sum()), int(width))(rows_of)
        vectors.append(keras.layers.Reshape((int(width) * len(columns),))(found))
    x = keras.layers.Dropout(EMBEDDING_DROPOUT)(keras.layers.Concatenate()(vectors))
    x = keras.layers.Concatenate()([x, keras.layers.BatchNormalization()(numbers)])
    for units in hidden:
        x = keras.layers.Dropout(DROPOUT)(keras.layers.Dense(units, "relu")(x))
    x = keras.layers.Rescaling(Y_RANGE[1] - Y_RANGE[0])(keras.layers.Dense(1, "sigmoid")(x))
    model = keras.Model([given, numbers], x)
    model.compile("adam", "mse", steps_per_execution=32)
    return lambda: model.fit([codes, values], targets, batch_size=BATCH, epochs=1, verbose=0)


def products(rows: int, hidden: list[int]) -> Callable[[], None]:
    """The matrix products of the dense layers alone: forward, gradient of the weights, gradient of the inputs."""
    widths = [sum(min(50, (c + 1) // 2) for c in CARDINALITIES) + CONTINUOUS, *hidden, 1]
    random = lambda *shape: tf.random.normal(shape)
    layers = [(random(BATCH, a), random(a, b), random(BATCH, b)) for a, b in itertools.pairwise(widths)]

    @tf.function
    def step() -> tf.Tensor:
        total = 0.0
        for _ in tf.range(rows // BATCH):
            for x, kernel, gradient in layers:
                x = x + total * 1e-30  # or the products would be computed once
                parts = tf.matmul(x, kernel), tf.matmul(x, gradient, transpose_a=True)
                total += sum(part[0, 0] for part in (*parts, tf.matmul(gradient, kernel, transpose_b=True)))
        return total

    return step


def _quiet(run: Callable[[], None]) -> Callable[[], None]:
    def silent() -> None:
        with open(os.devnull, "w") as nothing:
            out, err, sys.stdout, sys.stderr = sys.stdout, sys.stderr, nothing, nothing
            try:
                run()
            finally:
                sys.stdout, sys.stderr = out, err

    return silent


class Elsewhere:
    """A contender in another interpreter, which answers each line "name" by a line of seconds."""

    def __init__(self, python: str, rows: int, hidden: list[int]):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tables_torch.py")
        command = [python, script, str(rows), *map(str, hidden)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = json.loads(self.process.stdout.readline())

    def measure(self, name: str) -> tuple[float, float]:
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        return tuple(json.loads(self.process.stdout.readline()))


def timed(run: Callable[[], None]) -> tuple[float, float]:
    """Return (wall, CPU) seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def contenders(rows: int, hidden: list[int], torch_python: str | None) -> Iterator[tuple[str, Callable]]:
    """Yield (name, function that runs an epoch and returns its seconds); the first epoch is for warming up."""
    makers = {
        "kerasfast": kerasfast_epoch,
        "plain Keras": keras_epoch,
        "Keras, strong": strong_keras_epoch,
        "matrix products": products,
    }
    for name, make in makers.items():
        run = make(rows, hidden)
        yield name, lambda run=run: timed(run)
    if torch_python:
        elsewhere = Elsewhere(torch_python, rows, hidden)
        print(elsewhere.about)
        for name in ("torch loop", "fastai 2"):
            yield name, lambda name=name: elsewhere.measure(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=65_536)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hidden", type=int, nargs="+", default=[1000, 500])
    parser.add_argument("--torch-python")
    options = parser.parse_args()
    print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, {options.rows:,} rows, network {options.hidden}")
    runs = dict(contenders(options.rows, options.hidden, options.torch_python))
    for run in runs.values():
        run()
    seconds = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, run in runs.items():
            seconds[name].append(run())
    ours = statistics.median(cpu for _, cpu in seconds["kerasfast"])
    print(f"{'':18}{'cpu us/row':>12}{'rows/s':>12}{'kerasfast takes':>18}")
    for name, found in seconds.items():
        wall, cpu = (statistics.median(part) for part in zip(*found, strict=True))
        print(f"{name:18}{cpu / options.rows * 1e6:12.1f}{options.rows / wall:12,.0f}{ours / cpu:17.2f}x")


if __name__ == "__main__":
    main()
