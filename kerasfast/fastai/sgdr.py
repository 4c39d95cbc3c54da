"""The course's callbacks, training phases, and what `learn.sched` offers after a fit or the rate finder."""

import functools
import os
import time
from collections.abc import Callable as Function
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import keras
import numpy as np
from matplotlib import pyplot as plt

from kerasfast.basics.arguments import whole
from kerasfast.fastai.layer_optimizer import TorchLike
from kerasfast.fastai.parts.absent import absent
from kerasfast.fastai.torch_imports import optim
from kerasfast.optimizing.torch_rules import TorchRules
from kerasfast.plots.curves import plot_losses, plot_lr_finder, plot_rates
from kerasfast.training.callbacks import Recorder
from kerasfast.training.lr_finder import LearningRateSearch
from kerasfast.training.training_plans import Phase

__all__ = ["Callback", "DecayType", "LR_Finder", "LoggingCallback", "LossRecorder", "TrainingPhase"]

_GONE = {
    "CosAnneal": "write `learn.fit(lrs, n_cycle, cycle_len=1, cycle_mult=2)`, or phases with `DecayType.COSINE`",
    "CircularLR CircularLR_beta": "write `learn.fit(lrs, 1, cycle_len=n, use_clr=(32, 5))`, or `use_clr_beta=`",
    "LR_Updater OptimScheduler DecayScheduler": "write `learn.fit_opt_sched([TrainingPhase(...), ...])`",
    "LR_Finder2": "write `learn.lr_find2()`",
    "draw_line draw_text": "write `plt.axvline(x)` and `plt.text(x, y, text)`",
    "smooth_curve": "write `pd.Series(losses).ewm(alpha=1 - beta).mean()`",
    "SaveBestModel": 'write `learn.fit(..., best_save_name="best")`, then `learn.load("best")`',
    "WeightDecaySchedule": "write `learn.fit(..., use_wd_sched=True)`",
}
_REFUSED = absent(_GONE)
globals().update(_REFUSED)
__all__ += [*_REFUSED]

AVERAGE = 0.98  # of the running loss that callbacks are given
AVERAGED = "val_swa_"  # before the names of what averaged weights are worth


class Callback:
    """The course's callback: override what you need and pass it in `learn.fit(..., callbacks=[...])`.

    `on_batch_end` gets the running training loss and `on_epoch_end` [validation loss, metrics ...]; one that returns
    True stops the training. Where activations are precomputed, several batches run in one call: `on_batch_end` then
    comes once per call.
    """

    def on_train_begin(self) -> Any:
        """Called once before the first batch."""

    def on_batch_begin(self) -> Any:
        """Called before a batch."""

    def on_phase_begin(self) -> Any:
        """Called once before the first batch: phases are one training here."""

    def on_epoch_end(self, metrics: list[float]) -> Any:
        """Called after the validation."""

    def on_phase_end(self) -> Any:
        """Called once after the last batch."""

    def on_batch_end(self, loss: float) -> Any:
        """Called after a batch."""

    def on_train_end(self) -> Any:
        """Called once at the end."""


class LoggingCallback(Callback):
    """Write a line per event to a file, for watching a long training.

    Args:
        save_path: The file; lines are added at its end.
    """

    def __init__(self, save_path: str | os.PathLike):
        self.save_path = save_path

    def on_train_begin(self) -> None:
        self.batch, self.epoch = 0, 0
        self.log("\ton_train_begin")

    def on_batch_end(self, loss: float) -> None:
        self.log(f"{self.batch}\ton_batch_end: {loss}")
        self.batch += 1

    def on_epoch_end(self, metrics: list[float]) -> None:
        self.log(f"{self.epoch}\ton_epoch_end: {metrics}")
        self.epoch += 1

    def on_train_end(self) -> None:
        self.log("\ton_train_end")

    def log(self, string: str) -> None:
        """Write a line."""
        with open(self.save_path, "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')}\t{string}\n")


class _Adapter(keras.callbacks.Callback):
    """Calls a callback of the course from Keras."""

    def __init__(self, callback: Callback):
        super().__init__()
        self._callback = callback

    def on_train_begin(self, logs=None) -> None:
        self._batches, self._average = 0, 0.0
        self._callback.on_train_begin()
        self._callback.on_phase_begin()

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        self._seen, self._sum = 0, 0.0

    def on_train_batch_begin(self, batch: int, logs=None) -> None:
        self._callback.on_batch_begin()

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        # Keras gives the mean over the epoch so far; the course a running mean over all batches.
        total = logs["loss"] * (batch + 1)
        loss = (total - self._sum) / (batch + 1 - self._seen)
        self._seen, self._sum = batch + 1, total
        self._batches += 1
        self._average = AVERAGE * self._average + (1 - AVERAGE) * loss
        self._stop_if(self._callback.on_batch_end(self._average / (1 - AVERAGE**self._batches)))

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        self._stop_if(self._callback.on_epoch_end(validation_values(logs)))

    def on_train_end(self, logs=None) -> None:
        self._callback.on_phase_end()
        self._callback.on_train_end()

    def _stop_if(self, answer: Any) -> None:
        if answer:
            self.model.stop_training = True


def as_keras(callback: Any) -> keras.callbacks.Callback:
    """Return a Keras callback for a callback of the course, or itself."""
    if isinstance(callback, keras.callbacks.Callback):
        return callback
    if isinstance(callback, Callback):
        return _Adapter(callback)
    raise TypeError(f"Callbacks are those of the course (`Callback`) or Keras's; received {callback!r}.")


def validation_values(logs: dict[str, float]) -> list[float]:
    """Return [validation loss, metrics ...] of an epoch; the training loss where nothing is validated."""
    names = [name for name in logs if name.startswith("val_") and not name.startswith(AVERAGED)]
    return [float(logs[name]) for name in names] or [float(logs["loss"])]


def averaged_values(logs: dict[str, float]) -> list[float]:
    """Return [validation loss, metrics ...] of averaged weights, where an epoch judged them."""
    return [float(value) for name, value in logs.items() if name.startswith(AVERAGED)]


class _Steps:
    """Loss and rates of every step, and their curves."""

    def __init__(self, losses: np.ndarray, learning_rates: np.ndarray, momentums: np.ndarray | None = None):
        self.losses, self.momentums, self._rates = losses, momentums, learning_rates
        self.lrs = learning_rates[:, -1]
        self.iterations = np.arange(1, len(losses) + 1)

    def plot_loss(self, n_skip: int | None = None, n_skip_end: int | None = None) -> None:
        """Draw the loss on the current axes, without the first 10 and the last 5 steps, or a tenth of them."""
        plot_losses(_between(self.losses, n_skip, n_skip_end), ax=plt.gca())

    def plot_lr(self, show_text: bool = True, show_moms: bool = True) -> None:
        """Draw the rate of each layer group on the current axes, and the momentum where it moves."""
        moves = show_moms and self.momentums is not None and np.ptp(self.momentums) > 0
        plot_rates(self._rates, self.momentums if moves else None, ax=plt.gca())


class LossRecorder(_Steps):
    """What `learn.sched` is after a fit.

    Args:
        recorder: What was recorded.

    Attributes:
        losses: Training loss of each step.
        lrs: Rate of the last layer group of each step.
        iterations: Numbers of the steps, from 1.
        momentums: Momentum of each step.
        val_losses: Validation loss of each epoch.
        rec_metrics: Metrics of each epoch: a number, or a list of several.
    """

    def __init__(self, recorder: Recorder):
        super().__init__(recorder.losses, recorder.learning_rates, recorder.momentums)
        self.epoch = len(recorder.epochs)
        values = [validation_values(logs) for logs in recorder.epochs]
        self.val_losses = [row[0] for row in values]
        self.rec_metrics = [row[1] if len(row) == 2 else row[1:] for row in values if len(row) > 1]


class LR_Finder(_Steps):
    """What `learn.sched` is after `lr_find`.

    Args:
        search: What the finder saw.

    Attributes:
        losses: Loss of each step.
        lrs: Rate of the last layer group of each step.
        iterations: Numbers of the steps, from 1.
        val_losses: After `lr_find2` the loss of a validation batch after each step, else None.
    """

    def __init__(self, search: LearningRateSearch):
        super().__init__(search.losses, search.learning_rates)
        self.search, self.val_losses = search, search.valid_losses

    def plot(self, n_skip: int | None = None, n_skip_end: int | None = None) -> None:
        """Draw loss against rate on the current axes, without the first 10 and the last 5 steps, or a tenth of them."""
        shown = _between(np.arange(len(self.losses)), n_skip, n_skip_end)
        lrs, losses = self.lrs[shown], self.losses[shown]
        suggestion = self.search.suggestion
        mark = suggestion if lrs[0] <= suggestion <= lrs[-1] else None
        ax = plot_lr_finder(lrs, losses, suggestion=mark, skip_start=0, skip_end=0, ax=plt.gca())
        if self.val_losses is not None and len(self.val_losses) == len(self.losses):
            ax.plot(lrs, self.val_losses[shown], color="grey", linewidth=1, label="validation")
            ax.legend(frameon=False)


def _between(values: np.ndarray, n_skip: int | None, n_skip_end: int | None) -> np.ndarray:
    tenth = len(values) // 10
    first = min(10, tenth) if n_skip is None else whole("n_skip", n_skip, least=0)
    last = min(5, tenth) if n_skip_end is None else whole("n_skip_end", n_skip_end, least=0)
    if len(values) - first - last < 2:
        print(f"Without the first {first} and the last {last} of {len(values)} steps nothing is left: all are drawn.")
        first = last = 0
    return values[first : len(values) - last]


class DecayType(IntEnum):
    """How a rate or a momentum goes from its first to its last value."""

    NO = 1
    LINEAR = 2
    COSINE = 3
    EXPONENTIAL = 4
    POLYNOMIAL = 5


DECAYS = {
    DecayType.NO: "constant",
    DecayType.LINEAR: "linear",
    DecayType.COSINE: "cosine",
    DecayType.EXPONENTIAL: "exponential",
    DecayType.POLYNOMIAL: "polynomial",
}


class TrainingPhase:
    """A part of a training for `learn.fit_opt_sched`.

    Args:
        epochs: Number of epochs; a fraction too, where phases of one optimizer make whole epochs together.
        opt_fn: Makes the optimizer, such as `optim.Adam`.
        lr: Rate, one or one per layer group, or a tuple (first, last) of such.
        lr_decay: A `DecayType`, or a tuple (DecayType.POLYNOMIAL, power).
        momentum: Momentum or first beta, or a tuple (first, last).
        momentum_decay: As `lr_decay`.
        beta: Second beta of Adam.
        wds: Weight decay, one or one per layer group.
        wd_loss: Add it to the gradient, as torch does; False decouples it. The same in all phases.
    """

    def __init__(
        self,
        epochs: float = 1,
        opt_fn: Function = optim.SGD,
        lr: Any = 1e-2,
        lr_decay: Any = DecayType.NO,
        momentum: Any = 0.9,
        momentum_decay: Any = DecayType.NO,
        beta: float | None = None,
        wds: Any = None,
        wd_loss: bool = True,
    ):
        self.epochs, self.opt_fn, self.lr, self.momentum, self.beta, self.wds = epochs, opt_fn, lr, momentum, beta, wds
        self.wd_loss = wd_loss
        self.lr_decay, lr_power = lr_decay if isinstance(lr_decay, tuple) else (lr_decay, None)
        self.momentum_decay, mom_power = momentum_decay if isinstance(momentum_decay, tuple) else (momentum_decay, None)
        if None not in (lr_power, mom_power) and lr_power != mom_power:
            raise ValueError(f"Rate and momentum share one power; received {lr_power} and {mom_power}.")
        self.power = lr_power or mom_power or 2.0

    def as_core(self) -> Phase:
        """Return kerasfast's phase."""
        return Phase(
            epochs=self.epochs,
            learning_rate=_tuple_or_rates(self.lr),
            learning_rate_decay=DECAYS[DecayType(self.lr_decay)],
            momentum=self.momentum,
            momentum_decay=DECAYS[DecayType(self.momentum_decay)],
            weight_decay=self.wds,
            optimizer=TorchLike(_maker(self.opt_fn, self.beta)),
            power=self.power,
        )


def rules_of(phases: Sequence[TrainingPhase]) -> list[TorchRules]:
    """Return torch's rules for phases; weight decay is in the loss of all of them, or of none."""
    decaying = {phase.wd_loss for phase in phases if phase.wds is not None}
    if len(decaying) > 1:
        raise ValueError("`wd_loss` differs between the phases; give it the same value in all, or call twice.")
    return [TorchRules(decay_in_gradient=False not in decaying)]


def _tuple_or_rates(lr: Any) -> Any:
    return tuple(lr) if isinstance(lr, tuple) else lr


@functools.cache  # phases with the same optimizer share one function, and with it the optimizer's state
def _maker(opt_fn: Function, beta: float | None) -> Function:
    if opt_fn is optim.SGD:
        return functools.partial(opt_fn, momentum=0.9)  # Keras schedules the momentum only of an SGD made with one
    if beta is None:
        return opt_fn
    if opt_fn is not optim.Adam:
        raise ValueError(f"`beta` is the second beta of `optim.Adam`; received it for {opt_fn!r}.")
    return functools.partial(opt_fn, betas=(0.9, beta))
