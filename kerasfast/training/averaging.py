"""Averages of a model's weights while it trains, and the statistics of BatchNormalization that belong to them."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasfast.basics.arguments import number, whole
from kerasfast.optimizing.groups import flat_layers

QUICK_START = (
    10.0  # the decay of the n-th step is at most (1 + n) / (QUICK_START + n): a short fit forgets its start too
)


class WeightAverage(keras.callbacks.Callback):
    """Average the weights while they train, on the device, and leave the average in the model at the end.

    With a `decay`, an exponential moving average (EMA) over optimizer steps. What is validated, saved and compared at
    the end of each epoch is then the average, and training goes on from the weights themselves. Without one, the mean
    over the ends of epochs (stochastic weight averaging, Izmailov et al. 2018), which is loaded at the end alone; the
    lines of the epochs are those of the weights as they were trained.

    Args:
        decay: How much of the average stays at each step, such as 0.99; less in the first steps. None for the mean
            over epochs.
        start: First epoch that counts, from 1.
        inputs: Batches of what the model takes, over which the statistics of BatchNormalization are estimated anew for
            the mean. In a learner its training batches; elsewhere the statistics are averaged as the weights are.
        of: The model whose variables are averaged; by default the one that is trained.
        load: Whether the average is left in the model; else it is only in `values`.

    Attributes:
        count: Steps, or epochs, averaged so far in this fit.
        loaded: Whether the model has the average.

    Raises:
        ValueError: If an argument is out of its range, or a moving average is not to be left in the model.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.1), loss="mse")
        >>> rows = np.ones((8, 2)), np.ones((8, 1))
        >>> average = WeightAverage(0.99)       # or, as `learn.fit(..., callbacks=[kf.WeightAverage()])`
        >>> _ = model.fit(*rows, batch_size=4, epochs=2, callbacks=[average], verbose=0)
        >>> average.count
        4
    """

    def __init__(
        self,
        decay: float | None = None,
        *,
        start: int = 1,
        inputs: Iterable[Any] | None = None,
        of: keras.Model | None = None,
        load: bool = True,
    ):
        super().__init__()
        self.decay = None if decay is None else number("decay", decay, above=0, below=1)
        self.start, self.inputs, self._of, self._load = whole("start", start), inputs, of, load
        if decay is not None and not load:
            raise ValueError("A moving average is what is validated, so it is loaded; `load=False` needs `decay=None`.")
        self.count, self.loaded = 0, False
        self._averages: list[tf.Variable] = []

    @property
    def values(self) -> list[np.ndarray] | None:
        """The average of each of the model's variables; of those that only count, the last value. None before any."""
        if not self.count:
            return None
        averages = iter(self._averages)
        return [np.asarray(next(averages) if _is_float(one) else one) for one in self._variables]

    def on_train_begin(self, logs=None) -> None:
        self._variables = list((self._of or self.model).variables)
        self._pairs = [one for one in self._variables if _is_float(one)]
        self._averages = [tf.Variable(tf.convert_to_tensor(one), trainable=False) for one in self._pairs]
        self._own: list[np.ndarray] | None = None  # the weights that train, while the model has the average
        self._move, self.count, self.loaded = tf.function(self._moved), 0, False

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        self._epoch, self._done = epoch, 0
        if self._own is not None:
            _assign(self._pairs, self._own)
            self._own, self.loaded = None, False

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        steps, self._done = batch + 1 - self._done, batch + 1
        if self.decay is not None and self._counts:
            kept = 1.0
            for _ in range(steps):  # several batches per call are one move of the same length
                kept *= min(self.decay, (1 + self.count) / (QUICK_START + self.count))
                self.count += 1
            self._move(tf.constant(1 - kept, tf.float32))
        if batch + 1 >= (self.params.get("steps") or np.inf):
            self._show()

    def on_test_begin(self, logs=None) -> None:
        self._show()

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        self._show()
        if self.decay is None and self._counts:
            self.count += 1
            self._move(tf.constant(1 / self.count, tf.float32))

    def on_train_end(self, logs=None) -> None:
        if self.decay is None and self.count and self._load and not self._is_spoiled():
            _assign(self._pairs, [np.asarray(average) for average in self._averages])
            if self.inputs is not None:
                estimate_statistics(self._of or self.model, self.inputs)
            self.loaded = True
        self._own = None

    @property
    def _counts(self) -> bool:
        return self._epoch + 1 >= self.start and not self.model.stop_training

    def _show(self) -> None:
        """Give the model its moving average until the next epoch."""
        if self.decay is None or not self.count or self._own is not None:
            return
        if self.model.stop_training and self._is_spoiled():  # after a divergence the model has its last good weights
            _assign(self._averages, [np.asarray(one) for one in self._pairs])
        self._own, self.loaded = [np.asarray(one) for one in self._pairs], True
        _assign(self._pairs, [np.asarray(average) for average in self._averages])

    def _is_spoiled(self) -> bool:
        return not all(bool(tf.reduce_all(tf.math.is_finite(average))) for average in self._averages)

    def _moved(self, share: tf.Tensor) -> None:
        """Move each average towards its variable by a share of the distance."""
        for average, variable in zip(self._averages, self._pairs, strict=True):
            average.assign_add((tf.convert_to_tensor(variable) - average) * tf.cast(share, average.dtype))


def _is_float(variable: keras.Variable) -> bool:
    return keras.backend.is_float_dtype(variable.dtype)


def _assign(variables: Iterable[Any], values: Iterable[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def estimate_statistics(model: keras.Model, inputs: Iterable[Any]) -> None:
    """Set the moving statistics of BatchNormalization to the means over some batches, larger ones counting more.

    Layers whose statistics are held (`bn_freeze`, or a layer that does not train) keep theirs.

    Args:
        model: The model.
        inputs: Batches of what it takes.
    """
    norms = [one for one in flat_layers(model) if isinstance(one, keras.layers.BatchNormalization) and one.trainable]
    momenta, seen = [norm.momentum for norm in norms], 0
    try:
        for batch in inputs if norms else ():
            size = len(next(iter(batch.values())) if isinstance(batch, dict) else batch)
            for norm in norms:
                norm.momentum = seen / (seen + size)
            model(batch, training=True)
            seen += size
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
