"""The control of an optimizer: rates, weight decays and momentum per layer group and per step, and a log of them.

The optimizer stays what it is: its update rule, its slots, its saved form. Only the instance is instrumented, so that
each update reads the rate of its variable's group from a table on the device. Changing a rate therefore never traces
anything again, a whole schedule is followed step by step inside the graph (with `steps_per_execution` and
`jit_compile` too), and a saved model loads where kerasfast was never imported.
"""

import weakref
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from kerasfast.training.fused_updates import UpdateStep, fused_update_step

Rates = float | Sequence[float] | np.ndarray


def per_group(name: str, values: Rates, groups: int) -> np.ndarray:
    """Return `values` as one float per layer group.

    Raises:
        ValueError: If there are neither one nor `groups` values, or one is negative or not finite.
    """
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if array.ndim != 1 or len(array) not in (1, groups):
        count = array.size if array.ndim == 1 else f"shape {array.shape}, {array.size}"
        allowed = f"1 or {groups} values" if groups > 1 else "1 value"
        noun = "group" if groups == 1 else "groups"
        raise ValueError(f"`{name}` has {count} values but the model has {groups} layer {noun}; pass {allowed}.")
    if not np.all(np.isfinite(array)) or np.any(array < 0):
        raise ValueError(f"`{name}` must be finite numbers, 0 or more; received {array.tolist()}.")
    return np.broadcast_to(array, (groups,)).copy()


def inner_optimizer(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Return the optimizer that updates the weights: `optimizer`, or the one inside a loss-scale optimizer."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def control_of(optimizer: keras.optimizers.Optimizer) -> "GroupControl | None":
    """Return the control of an instrumented optimizer, None for any other."""
    return getattr(inner_optimizer(optimizer), "_kerasfast_control", None)


class GroupControl:
    """The table of rates that an instrumented optimizer follows, and the log of what it did.

    Row i of the table holds, for the i-th update since `start`, the rate of each group, the weight decay of each group
    and the momentum; the last row goes on for ever. Each update writes its loss, the rates and the momentum that it
    applied to the log.

    Args:
        optimizer: A built optimizer; a loss-scale optimizer stands for its inner one.
        variables: The variables of each group, together all that the optimizer was built on.
        fuse: Whether Adam and SGD may use the faster kernels of `fused_updates.py`, which differ in the last bit.
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        variables: Sequence[Sequence[keras.Variable]],
        *,
        fuse: bool = False,
    ):
        inner = inner_optimizer(optimizer)
        if control_of(inner) is not None:
            raise ValueError("This optimizer is instrumented already; see `kerasfast.control.control_of`.")
        self._optimizer = weakref.ref(inner)
        self._groups = {inner._var_key(variable): index for index, group in enumerate(variables) for variable in group}
        self.size = len(variables)
        self.learning_rates = np.full(self.size, 1.0)
        self.weight_decays = np.full(self.size, float(inner.weight_decay or 0.0))
        self.decays = inner.weight_decay is not None
        self.schedules_momentum = False
        self._momentum_name = next((name for name in ("beta_1", "momentum") if hasattr(inner, name)), None)
        self._row_of_graph: tuple[object, tf.Tensor] | None = None
        self._loss: tuple[object, tf.Tensor | float] = (None, np.nan)
        self._make_variables()
        self.set_rates(_value(inner.learning_rate) if isinstance(inner._learning_rate, keras.Variable) else 1.0)
        self._instrument(inner, (fused_update_step(inner) if fuse else None) or inner.update_step)
        self.watch_loss(optimizer)

    @property
    def optimizer(self) -> keras.optimizers.Optimizer:
        """The instrumented optimizer."""
        return self._optimizer()

    @property
    def momentum(self) -> float | None:
        """The optimizer's own momentum (`beta_1` for the Adam family); None where it has none."""
        return None if self._momentum_name is None else float(getattr(self.optimizer, self._momentum_name) or 0.0)

    def set_rates(self, learning_rates: Rates | None = None, weight_decays: Rates | None = None) -> bool:
        """Use constant rates from now on; return whether the train function must be traced anew.

        Args:
            learning_rates: One rate or one per group; by default the last ones given (at first the optimizer's own).
            weight_decays: One decay or one per group; by default the last ones given (at first the optimizer's own).
        """
        if learning_rates is not None:
            self.learning_rates = per_group("learning_rates", learning_rates, self.size)
            self._set_reference(self.learning_rates)
        if weight_decays is not None:
            self.weight_decays = per_group("weight_decays", weight_decays, self.size)
        return self.program(self.learning_rates[None], weight_decays=weight_decays)

    def program(
        self,
        learning_rates: np.ndarray,
        *,
        momentum: np.ndarray | None = None,
        weight_decays: Rates | None = None,
        start: int | None = None,
    ) -> bool:
        """Follow a table from the next update on; return whether the train function must be traced anew.

        Args:
            learning_rates: (steps, groups) rates.
            momentum: (steps,) momentum or first beta; None leaves the optimizer's own.
            weight_decays: One decay, one per group, or (steps, groups); None for those of `set_rates`.
            start: The update (optimizer iteration) to which the first row belongs; the next one by default.
        """
        if momentum is not None and not self.momentum:
            raise ValueError(
                f"{type(self.optimizer).__name__} has no momentum to schedule; make it with one: `momentum=0.9`."
            )
        steps = len(learning_rates)
        if weight_decays is not None and np.ndim(weight_decays) < 2:
            weight_decays = per_group("weight_decays", weight_decays, self.size)
        decays = self.weight_decays if weight_decays is None else weight_decays
        momentums = (self.momentum or 0.0) if momentum is None else momentum
        table = np.concatenate(
            [
                learning_rates,
                np.broadcast_to(decays, (steps, self.size)),
                np.broadcast_to(momentums, (steps,))[:, None],
            ],
            axis=1,
        )
        self._table.assign(_padded(table))
        self._table_start.assign(self.iterations if start is None else start)
        return self._extend(weight_decays is not None, momentum is not None)

    def _extend(self, decays: bool, schedules_momentum: bool) -> bool:
        """Note what the graph must do from now on; return whether that is more than it did."""
        known = self.traced_for
        self.decays, self.schedules_momentum = self.decays or decays, self.schedules_momentum or schedules_momentum
        return known != self.traced_for

    @property
    def traced_for(self) -> tuple[bool, bool]:
        """What a train function must have been traced for to be usable now."""
        return self.decays, self.schedules_momentum

    @property
    def iterations(self) -> int:
        """Updates that the optimizer has made."""
        return int(_value(self.optimizer.iterations))

    def start_log(self, steps: int) -> None:
        """Forget the log and make room for the next `steps` updates."""
        self._log.assign(_padded(np.full((steps + 1, self.size + 2), np.nan)))
        self._log_start.assign(self.iterations)

    def read_log(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (losses (steps,), rates (steps, groups), momentum (steps,)) of the updates since `start_log`."""
        rows = np.asarray(tf.convert_to_tensor(self._log))[:-1]
        rows = rows[: max(self.iterations - int(_value(self._log_start)), 0)]
        return rows[:, 0], rows[:, 1:-1], rows[:, -1]

    def watch_loss(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Log the losses that pass through `optimizer`: the loss-scale optimizer that `compile` may wrap around."""
        if getattr(optimizer, "_kerasfast_watched", False):
            return
        scale_loss = optimizer.scale_loss

        def watched_scale_loss(loss):
            self._loss = (_graph(), loss)
            return scale_loss(loss)

        _patch(optimizer, scale_loss=watched_scale_loss, _kerasfast_watched=True)

    def _make_variables(self) -> None:
        def variable(value, shape=None):
            return tf.Variable(
                value, trainable=False, shape=shape, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
            )

        with self.optimizer._distribution_strategy.scope():
            self._table = variable(np.zeros((1, 2 * self.size + 1), np.float32), (None, 2 * self.size + 1))
            self._log = variable(np.zeros((1, self.size + 2), np.float32), (None, self.size + 2))
            self._table_start, self._log_start = variable(np.int64(0)), variable(np.int64(0))
            self._reference = variable(np.float32(1.0))

    def _set_reference(self, rates: np.ndarray) -> None:
        """Show the largest rate as the optimizer's own and remember it: later assignments scale all groups."""
        if isinstance(self.optimizer._learning_rate, keras.Variable):
            largest = float(np.max(rates))
            self.optimizer.learning_rate = largest
            self._reference.assign(largest or 1.0)

    def _instrument(self, optimizer: keras.optimizers.Optimizer, update_step: UpdateStep) -> None:
        apply = optimizer.apply

        def apply_and_log(grads, trainable_variables=None):
            self._row_of_graph = None
            self._write_log()
            return apply(grads, trainable_variables)

        def update_by_group(gradient, variable, learning_rate):
            self._update(update_step, gradient, variable)

        _patch(
            optimizer,
            _kerasfast_control=self,
            apply=apply_and_log,
            update_step=update_by_group,
            _apply_weight_decay=lambda variables: None,  # done by group in `_update`
            _overwrite_model_variables_with_average_value=self._overwrite_with_averages,
        )

    def _update(self, update_step, gradient, variable) -> None:
        group = self._group(variable)
        rates, decays, momentum = self._row()
        if self.decays and self.optimizer._use_weight_decay(variable):
            variable.assign_sub(
                variable * tf.cast(decays[group], variable.dtype) * tf.cast(rates[group], variable.dtype)
            )
        if not self.schedules_momentum:
            update_step(gradient, variable, rates[group])
            return
        own = getattr(self.optimizer, self._momentum_name)
        object.__setattr__(self.optimizer, self._momentum_name, _Momentum(momentum))
        try:
            update_step(gradient, variable, rates[group])
        finally:
            object.__setattr__(self.optimizer, self._momentum_name, own)

    def _group(self, variable) -> int:
        key = self.optimizer._var_key(variable)
        if key not in self._groups:
            raise ValueError(
                f"Variable {variable.name!r} is in none of the layer groups; make the groups after the model."
            )
        return self._groups[key]

    def _row(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return (rates (groups,), decays (groups,), momentum ()) of the present update, read once per graph."""
        if self._row_of_graph is None or self._row_of_graph[0] is not _graph():
            table = tf.convert_to_tensor(self._table)
            position = tf.cast(self.optimizer.iterations, tf.int64) - self._table_start
            row = table[tf.clip_by_value(position, 0, tf.shape(table, tf.int64)[0] - 1)]
            scale = tf.cast(self.optimizer.learning_rate, tf.float32) / self._reference
            parts = row[: self.size] * scale, row[self.size : 2 * self.size], row[-1]
            self._row_of_graph = (_graph(), parts)
        return self._row_of_graph[1]

    def _write_log(self) -> None:
        graph, loss = self._loss
        self._loss = (None, np.nan)
        loss = tf.cast(loss if _encloses(graph, _graph()) else np.nan, tf.float32)
        rates, _, momentum = self._row()
        row = tf.concat([tf.reshape(loss, [1]), rates, tf.reshape(momentum, [1])], 0)
        last = tf.shape(self._log, tf.int64)[0] - 1
        position = tf.clip_by_value(tf.cast(self.optimizer.iterations, tf.int64) - self._log_start, 0, last)
        if not tf.distribute.has_strategy():
            self._log.scatter_nd_update([[position]], [row])
            return
        row = tf.concat([tf.distribute.get_replica_context().all_reduce("sum", row[:1]), row[1:]], 0)
        self._log.assign(tf.tensor_scatter_nd_update(self._log, [[position]], [row]))

    def _overwrite_with_averages(self, trainable_variables) -> None:
        """Overwrite by variable: Keras pairs the trainable ones with all averages, which shift when some are frozen."""
        optimizer = self.optimizer
        for variable in trainable_variables:
            average = optimizer._model_variables_moving_average[optimizer._get_variable_index(variable)]
            if average is not None:
                variable.assign(average)


def _value(variable: keras.Variable | tf.Variable) -> float:
    """Return a variable's number, of mirrored ones that of the first replica (they know no `float`)."""
    return tf.convert_to_tensor(variable).numpy().item()


class _Momentum:
    """A momentum known only in the graph, for optimizers that ask whether it is 0 while they are traced."""

    def __init__(self, value: tf.Tensor):
        self.value = value

    def __tf_tensor__(self, dtype=None, name=None) -> tf.Tensor:
        return self.value if dtype is None else tf.cast(self.value, dtype)

    def __ne__(self, other) -> bool:
        return True

    def __gt__(self, other) -> bool:
        return True

    def __mul__(self, other):
        return self.value * other

    def __rsub__(self, other):
        return other - self.value

    def __sub__(self, other):
        return self.value - other

    __rmul__ = __mul__
    __hash__ = object.__hash__


def _graph() -> object:
    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()


def _encloses(outer: object, graph: object) -> bool:
    """Return whether tensors of graph `outer` can be used in `graph`: it is the same or lies inside."""
    while graph is not outer and graph is not None:
        graph = getattr(graph, "outer_graph", None)
    return graph is outer


def _patch(optimizer: keras.optimizers.Optimizer, **attributes) -> None:
    """Set attributes past Keras's tracking, which would take them for state to save."""
    for name, value in attributes.items():
        object.__setattr__(optimizer, name, value)


def _padded(table: np.ndarray) -> np.ndarray:
    """Repeat the last row up to a power of two, so that XLA compiles for few table sizes."""
    rows = 1 << (len(table) - 1).bit_length()
    return np.pad(table, [(0, rows - len(table)), (0, 0)], mode="edge").astype(np.float32)
