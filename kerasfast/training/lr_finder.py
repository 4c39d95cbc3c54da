"""The learning-rate finder: a short run with a growing rate that leaves no trace in the model."""

import contextlib
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasfast import schedules
from kerasfast.basics.arguments import flag, number, whole
from kerasfast.keras_internals import global_seed_generator, set_global_seed_generator
from kerasfast.optimizing.control import GroupControl, control_for
from kerasfast.optimizing.rates import Rates, per_group
from kerasfast.optimizing.train_function import train_function_of
from kerasfast.training.replicas import prepare

MOST_STEPS = 10**6  # the table of rates must fit into memory
FALLEN = 0.9


@dataclass(frozen=True)
class LearningRateSearch:
    """What the finder saw.

    Attributes:
        learning_rates: (steps, groups) rate of each step.
        losses: (steps,) loss of each step's batch.
        diverged: Whether the run was stopped because the loss exploded or became NaN.
        tried: Rate of the last group -> loss of held-out training rows after a short training at it, where
            `Learner.lr_find` made such trials.
        valid_losses: (steps,) loss of a batch of validation data after each step; None where there was none.

    Example:
        >>> rates = np.geomspace(1e-4, 1.0, 100)
        >>> losses = np.where(rates < 0.3, 3 - 2 / (1 + 0.01 / rates), 9)     # falls around 0.01, then explodes
        >>> 0.001 < LearningRateSearch(rates[:, None], losses, diverged=True).suggestion < 0.1
        True
    """

    learning_rates: np.ndarray
    losses: np.ndarray
    diverged: bool
    tried: dict[float, float] = field(default_factory=dict)
    valid_losses: np.ndarray | None = None

    @property
    def smoothed(self) -> np.ndarray:
        """(steps,) losses under a Gaussian window, without lag; the explosion at the end counts as twice the start."""
        losses = np.nan_to_num(self.losses, nan=np.inf)
        return _centred(np.minimum(losses, 2 * np.median(losses[: self._beginning])))

    @property
    def suggestion(self) -> float:
        """A rate for the last group: the best of the trials, or a guess from the curve where none were made."""
        return lowest_between(self.tried) if self.tried else self.guess

    @property
    def guess(self) -> float:
        """A rate for the last group: where nine tenths of the way from the first losses to the lowest one are gone.

        Where the loss falls no more than it scatters (a model that is trained already), a tenth of the rate at which it
        begins to rise. A guess, not a search: see `benchmarks/README.md`, Learning rates.
        """
        rates, curve = self.learning_rates[:, -1], self.smoothed
        level, lowest = np.median(curve[: self._beginning]), int(np.argmin(curve))
        calm = slice(2 * self._beginning)
        scatter = np.std(np.minimum(self.losses[calm], 2 * level) - curve[calm])
        if lowest > 3 and level - curve[lowest] > scatter:
            low = level - FALLEN * (level - curve[lowest])
            return float(rates[np.flatnonzero(curve <= low)[0]])
        return float(rates[np.flatnonzero(curve <= level + 2 * scatter)[-1]] / 10)

    @property
    def _beginning(self) -> int:
        """Steps that count as the start."""
        return max(3, len(self.losses) // 4)

    def plot(self, ax=None):
        """Plot loss over rate with the suggestion marked; return the axes."""
        from kerasfast.plots.curves import plot_lr_finder

        rates = self.learning_rates[:, -1]
        return plot_lr_finder(rates, self.losses, smoothed=self.smoothed, suggestion=self.suggestion, ax=ax)


def _centred(losses: np.ndarray) -> np.ndarray:
    """Return `losses` under a Gaussian window, which unlike a running average does not lag behind."""
    steps = np.arange(len(losses))
    weights = np.exp(-0.5 * ((steps[:, None] - steps) / (0.06 * len(losses))) ** 2)
    return weights @ losses / weights.sum(axis=1)


def smooth(losses: np.ndarray, beta: float = 0.9) -> np.ndarray:
    """Return the exponential moving average of `losses`, corrected for its start."""
    average, result = 0.0, np.empty(len(losses))
    for step, loss in enumerate(losses):
        average = beta * average + (1 - beta) * loss
        result[step] = average / (1 - beta ** (step + 1))
    return result


def lowest_between(tried: dict[float, float]) -> float:
    """Return the rate at which a parabola through the lowest loss and its two neighbours is lowest."""
    rates = sorted(tried)
    best = int(np.argmin([tried[rate] for rate in rates]))
    if not 0 < best < len(rates) - 1:
        return rates[best]
    heights = np.array([tried[rate] for rate in rates[best - 1 : best + 2]])
    heights = np.log(np.clip(heights, 1e-9, 10 * max(heights[1], 1e-9)))
    bend = heights[0] - 2 * heights[1] + heights[2]
    moved = 0.5 * (heights[0] - heights[2]) / bend if bend > 0 else 0.0
    return rates[best] * (rates[best] / rates[best - 1]) ** float(np.clip(moved, -0.5, 0.5))


def find_learning_rate(
    model: keras.Model,
    data,
    *,
    start: Rates = 1e-5,
    end: float = 10.0,
    steps: int = 100,
    linear: bool = False,
    weight_decays: Rates | None = None,
    divergence: float = 4.0,
    valid: tf.data.Dataset | None = None,
) -> LearningRateSearch:
    """Train for a few steps with a rate that grows from `start` to `end` (Smith, 2017), then put everything back.

    Weights, BatchNormalization statistics, optimizer state, seed generators and the global random states of Python,
    NumPy, TensorFlow and Keras are afterwards as before. Small data sets are gone round as often as needed.

    Args:
        model: A compiled model, with any optimizer; one made by `grouped` has a rate per layer group.
        data: A batched `tf.data.Dataset`, a `keras.utils.PyDataset`, or a pair (inputs, targets) of arrays.
        start: First rate, one or one per layer group; the groups keep their proportions.
        end: Rate of the last group at the last step.
        steps: Number of optimizer steps.
        linear: Whether the rate grows by equal differences instead of equal ratios.
        weight_decays: One decay, or one per group; the optimizer's own by default.
        divergence: Stop when the smoothed loss is more than this many times its minimum.
        valid: Batches of validation data, of which one is judged after each step (after each call of several steps).

    Returns:
        The rates, the losses, a suggestion and a plot.

    Raises:
        ValueError: If the rates or `steps` make no sense, or the data is empty.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", loss="mse")
        >>> rows = np.random.default_rng(0).normal(size=(64, 3))
        >>> found = find_learning_rate(model, (rows[:, :2], rows[:, 2:]), steps=20)
        >>> found.learning_rates.shape[1], 1e-5 <= found.suggestion <= 10
        (1, True)
    """
    control = control_for(model)
    prepare(model)
    first = per_group("start", start, control.size)
    if weight_decays is not None:
        weight_decays = per_group("weight_decays", weight_decays, control.size)
    whole("steps", steps, least=2, most=MOST_STEPS)
    number("divergence", divergence, above=1)
    if not 0 < first[-1] < number("end", end):
        raise ValueError(f"The finder needs 0 < start < end; received start={start}, end={end}.")
    grow = schedules.linear if flag("linear", linear) else schedules.exponential
    factors = grow(1.0, end / first[-1], steps - 1)(np.arange(steps))
    control.check_plain_rate()
    train_function_of(model).finish()  # a schedule whose fit was broken off
    watch, judge = _StopOnDivergence(control, divergence), None if valid is None else _NextBatch(valid)
    callbacks = [watch] if judge is None else [watch, judge]
    with untouched(model):
        rates = control.learning_rates
        control.program(factors[:, None] * first, weight_decays=weight_decays)
        control.start_log(steps)
        try:
            model.fit(_endless(data), epochs=1, steps_per_epoch=steps, callbacks=callbacks, shuffle=False, verbose=0)
            learning_rates, losses = watch.curve(steps)
        finally:
            control.set_rates(rates)
    valid_losses = None if judge is None else np.array(judge.losses)
    return LearningRateSearch(learning_rates, losses, watch.diverged, valid_losses=valid_losses)


def _endless(data: Any) -> tf.data.Dataset | Iterator:
    """Return batches (inputs, targets) without end."""
    if isinstance(data, keras.utils.PyDataset):
        batches = data.num_batches
        if batches == 0:
            raise ValueError("The learning-rate finder received a data set without a single batch.")
        return (data[index % batches if batches else index] for index in itertools.count())
    if not isinstance(data, tf.data.Dataset):
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise ValueError(
                "The finder takes a batched `tf.data.Dataset`, a `keras.utils.PyDataset` or a pair (inputs, targets) "
                f"of arrays; received {type(data).__name__}."
            )
        inputs, targets = data
        count = len(keras.tree.flatten(inputs)[0])
        data = tf.data.Dataset.from_tensor_slices((inputs, targets)).shuffle(count, seed=0).batch(64)
    if int(data.cardinality()) == 0:
        raise ValueError("The learning-rate finder received a data set without a single batch.")
    return data.repeat()


class _StopOnDivergence(keras.callbacks.Callback):
    """Stop when the loss is NaN or its smoothed value exceeds `factor` times the lowest one.

    The loss of each step is the one that the optimizer was given. A `train_step` of one's own may not pass it there;
    then the loss is what it returns, once per call.
    """

    def __init__(self, control: GroupControl, factor: float):
        super().__init__()
        self._control, self._factor = control, factor
        self._returned: list[tuple[int, float]] = []
        self._seen: list[float] = []
        self.diverged = False

    def curve(self, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (rates (n, groups), losses (n,)) of at most `steps` steps."""
        # Several steps per call do not end at `steps`: what follows went on at the last rate.
        losses, rates = (values[:steps] for values in self._control.read_log()[:2])
        if self._control.sees_loss:
            return rates, losses
        ends, losses = zip(*self._returned, strict=True)
        return rates[np.minimum(ends, len(rates)) - 1], np.array(losses)

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        self._seen.extend(self._control.read_log(len(self._seen))[0])
        if not self._seen:
            return
        losses = np.array(self._seen)
        if not self._control.sees_loss:
            if "loss" not in logs:
                raise ValueError(
                    "The model's `train_step` returns no 'loss', so there is nothing for the finder to see."
                )
            self._returned.append((len(self._seen), logs["loss"]))
            self.model.reset_metrics()  # a running mean would lag behind
            losses = np.array([loss for _, loss in self._returned])
        smoothed = smooth(losses, 0.9)
        lowest = np.min(smoothed[min(10, len(smoothed) - 1) :])
        if not np.isfinite(losses[-1]) or (len(losses) > 10 and smoothed[-1] > self._factor * lowest):
            self.diverged = True
            self.model.stop_training = True


class _NextBatch(keras.callbacks.Callback):
    """Judge the next batch of validation data after each step, from the first again after the last."""

    def __init__(self, valid: tf.data.Dataset):
        super().__init__()
        self._batches = iter(valid.repeat())
        self.losses: list[float] = []

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        inputs, targets = next(self._batches)[:2]
        predictions = self.model.predict_on_batch(inputs)
        self.losses.append(float(self.model.compute_loss(y=targets, y_pred=predictions, training=False)))


@contextlib.contextmanager
def untouched(model: keras.Model) -> Iterator[None]:
    """Put the model, its optimizer, its history and the global random states back when the block ends."""
    variables = [*model.variables, *model.optimizer.variables]
    values = [variable.numpy() for variable in variables]
    history = getattr(model, "history", None)
    python_state, numpy_state = random.getstate(), np.random.get_state()
    generator = tf.random.get_global_generator()
    tensorflow_state = generator.state.numpy()
    try:
        with _same_keras_seeds():
            yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        model.history = history
        model.stop_training = False
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        generator.reset(tensorflow_state)


@contextlib.contextmanager
def _same_keras_seeds() -> Iterator[None]:
    """Put the generator back from which Keras draws seeds when none is given; it may not exist yet, and stays so."""
    generator = global_seed_generator()
    value = None if generator is None else generator.state.numpy()
    try:
        yield
    finally:
        set_global_seed_generator(generator)
        if generator is not None:
            generator.state.assign(value)
