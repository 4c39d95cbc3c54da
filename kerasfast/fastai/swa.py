"""The course's averages of the weights at epoch ends (`use_swa`), which lie beside the weights that train."""

import contextlib
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasfast.basics.arguments import whole
from kerasfast.fastai.sgdr import AVERAGED
from kerasfast.metrics.array_metrics import ArrayMetric, ArrayValidation
from kerasfast.training.averaging import WeightAverage, estimate_statistics


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


def copy_with(model: keras.Model, values: list[np.ndarray]) -> keras.Model:
    """Return a copy of a model with these values of its variables."""
    copy = keras.models.clone_model(model)
    _assign(copy, values)
    return copy


class JudgedAverage(WeightAverage):
    """Averages the weights of a learner at epoch ends, and adds what the averages are worth to the logs.

    Args:
        learn: The learner, which keeps the averages.
        start: First epoch that counts, from 1.
        every: After how many epochs they are judged again; None for the end alone, where they always are.
        metrics: What they are judged by, besides the loss.
    """

    def __init__(self, learn: "AveragedWeights", start: int, every: int | None, metrics: Sequence[ArrayMetric]):
        super().__init__(start=start, of=learn.model, load=False)
        self._learn, self._every, self._metrics = learn, every, metrics
        self.added_columns: list[str] = []

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        super().on_epoch_end(epoch, logs)
        behind, last = epoch + 1 - self.start, epoch + 1 == self.params["epochs"]
        if self.count and (last or (self._every and behind % self._every == 0)):
            self._learn._keep_average(self.values)
            judged = self._learn._judged_average(self._metrics)
            columns = {f"{AVERAGED}{name}": value for name, value in judged.items()}
            self.added_columns = list(columns)
            logs.update(columns)


class AveragedWeights:
    """What a learner does with averaged weights."""

    if TYPE_CHECKING:  # at run time an annotation would make them assignable
        model: keras.Model
        data: Any
        core: Any
    _average: list[np.ndarray] | None = None

    @property
    def swa_model(self) -> keras.Model:
        """A copy of the model with the weights that `fit(..., use_swa=True)` averaged."""
        return copy_with(self.model, self._averaged())

    def _training_inputs(self) -> Iterator[Any]:
        """Yield the inputs of the training batches."""
        return (x for x, _ in self.data.trn_dl)

    def _average_from(
        self,
        start: int,
        every: int | None,
        metrics: Sequence[ArrayMetric],
        n_cycle: int,
        cycle_len: int | None = None,
        cycle_mult: int = 1,
        **others: Any,
    ) -> "JudgedAverage":
        """Return the callback that averages; refuse a start that never comes."""
        epochs = sum((cycle_len or 1) * cycle_mult**i for i in range(whole("n_cycle", n_cycle)))
        if whole("swa_start", start) > epochs:
            raise ValueError(f"`swa_start={start}` is after the last of {epochs} epochs: nothing would be averaged.")
        if every is not None:
            whole("swa_eval_freq", every)
        return JudgedAverage(self, start, every, metrics)

    def _keep_average(self, values: list[np.ndarray]) -> None:
        """Keep averaged weights, with statistics of their own."""
        with weights_of(self.model, values):
            estimate_statistics(self.model, self._training_inputs())
            self._average = [np.asarray(variable) for variable in self.model.variables]

    def _judged_average(self, metrics: Sequence[ArrayMetric]) -> dict[str, float]:
        """Return the validation loss and the metrics of the averaged weights."""
        judge, logs = ArrayValidation(metrics, self.data.core.valid, self.core.loss), {}
        with self._average_in_place():
            judge.set_model(self.model)
            judge.on_epoch_end(0, logs)
        return {name.removeprefix("val_"): float(value) for name, value in logs.items()}

    def _save_average(self, name: str) -> None:
        """Write the averaged weights beside those of this name; take away older ones where there are none."""
        if self._average is None:
            pathlib.Path(self.get_model_path(f"{name}-swa")).unlink(missing_ok=True)
            return
        with self._average_in_place():
            self.core.save(f"{name}-swa")

    def _load_average(self, name: str) -> None:
        """Read the averaged weights beside those of this name, where there are any."""
        if os.path.exists(self.get_model_path(f"{name}-swa")):
            with weights_of(self.model, [np.asarray(variable) for variable in self.model.variables]):
                self.core.load(f"{name}-swa", weights_only=True)
                self._average = [np.asarray(variable) for variable in self.model.variables]

    def _averaged(self) -> list[np.ndarray]:
        if self._average is None:
            raise ValueError("There are no averaged weights; train with `learn.fit(..., use_swa=True)` first.")
        return self._average

    @contextlib.contextmanager
    def _average_in_place(self) -> Iterator[None]:
        with weights_of(self.model, self._averaged()):
            yield
