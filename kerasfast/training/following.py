"""Callbacks that let an optimizer follow tables of rates, momentum and weight decay for one fit."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import keras
import numpy as np

from kerasfast.basics.arguments import choice, function, number, whole
from kerasfast.optimizing.control import control_for
from kerasfast.optimizing.train_function import train_function_of
from kerasfast.schedules import ScheduleFunction

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAR_BELOW = 0.4  # of a schedule's peak: a fit whose every factor lies below it sees nothing but the warm-up


class Follower(keras.callbacks.Callback):
    """Puts tables in force when training begins, and the constant rates again when it ends or was broken off.

    Several may follow the same fit, in any order, where they set different things.
    """

    parts: Collection[str] = ()
    steps_per_epoch: int | None = None
    updates_behind = 0  # of the epoch that training begins in

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        self.control = control_for(model)

    def plot(self, length: float, ax: "Axes | None" = None) -> "Axes":
        """Draw the schedules before training, and return the axes.

        Args:
            length: How far, in the unit of the schedules.
            ax: Where to draw; a new figure when not given.
        """
        from kerasfast.plots.curves import plot_schedules

        number("length", length, above=0)
        times = np.linspace(0.0, length, 1000, endpoint=False)
        parts = {"rate": self.learning_rate, "momentum": self.momentum, "weight decay": self.weight_decay}
        values = {name: schedule(times) for name, schedule in parts.items() if schedule is not None}
        return plot_schedules(times, values, unit=self.unit, ax=ax)

    def tables(self, steps: int, epochs: int) -> dict[str, np.ndarray]:
        """Return a table per part, a row per optimizer step, for epochs of `steps` steps."""
        raise NotImplementedError

    def on_train_begin(self, logs=None) -> None:
        batches = self.steps_per_epoch or self.params.get("steps")
        if not batches:
            name = type(self).__name__
            raise ValueError(f"The data does not say how long an epoch is; pass `steps_per_epoch` to `{name}`.")
        owner = train_function_of(self.model)
        owner.until_fit_ends(self.control.release)
        self.control.claim(self, self.parts)
        self._steps = max(1, batches // (self.control.optimizer.gradient_accumulation_steps or 1))
        self._placed = False

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        if not self._placed:
            self._placed = True
            tables = self.tables(self._steps, self.params["epochs"])
            self.control.follow(tables, start=self.control.iterations - self.updates_behind - epoch * self._steps)

    def on_train_end(self, logs=None) -> None:
        train_function_of(self.model).finish()


class Schedule(Follower):
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
        ValueError: If the unit is unknown, the length of an epoch cannot be known, the optimizer lacks the momentum or
            the weight decay to schedule or has a rate schedule of its own, another `Schedule` sets the same, or the fit
            is so short that it sees nothing of the schedule but its warm-up.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.1), loss="mse")
        >>> rows = np.ones((8, 2)), np.ones((8, 1))
        >>> follow, recorder = Schedule(learning_rate=kf.linear(1.0, 0.0, 2)), kf.Recorder()
        >>> _ = model.fit(*rows, batch_size=4, epochs=2, callbacks=[follow, recorder], verbose=0)
        >>> recorder.learning_rates.ravel().round(3)
        array([0.1  , 0.075, 0.05 , 0.025], dtype=float32)
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
        self.learning_rate, self.momentum, self.weight_decay = learning_rate, momentum, weight_decay
        self.unit = choice("unit", unit, ("epochs", "steps"))
        self.steps_per_epoch = None if steps_per_epoch is None else whole("steps_per_epoch", steps_per_epoch)
        given = {"learning_rates": learning_rate, "momentum": momentum, "weight_decays": weight_decay}
        self.parts = [name for name, schedule in given.items() if schedule is not None]
        for name in self.parts:
            function(name, given[name])

    def on_train_begin(self, logs=None) -> None:
        if self.weight_decay is not None and not np.any(self.control.weight_decays):
            raise ValueError(
                "The optimizer has no weight decay to schedule; create it with one, such as `weight_decay=0.01`."
            )
        super().on_train_begin(logs)

    def tables(self, steps: int, epochs: int) -> dict[str, np.ndarray]:
        """Return the schedules' values at every step, times what the optimizer was made with."""
        total = steps * epochs
        time = np.arange(total) / (steps if self.unit == "epochs" else 1)
        tables = {}
        if self.learning_rate is not None:
            factors = self.learning_rate(time)
            self._check_peak(factors, time, total)
            tables["learning_rates"] = _column(factors) * self.control.learning_rates
        if self.momentum is not None:
            tables["momentum"] = self.momentum(time)
        if self.weight_decay is not None:
            tables["weight_decays"] = _column(self.weight_decay(time)) * self.control.weight_decays
        return tables

    def _check_peak(self, factors: np.ndarray, time: np.ndarray, total: int) -> None:
        """Refuse a fit whose steps are so few that all fall into the warm-up."""
        length = total if self.unit == "steps" else self.params["epochs"]
        peak = np.max(self.learning_rate(np.linspace(0.0, length, 1000, endpoint=False)))
        if np.max(factors) < FAR_BELOW * peak:
            raise ValueError(
                f"In the {total} steps of this fit the schedule of the rate is at most {np.max(factors):.3g}, far "
                f"below its peak of {peak:.3g}: it would train at the warm-up's rate alone. Train for more steps "
                "(smaller batches, more epochs), or without warm-up."
            )


def _column(values: np.ndarray) -> np.ndarray:
    return values[:, None] if values.ndim == 1 else values
