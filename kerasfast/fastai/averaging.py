"""Averages of the weights at epoch ends (`use_swa`), and the statistics of BatchNormalization that belong to them."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasfast.basics.arguments import whole
from kerasfast.optimizing.groups import flat_layers


class WeightAverage(keras.callbacks.Callback):
    """Average the weights of a model over the ends of epochs (stochastic weight averaging, Izmailov et al. 2018).

    Args:
        of: The whole model, of which a part may be in training.
        start: First epoch that counts, from 1.

    Attributes:
        count: Epochs averaged so far.
        values: A mean per variable of `of.variables`; None before the first.
    """

    def __init__(self, of: keras.Model, start: int):
        super().__init__()
        self._of, self._start, self.count = of, start, 0
        self.values: list[np.ndarray] | None = None

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        """Take the weights into the mean."""
        if epoch + 1 < self._start:
            return
        now = [np.asarray(variable) for variable in self._of.variables]
        self.count += 1
        if self.values is None:
            self.values = now
        else:
            self.values = [_mean(old, new, self.count) for old, new in zip(self.values, now, strict=True)]


def _mean(old: np.ndarray, new: np.ndarray, count: int) -> np.ndarray:
    """Return the mean of `count` arrays, of the first of which `old` is the mean; of states that count the last."""
    if not np.issubdtype(new.dtype, np.floating):
        return new
    return (old + (new - old) / count).astype(new.dtype)


@contextlib.contextmanager
def weights_of(model: keras.Model, values: list[np.ndarray]) -> Iterator[None]:
    """Give a model other values for its variables inside, and its own again afterwards."""
    own = [np.asarray(variable) for variable in model.variables]
    try:
        _assign(model, values)
        yield
    finally:
        _assign(model, own)


def _assign(model: keras.Model, values: list[np.ndarray]) -> None:
    for variable, value in zip(model.variables, values, strict=True):
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


def copy_with(model: keras.Model, values: list[np.ndarray]) -> keras.Model:
    """Return a copy of a model with these values of its variables."""
    copy = keras.models.clone_model(model)
    _assign(copy, values)
    return copy


class AveragedWeights:
    """What a learner does with averaged weights."""

    if TYPE_CHECKING:  # at run time an annotation would make them assignable
        model: keras.Model
        data: Any
    _average: list[np.ndarray] | None = None

    @property
    def swa_model(self) -> keras.Model:
        """A copy of the model with the weights that `fit(..., use_swa=True)` averaged."""
        return copy_with(self.model, self._averaged())

    def _training_inputs(self) -> Iterator[Any]:
        """Yield the inputs of the training batches."""
        return (x for x, _ in self.data.trn_dl)

    def _average_from(
        self, start: int, n_cycle: int, cycle_len: int | None = None, cycle_mult: int = 1, **others: Any
    ) -> WeightAverage:
        """Return the callback that averages; refuse a start that never comes."""
        epochs = sum((cycle_len or 1) * cycle_mult**i for i in range(whole("n_cycle", n_cycle)))
        if whole("swa_start", start) > epochs:
            raise ValueError(f"`swa_start={start}` is after the last of {epochs} epochs: nothing would be averaged.")
        return WeightAverage(self.model, start)

    def _keep(self, average: WeightAverage) -> None:
        """Keep averaged weights, with statistics of their own."""
        if average.values is None:  # the fit stopped before
            return
        with weights_of(self.model, average.values):
            estimate_statistics(self.model, self._training_inputs())
            self._average = [np.asarray(variable) for variable in self.model.variables]

    def _averaged(self) -> list[np.ndarray]:
        if self._average is None:
            raise ValueError("There are no averaged weights; train with `learn.fit(..., use_swa=True)` first.")
        return self._average

    @contextlib.contextmanager
    def _average_in_place(self) -> Iterator[None]:
        with weights_of(self.model, self._averaged()):
            yield
