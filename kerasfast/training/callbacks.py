"""Keras callbacks: record every step, print the course's epoch table, show how far a prediction is."""

from collections.abc import Sequence

import keras
import numpy as np

from kerasfast.basics.bars import progress_bar
from kerasfast.basics.epoch_rows import rows
from kerasfast.optimizing.control import control_for
from kerasfast.training.replicas import is_chief

UNKNOWN_STEPS = 1 << 16  # room in the log for an epoch of unknown length


def checked_callbacks(callbacks: Sequence[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
    """Return callbacks as a list.

    Raises:
        ValueError: For anything but a list or tuple of callbacks, such as one alone or the class of one.
    """
    listed = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    wrong = [one for one in listed if isinstance(one, type) or not hasattr(one, "set_model")]
    if wrong or not isinstance(callbacks, (list, tuple)):
        received = wrong[0] if wrong else callbacks
        raise ValueError(
            "`callbacks` must be a list of Keras callbacks, made by calling their classes, such as "
            f"`[keras.callbacks.TerminateOnNaN()]`; received {received!r:.100}."
        )
    return listed


class Recorder(keras.callbacks.Callback):
    """Record loss, rates and momentum of every optimizer step, as they were applied, and the logs of every epoch.

    Attributes:
        losses: (steps,) training loss of each step's batch (not Keras's running mean).
        learning_rates: (steps, groups) rates that the updates used.
        momentums: (steps,) momentum or first beta that the updates used.
        epochs: One dict of logs per epoch.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.1), loss="mse")
        >>> rows = np.ones((8, 2)), np.ones((8, 1))
        >>> recorder = Recorder()
        >>> _ = model.fit(*rows, batch_size=4, epochs=2, callbacks=[recorder], verbose=0)
        >>> recorder.losses.shape, recorder.learning_rates.shape, len(recorder.epochs)
        ((4,), (4, 1), 2)
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
        """(steps,) loss of each training step."""
        return self._joined(0)

    @property
    def learning_rates(self) -> np.ndarray:
        """(steps, groups) rate that each step applied."""
        return self._joined(1)

    @property
    def momentums(self) -> np.ndarray:
        """(steps,) momentum that each step applied."""
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

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.1), loss="mse")
        >>> rows = np.ones((8, 2)), np.ones((8, 1))
        >>> _ = model.fit(*rows, callbacks=[EpochTable()], verbose=0)  # doctest: +ELLIPSIS
        epoch    trn_loss
            0  ...
    """

    def on_train_begin(self, logs=None) -> None:
        self._rows = rows(is_chief(self.model.distribute_strategy))

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        self._rows.begin(f"epoch {epoch + 1}/{self.params['epochs']}", self.params.get("steps"))

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        # With several steps per call the last batch index can lie past the epoch's end.
        self._rows.advance(min(batch + 1, self.params.get("steps") or batch + 1))

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        self._rows.row(epoch, table_columns(logs or {}))

    def on_train_end(self, logs=None) -> None:
        if hasattr(self, "_rows"):
            self._rows.end()


class WithoutColumns(keras.callbacks.Callback):
    """Take columns out of the logs that callbacks before it added: no callback after it judges an epoch by them.

    Args:
        adding: Callbacks with an attribute `added_columns`, the names in the logs.
    """

    def __init__(self, adding: Sequence[keras.callbacks.Callback]):
        super().__init__()
        self._adding = adding

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        for callback in self._adding:
            for name in callback.added_columns:
                logs.pop(name, None)


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
