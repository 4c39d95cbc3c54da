"""The course's averages of the weights at epoch ends (`use_swa`), which lie beside the weights that train."""

import contextlib
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasfast.basics.arguments import whole
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
        self, start: int, n_cycle: int, cycle_len: int | None = None, cycle_mult: int = 1, **others: Any
    ) -> WeightAverage:
        """Return the callback that averages; refuse a start that never comes."""
        epochs = sum((cycle_len or 1) * cycle_mult**i for i in range(whole("n_cycle", n_cycle)))
        if whole("swa_start", start) > epochs:
            raise ValueError(f"`swa_start={start}` is after the last of {epochs} epochs: nothing would be averaged.")
        return WeightAverage(start=start, of=self.model, load=False)

    def _keep(self, average: WeightAverage) -> bool:
        """Keep averaged weights, with statistics of their own; say whether there are any."""
        values = average.values
        if values is None:  # the fit stopped before
            return False
        with weights_of(self.model, values):
            estimate_statistics(self.model, self._training_inputs())
            self._average = [np.asarray(variable) for variable in self.model.variables]
        return True

    def _judge_average(self, metrics: Sequence[ArrayMetric]) -> list[float]:
        """Return [validation loss, metrics ...] of the averaged weights, and print them."""
        judge, logs = ArrayValidation(metrics, self.data.core.valid, self.core.loss), {}
        with self._average_in_place():
            judge.set_model(self.model)
            judge.on_epoch_end(0, logs)
        values = {name.removeprefix("val_"): float(value) for name, value in logs.items()}
        print("averaged weights: " + "  ".join(f"swa_{name} {value:.6f}" for name, value in values.items()))
        return list(values.values())

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
