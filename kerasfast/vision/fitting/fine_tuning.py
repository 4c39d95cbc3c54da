"""Gentle training of a whole network whose head is solved: how long, how fast, and which weights are kept."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerasfast.basics.bars import say
from kerasfast.datasets import batches
from kerasfast.metrics.array_metrics import ArrayValidation
from kerasfast.metrics.direction import lower_is_better
from kerasfast.training.callbacks import table_columns
from kerasfast.training.training_stage import Stage

STEPS, MOST_EPOCHS = 200, 8
"""So many optimizer steps are made where no epochs are asked for, but in no more epochs."""
RATE = 3e-4
LONGER, BOLDER, BOLDER_CYCLES = 2, 3.0, 2  # in epochs and rate: what follows while a cycle gains
BETTER = 0.95  # times the loss at the start: an epoch with more than that may be better by chance
GROUP_RATIO = 3.0  # by which the rate of each group is smaller than that of the next


def epochs_of(steps: int) -> int:
    """Return how many epochs of `steps` optimizer steps a network is fine-tuned for."""
    return min(MOST_EPOCHS, math.ceil(STEPS / steps))


def cycles_of(epochs: int | None, rate: float, steps: int) -> list[tuple[int, float]]:
    """Return (epochs, largest rate of the head) of each cycle: a gentle one, and bolder ones for where that gains.

    Args:
        epochs: Of the only cycle; None for as many as `steps` per epoch ask for.
        rate: Of the first cycle.
        steps: Optimizer steps per epoch.
    """
    if epochs is not None:
        return [(epochs, rate)]
    first = epochs_of(steps)
    return [(first, rate), *[(LONGER * first, BOLDER * rate)] * BOLDER_CYCLES]


def joined(histories: list[keras.callbacks.History]) -> keras.callbacks.History:
    """Return the first of histories, with the epochs of all of them."""
    first, *later = histories
    for history in later:
        first.epoch = list(range(len(first.epoch) + len(history.epoch)))
        for name, values in history.history.items():
            first.history[name] = first.history[name] + values
    return first


def group_rates(rate: float, groups: int) -> np.ndarray:
    """Return a rate for each layer group (groups,), the last one `rate`."""
    return rate / GROUP_RATIO ** np.arange(groups)[::-1]


def validation_logs(stage: Stage) -> dict[str, float]:
    """Return loss and metrics of the validation set, as the logs of an epoch have them.

    Args:
        stage: Model and data; compiled.
    """
    if stage.array_metrics:
        logs: dict[str, float] = {}
        validation = ArrayValidation(stage.array_metrics, stage.data.valid, stage.model.loss)
        validation.set_model(stage.model)
        validation.on_epoch_end(0, logs)
        return logs
    found = stage.model.evaluate(batches(stage.data.valid), return_dict=True, verbose=0)
    return {f"val_{name}": float(value) for name, value in found.items()}


class KeepBest(keras.callbacks.Callback):
    """Load, at the end, the weights of the best epoch, or those before the first one where none was better.

    An epoch is better where its first metric is no worse than at the start and its loss lower by a twentieth; of these
    the lowest loss is best. It says more than a noisy metric does: on halves of validation sets that made no choice,
    epochs chosen so were better than the start, or no worse than it by more than 0.0003 (`benchmarks/README.md`).

    Args:
        start: Logs of the weights as they are when training begins, such as {"val_loss": 0.3, "val_accuracy": 0.9}.
        metrics: Those that the model was compiled with.
    """

    says_what_is_loaded = True

    def __init__(self, start: dict[str, float], metrics: list[Any]):
        super().__init__()
        self._sign = 1.0 if metrics and lower_is_better(metrics[0]) else -1.0
        self._least_metric, loss = self._score(start)
        self._best, self._epoch = BETTER * loss, None
        self._weights: list[np.ndarray] | None = None

    @property
    def gained(self) -> bool:
        """Whether an epoch was better than the start."""
        return self._epoch is not None

    def on_train_begin(self, logs=None) -> None:
        if self._weights is None:
            self._weights = self.model.get_weights()

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        metric, loss = self._score(logs or {})
        if metric <= self._least_metric and loss < self._best:
            self._best, self._epoch, self._weights = loss, epoch, self.model.get_weights()

    def kept_state(self) -> tuple[Any, dict[str, np.ndarray]]:
        """Return what is to be beaten, the best epoch and its weights; see `FitCheckpoint`."""
        weights = {f"{index:05d}": weight for index, weight in enumerate(self._weights or [])}
        return {"least_metric": self._least_metric, "best": self._best, "epoch": self._epoch}, weights

    def restore_state(self, record: Any, arrays: Mapping[str, np.ndarray]) -> None:
        """Take up what `kept_state` returned."""
        self._least_metric, self._best, self._epoch = record["least_metric"], record["best"], record["epoch"]
        self._weights = [arrays[name] for name in sorted(arrays)] or None

    def on_train_end(self, logs=None) -> None:
        self.model.set_weights(self._weights)
        which = "none was better than the start, which" if self._epoch is None else f"epoch {self._epoch} was best and"
        say(f"By the validation set {which} is loaded.")

    def _score(self, logs: dict[str, float]) -> tuple[float, float]:
        """Return metric and loss, smaller the better they are; NaN is worst, and no metric at all is always 0."""
        columns = table_columns(logs)
        metrics = [self._sign * value for name, value in columns.items() if name not in ("trn_loss", "val_loss")]
        return tuple(math.inf if math.isnan(value) else value for value in ([*metrics, 0.0][0], columns["val_loss"]))
