# %% A training step: Learner.fit against hand-written loops, on a convnet and on a head
"""Usage: python benchmarks/training_step.py [--repeats 5]

The convnet is MobileNet(alpha=0.25) with random weights on random pictures in memory; the head is Dense on 1024 stored
activations. All sides take the same batches; `Learner.fit` includes its callbacks, its records and its progress bar.
"""

import argparse
import contextlib
import io
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from timing import Cost, cost, interleaved, print_costs, print_versions

import kerasfast as kf

BATCH, CLASSES = 64, 10


def convnet(size: int) -> keras.Model:
    base = keras.applications.MobileNet(input_shape=(size, size, 3), alpha=0.25, include_top=False, weights=None)
    pooled = keras.layers.GlobalAveragePooling2D()(base.output)
    return keras.Model(base.input, keras.layers.Dense(CLASSES, activation="softmax")(pooled))


def head(width: int) -> keras.Model:
    return keras.Sequential([keras.Input((width,)), keras.layers.Dense(CLASSES, activation="softmax")])


def rows(shape: tuple[int, ...], count: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.random((count, *shape), np.float32), random.integers(0, CLASSES, count)


def batches(inputs: np.ndarray, targets: np.ndarray) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((inputs, targets)).batch(BATCH, drop_remainder=True).prefetch(2)


def compiled(model: keras.Model) -> keras.Model:
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def learner_epoch(model: keras.Model, dataset: tf.data.Dataset, steps_per_execution: int = 1) -> Callable[[], None]:
    learn = kf.Learner(
        model, kf.Datasets(dataset), loss="sparse_categorical_crossentropy", metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
    )  # fmt: skip

    def run() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            learn.fit(0.01, 1, cycle_len=1)

    return run


def update_of(model: keras.Model) -> Callable:
    """Return one plain step with loss and accuracy, for use in a graph."""
    loss_of, optimizer = keras.losses.SparseCategoricalCrossentropy(), keras.optimizers.SGD(0.01, momentum=0.9)
    optimizer.build(model.trainable_variables)
    mean, accuracy = keras.metrics.Mean(), keras.metrics.SparseCategoricalAccuracy()

    def update(inputs, targets) -> None:
        with tf.GradientTape() as tape:
            predictions = model(inputs, training=True)
            loss = loss_of(targets, predictions)
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)
        mean.update_state(loss)
        accuracy.update_state(targets, predictions)

    return update


def loop_epoch(model: keras.Model, dataset: tf.data.Dataset) -> Callable[[], None]:
    step = tf.function(update_of(model))

    def run() -> None:
        for inputs, targets in dataset:
            step(inputs, targets)

    return run


def graph_epoch(model: keras.Model, inputs: np.ndarray, targets: np.ndarray) -> Callable[[], None]:
    """The floor: a whole epoch in one graph, batches sliced from tensors."""
    update, inputs, targets = update_of(model), tf.constant(inputs), tf.constant(targets)

    @tf.function
    def epoch(inputs, targets):
        for start in tf.range(0, len(inputs) - BATCH + 1, BATCH):
            update(inputs[start : start + BATCH], targets[start : start + BATCH])

    return lambda: epoch(inputs, targets)


def measured(epochs: dict[str, Callable[[], None]], steps: int, repeats: int) -> dict[str, Cost]:
    return interleaved({name: lambda run=run: cost(run).per(steps) for name, run in epochs.items()}, repeats)


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20, help="of the convnet")
    parser.add_argument("--size", type=int, default=128)
    options = parser.parse_args()
    print_versions()
    inputs, targets = rows((options.size, options.size, 3), BATCH * options.steps)
    dataset, model = batches(inputs, targets), compiled(convnet(options.size))
    contenders = {
        "hand-written tf.function loop": loop_epoch(convnet(options.size), dataset),
        "Learner.fit": learner_epoch(convnet(options.size), dataset),
        "Keras fit": lambda: model.fit(dataset, verbose=0),
    }
    print_costs(f"A step of 64 at {options.size}", measured(contenders, options.steps, options.repeats))

    inputs, targets = rows((1024,), BATCH * 200)
    dataset, model = batches(inputs, targets), compiled(head(1024))
    features = kf.Datasets(dataset)
    contenders = {
        "whole epoch in one graph": graph_epoch(head(1024), inputs, targets),
        "Learner.fit, 32 steps a call (as with precompute)": learner_epoch(head(1024), dataset, 32),
        "Learner.fit": learner_epoch(head(1024), dataset),
        "Keras fit": lambda: model.fit(dataset, verbose=0),
        "hand-written tf.function loop": loop_epoch(head(1024), dataset),
    }
    print_costs("A step of a head on 64 stored activations", measured(contenders, 200, options.repeats))
