"""Short trainings from the same start that say which learning rate is best on rows they have not seen."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasfast.datasets import batches
from kerasfast.optimizing.control import control_of
from kerasfast.training.lr_finder import untouched
from kerasfast.training.training_plans import sgdr_plan
from kerasfast.training.training_stage import Stage

MOST_STEPS = 200  # of a trial
MOST_TRIALS = 7
RATIO = math.sqrt(10.0)  # between neighbouring rates
HELD_OUT = 0.2
FOLDS, FEW_ROWS = 5, 500  # so many rows or fewer are all held out once, a fifth at a time
MOST_BYTES = 2**30  # of the rows that are kept for the trials


@dataclass(frozen=True)
class Rows:
    """Training rows in memory, as one pass over the training set gives them.

    Attributes:
        batch: Arrays (n, ...) in the structure of a batch.
        size: Rows per batch.
    """

    batch: Any
    size: int

    def __len__(self) -> int:
        return len(keras.tree.flatten(self.batch)[0])

    def folds(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (rows to train on, rows held out), as numbers."""
        order, held = np.random.default_rng(0).permutation(len(self)), max(1, int(HELD_OUT * len(self)))
        for fold in range(FOLDS if len(self) <= FEW_ROWS else 1):
            turned = np.roll(order, -fold * held)
            yield turned[held:], turned[:held]

    def batches(self, rows: np.ndarray, steps: int | None = None) -> tf.data.Dataset:
        """Return batches of some rows: each once and in order, or shuffled anew in each pass for `steps` batches."""
        size = min(self.size, len(rows))
        if steps is not None:
            random, passes = np.random.default_rng(1), math.ceil(steps / (len(rows) // size))
            whole = len(rows) // size * size
            rows = np.concatenate([random.permutation(rows)[:whole] for _ in range(passes)])[: steps * size]
        gather = lambda chosen: keras.tree.map_structure(lambda array: tf.gather(array, chosen), self.batch)
        return tf.data.Dataset.from_tensor_slices(rows).batch(size).map(gather)


def rows_of(dataset: tf.data.Dataset, steps: int) -> Rows:
    """Read what trials of `steps` steps need, and as much again as they hold out; no more than `MOST_BYTES`."""
    parts, bytes_read = [], 0
    for batch in dataset.take(math.ceil(steps / (1 - HELD_OUT))):
        parts.append(batch)
        bytes_read += sum(array.numpy().nbytes for array in keras.tree.flatten(batch))
        if bytes_read > MOST_BYTES:
            break
    joined = keras.tree.map_structure(lambda *arrays: tf.concat(arrays, axis=0), *parts)
    return Rows(joined, len(keras.tree.flatten(parts[0])[0]))


def try_rates(
    stage: Stage, near: float, proportions: np.ndarray, epochs: int, decays: Any = None
) -> dict[float, float]:
    """Train at rates about `near` and return the mean loss of held-out training rows after each, by the rate.

    Each trial is one cosine cycle as long as `epochs` epochs, but of `MOST_STEPS` steps at most, from the weights as
    they are, which come back. Rates move by `RATIO` towards the lowest loss until both its neighbours are higher.

    Args:
        stage: Model and data; compiled, on one device.
        near: Rate of the last layer group to begin at.
        proportions: (groups,) rates as shares of that of the last group.
        epochs: Length of the fit that the rate is for.
        decays: Weight decays, as of `GroupControl.program`.
    """
    steps = min(MOST_STEPS, epochs * stage.steps())
    rows = rows_of(batches(stage.data.train, stage.epochs), steps)
    if len(rows) < 2:
        return {}
    shape = sgdr_plan(steps, 1, 1, 1).learning_rates * proportions
    tried: dict[int, float] = {}

    def loss(place: int) -> float:
        if place not in tried:
            rates = near * RATIO**place * shape
            found = [_trial(stage, rows, parts, rates, decays) for parts in rows.folds()]
            tried[place] = float(np.mean(found)) if np.all(np.isfinite(found)) else math.inf
        return tried[place]

    climb(loss, MOST_TRIALS)
    return {near * RATIO**place: tried[place] for place in sorted(tried)}


def climb(loss: Callable[[int], float], most: int) -> None:
    """Call `loss` of whole numbers about 0 until one is lower than both its neighbours, or `most` were tried."""
    place, seen = 0, {0}
    while len(seen) < most:
        seen |= {place - 1, place, place + 1}
        lowest = min((place, place - 1, place + 1), key=loss)
        if lowest == place:
            return
        place = lowest


def _trial(stage: Stage, rows: Rows, parts: tuple[np.ndarray, np.ndarray], rates: np.ndarray, decays: Any) -> float:
    """Return the loss of held-out rows after a training along `rates`; all is as before afterwards."""
    model, control, transform = stage.model, control_of(stage.model.optimizer), stage.transform
    held_out = rows.batches(parts[1])
    if transform is not None:
        held_out = held_out.map(lambda *batch: (transform(batch[0]), *batch[1:]))
    with untouched(model):
        own = control.learning_rates
        control.program(rates, weight_decays=decays)
        try:
            model.fit(rows.batches(parts[0], len(rates)), shuffle=False, verbose=0, callbacks=[_StopAtNaN()])
            found = model.evaluate(held_out, verbose=0, return_dict=True)
        finally:
            control.set_rates(own)
    if "loss" not in found:
        raise ValueError("Evaluating this model gives no 'loss' to compare rates by; pass `trials=False` to `lr_find`.")
    return float(found["loss"])


class _StopAtNaN(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs=None) -> None:
        self.model.stop_training |= not math.isfinite((logs or {}).get("loss", 0.0))
