"""Keras callbacks: follow a schedule, record every step, print the course's epoch table, save cycles and the best."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kerasfast.bars import progress_bar, say
from kerasfast.keras_internals import metric_direction
from kerasfast.schedules import ScheduleFunction
from kerasfast.training.control import control_for
from kerasfast.training.replicas import is_chief

UNKNOWN_STEPS = 1 << 16  # room in the log for an epoch of unknown length


class Schedule(keras.callbacks.Callback):
    """Follow schedules for rate, momentum and weight decay, evaluated at every optimizer step inside the graph.

    The whole table is computed when training begins; nothing runs per batch, and the result is the same for every
    `steps_per_execution`. After training the optimizer goes on with the constant rates it had before.

    Args:
        learning_rate: Schedule of factors: each group trains with its own rate times the factor.
        momentum: Schedule of the momentum (SGD, RMSprop) or of `beta_1` (Adam and its kin).
        weight_decay: Schedule of factors of each group's weight decay.
        unit: The unit of the schedules' time and lengths, "epochs" or "steps".
        steps_per_epoch: Optimizer steps in an epoch, needed only for data of unknown length.

    Raises:
        ValueError: If the unit is unknown, the length of an epoch cannot be known, or the optimizer lacks the momentum
            or the weight decay to schedule.

    Example:

        model.fit(data, epochs=7, callbacks=[Schedule(learning_rate=sgdr(cycle_len=1, cycle_mult=2))])
    """

    def __init__(
        self,
        *,
        learning_rate: ScheduleFunction | None = None,
        momentum: ScheduleFunction | None = None,
        weight_decay: ScheduleFunction | None = None,
        unit: str = "epochs",
        steps_per_epoch: int | None = None,
    ):
        super().__init__()
        if unit not in ("epochs", "steps"):
            raise ValueError(f"`unit` must be 'epochs' or 'steps'; received {unit!r}.")
        self.learning_rate, self.momentum, self.weight_decay = learning_rate, momentum, weight_decay
        self.unit, self.steps_per_epoch = unit, steps_per_epoch
        self._placed = True

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        self.control = control_for(model)

    def on_train_begin(self, logs=None) -> None:
        batches = self.steps_per_epoch or self.params.get("steps")
        if not batches:
            raise ValueError("The data does not say how long an epoch is; pass `steps_per_epoch` to `Schedule`.")
        if self.weight_decay is not None and not np.any(self.control.weight_decays):
            raise ValueError(
                "The optimizer has no weight decay to schedule; create it with one, such as `weight_decay=0.01`."
            )
        self._steps = max(1, batches // (self.control.optimizer.gradient_accumulation_steps or 1))
        self._placed = False

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        if self._placed:
            return
        self._placed = True
        total = self._steps * self.params["epochs"]
        time = np.arange(total) / (self._steps if self.unit == "epochs" else 1)
        ones = np.ones(total)
        factor = ones if self.learning_rate is None else self.learning_rate(time)
        decay = None if self.weight_decay is None else self.weight_decay(time)[:, None] * self.control.weight_decays
        self.control.program(
            _column(factor) * self.control.learning_rates,
            momentum=None if self.momentum is None else self.momentum(time),
            weight_decays=decay,
            start=self.control.iterations - epoch * self._steps,
        )

    def on_train_end(self, logs=None) -> None:
        self.control.set_rates()


def _column(values: np.ndarray) -> np.ndarray:
    return values[:, None] if values.ndim == 1 else values


class Recorder(keras.callbacks.Callback):
    """Record loss, rates and momentum of every optimizer step, as they were applied, and the logs of every epoch.

    Attributes:
        losses: (steps,) training loss of each step's batch (not Keras's running mean).
        learning_rates: (steps, groups) rates that the updates used.
        momentums: (steps,) momentum or first beta that the updates used.
        epochs: One dict of logs per epoch.
    """

    def __init__(self):
        super().__init__()
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.epochs: list[dict[str, float]] = []

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        self.control = control_for(model)

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        self.control.start_log(self.params.get("steps") or UNKNOWN_STEPS)

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        self._parts.append(self.control.read_log())
        self.epochs.append({name: float(value) for name, value in (logs or {}).items()})

    @property
    def losses(self) -> np.ndarray:
        return self._joined(0)

    @property
    def learning_rates(self) -> np.ndarray:
        return self._joined(1)

    @property
    def momentums(self) -> np.ndarray:
        return self._joined(2)

    def parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return losses, rates and momentums of all epochs so far."""
        return self.losses, self.learning_rates, self.momentums

    def restore(self, parts: Sequence[np.ndarray], epochs: list[dict[str, float]]) -> None:
        """Go on after what `parts` and `epochs` recorded."""
        self._parts, self.epochs = ([tuple(parts)] if epochs else []), list(epochs)

    def _joined(self, part: int) -> np.ndarray:
        return np.concatenate([parts[part] for parts in self._parts]) if self._parts else np.zeros(0)

    def plot_losses(self, ax=None):
        """Plot the loss of every step, and the validation loss at the end of each epoch; return the axes."""
        from kerasfast.plots.curves import plot_losses

        valid = [logs["val_loss"] for logs in self.epochs if "val_loss" in logs]
        return plot_losses(self.losses, valid, max(1, len(self.losses) // max(1, len(self.epochs))), ax=ax)

    def plot_rates(self, ax=None):
        """Plot the rate of each layer group, and the momentum where it moves; return the axes."""
        from kerasfast.plots.curves import plot_rates

        moves = len(self.momentums) and np.ptp(self.momentums) > 0
        return plot_rates(self.learning_rates, self.momentums if moves else None, ax=ax)


class EpochTable(keras.callbacks.Callback):
    """Print the course's table, a line per epoch: training loss, validation loss, metrics; with a progress bar.

    Of several workers only the first prints.
    """

    def on_train_begin(self, logs=None) -> None:
        self._header_printed = False
        self._prints = is_chief(self.model.distribute_strategy)

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        name = f"epoch {epoch + 1}/{self.params['epochs']}"
        self._bar = progress_bar(
            total=self.params.get("steps"), desc=name, leave=False, delay=0.5, mininterval=0.5, shown=self._prints
        )
        self._done = 0

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        steps = self.params.get("steps") or batch + 1
        done = min(batch + 1, steps)  # with several steps per call the last batch index can lie past the epoch's end
        self._bar.update(done - self._done)
        self._done = done

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        self._bar.close()
        if not self._prints:
            return
        columns = table_columns(logs or {})
        if not self._header_printed:
            say("  ".join(["epoch", *(f"{name:>10}" for name in columns)]))
            self._header_printed = True
        say("  ".join([f"{epoch:5d}", *(f"{value:10.5f}" for value in columns.values())]))

    def on_train_end(self, logs=None) -> None:
        if hasattr(self, "_bar"):
            self._bar.close()


def table_columns(logs: dict[str, float]) -> dict[str, float]:
    """Return the columns of the epoch table: losses, then the validation metrics (training metrics without them)."""
    columns = {"trn_loss": float(logs["loss"])} if "loss" in logs else {}
    if "val_loss" in logs:
        columns["val_loss"] = float(logs["val_loss"])
    validated = any(name.startswith("val_") for name in logs)
    for name, value in logs.items():
        metric = name.removeprefix("val_")
        if metric != "loss" and name.startswith("val_") == validated:
            columns[metric] = float(value)
    return columns


class PredictionBar(keras.callbacks.Callback):
    """Show how far a `predict` of more than two seconds is; of several workers only the first does."""

    def on_predict_begin(self, logs=None) -> None:
        shown = is_chief(self.model.distribute_strategy)
        self._bar = progress_bar(
            total=self.params.get("steps"), desc="predicting", unit="batch", leave=False, delay=2, shown=shown
        )

    def on_predict_batch_end(self, batch: int, logs=None) -> None:
        self._bar.update(batch + 1 - self._bar.n)

    def on_predict_end(self, logs=None) -> None:
        self._bar.close()


class StopOnNaN(keras.callbacks.Callback):
    """Stop after an epoch whose loss is not a number, and say at what the user can turn."""

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            if is_chief(self.model.distribute_strategy):
                say(f"Training stopped: the loss of epoch {epoch} is {loss}; try lower learning rates (see `lr_find`).")
            self.model.stop_training = True


class CycleSaver(keras.callbacks.Callback):
    """Call `save(cycle)` at the end of each cycle.

    Args:
        ends: Number of epochs after which each cycle ends.
        save: Called with the index of the cycle.
    """

    def __init__(self, ends: list[int], save: Callable[[int], None]):
        super().__init__()
        self._ends, self._save = [int(end) for end in ends], save

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        if epoch + 1 in self._ends:
            self._save(self._ends.index(epoch + 1))


class BestSaver(keras.callbacks.Callback):
    """Call `save()` after each epoch that beats all before it.

    The first metric decides (validation where there is one), equal values by the lower loss; without metrics the loss.

    Args:
        save: Called without arguments.
        lower_is_better: Whether small values of the first metric are good.

    Attributes:
        best: What the next epoch has to beat, smaller is better; None before the first.
    """

    def __init__(self, save: Callable[[], None], *, lower_is_better: bool = False):
        super().__init__()
        self._save, self._sign = save, 1.0 if lower_is_better else -1.0
        self.best: tuple[float, ...] | None = None

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        columns = table_columns(logs or {})
        metrics = [value for name, value in columns.items() if name not in ("trn_loss", "val_loss")]
        loss = columns.get("val_loss", columns.get("trn_loss", math.inf))
        score = (self._sign * metrics[0], loss) if metrics else (loss,)
        if not any(math.isnan(value) for value in score) and (self.best is None or score < self.best):
            self.best = score
            self._save()


def lower_is_better(metric: Any) -> bool:
    """Return whether small values of a metric are good, by Keras's own notes or by its name."""
    resolved = keras.metrics.get(metric) if isinstance(metric, str) and metric not in ("acc", "accuracy") else metric
    direction = metric_direction(resolved)
    if direction is not None:
        return direction == "down"
    name = metric if isinstance(metric, str) else getattr(metric, "name", getattr(metric, "__name__", ""))
    return any(word in name.lower() for word in ("loss", "error", "mae", "mse", "mape", "rms", "entropy"))
