"""The control of an optimizer: rates, weight decays and momentum per layer group and per step, and a log of them.

The optimizer stays what it is: its update rule, its slots, its saved form. Only the instance is instrumented, so that
each update reads the rate of its variable's group from a table on the device. Changing a rate therefore never traces
anything again, a whole schedule is followed step by step inside the graph (with `steps_per_execution` and
`jit_compile` too), and a saved model loads where kerasfast was never imported.
"""

import weakref
from collections.abc import Collection, Sequence

import keras
import numpy as np
import tensorflow as tf

from kerasfast import keras_internals as internals
from kerasfast.keras_internals import inner_optimizer
from kerasfast.optimizing.followed_tables import FollowedTables, padded
from kerasfast.optimizing.fused_updates import UpdateStep, fused_update_step
from kerasfast.optimizing.graph_values import GraphNumber, encloses, present_graph, value_of
from kerasfast.optimizing.rates import Rates, per_group
from kerasfast.optimizing.train_function import train_function_of


def control_of(optimizer: keras.optimizers.Optimizer) -> "GroupControl | None":
    """Return the control of an instrumented optimizer, None for any other."""
    return getattr(inner_optimizer(optimizer), "_kerasfast_control", None)


def control_for(model: keras.Model) -> "GroupControl":
    """Return the control of a compiled model's optimizer; a plain optimizer is instrumented as one group first."""
    if not isinstance(model, keras.Model) or getattr(model, "optimizer", None) is None:
        raise ValueError(f"Expected a compiled `keras.Model` (call `compile` first); received {model!r}.")
    train_function = train_function_of(model)
    control = control_of(model.optimizer)
    if control is None:
        model.optimizer, _ = ensure_built(model.optimizer, model.trainable_variables)
        control = GroupControl(model.optimizer, [internals.optimized_variables(inner_optimizer(model.optimizer))])
        train_function.forget()
    control.watch_loss(model.optimizer)
    return control


def ensure_built(
    optimizer: keras.optimizers.Optimizer, variables: Sequence[keras.Variable]
) -> tuple[keras.optimizers.Optimizer, bool]:
    """Return an optimizer with slots for all of `variables`, and whether it had to be made anew.

    An optimizer that was built on fewer variables is replaced by one of the same configuration that takes over its
    iteration count and slots.
    """
    inner = inner_optimizer(optimizer)
    if not inner.built:
        with keras.name_scope(inner.name):
            inner.build(list(variables))
        return optimizer, False
    if all(internals.slot_index(inner, variable) is not None for variable in variables):
        return optimizer, False
    wider = type(inner).from_config(inner.get_config())
    with keras.name_scope(wider.name):
        wider.build(list(variables))
    state = {variable.name: variable for variable in inner.variables}
    for variable in wider.variables:
        if variable.name in state:
            variable.assign(state[variable.name])
    if inner is optimizer:
        return wider, True
    optimizer.inner_optimizer = wider
    return optimizer, True


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
            raise ValueError("This optimizer is instrumented already; see `kerasfast.optimizing.control.control_of`.")
        self._optimizer = weakref.ref(inner)
        self._groups = {
            internals.slot_index(inner, variable): index for index, group in enumerate(variables) for variable in group
        }
        self.size = len(variables)
        self.learning_rates = np.full(self.size, 1.0)
        self.weight_decays = np.full(self.size, float(inner.weight_decay or 0.0))
        self.decays = inner.weight_decay is not None
        self.decay_in_gradient: bool = getattr(inner, "_kerasfast_decay_in_gradient", False)
        self.schedules_momentum = False
        self.sees_loss = True  # whether the loss of a step reaches the optimizer, as the last tracing showed
        self._followed = FollowedTables()
        self._momentum_name = next((name for name in ("beta_1", "momentum") if hasattr(inner, name)), None)
        self._row_of_graph: tuple[object, tf.Tensor] | None = None
        self._loss: tuple[object, tf.Tensor] | None = None
        self._make_variables()
        self.set_rates(value_of(inner.learning_rate) if self.has_plain_rate else None)
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

    def set_rates(self, learning_rates: Rates | None = None, weight_decays: Rates | None = None) -> None:
        """Use constant rates from now on.

        Args:
            learning_rates: One rate or one per group; by default the last ones given (at first the optimizer's own).
            weight_decays: One decay or one per group; by default the last ones given (at first the optimizer's own).
        """
        if learning_rates is not None:
            self.check_plain_rate()
            self.learning_rates = per_group("learning_rates", learning_rates, self.size)
            self._set_reference(self.learning_rates)
        if weight_decays is not None:
            self.weight_decays = per_group("weight_decays", weight_decays, self.size)
        self.program(self.learning_rates[None], weight_decays=weight_decays)

    def program(
        self,
        learning_rates: np.ndarray,
        *,
        momentum: np.ndarray | None = None,
        weight_decays: Rates | None = None,
        start: int | None = None,
    ) -> None:
        """Follow a table from the next update on.

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
        self._table.assign(padded(table))
        self._table_start.assign(self.iterations if start is None else start)
        self.decays |= weight_decays is not None
        self.schedules_momentum |= momentum is not None

    @property
    def has_plain_rate(self) -> bool:
        """Whether the optimizer's rate is a number that can be set, not a schedule or a function."""
        return isinstance(self.optimizer.learning_rate, keras.Variable)

    def check_plain_rate(self) -> None:
        """Refuse rates beside a schedule of Keras, with which they would multiply."""
        if not self.has_plain_rate:
            raise ValueError(
                f"{type(self.optimizer).__name__} follows a learning-rate schedule of its own, with which further "
                "rates would multiply; make it with a plain `learning_rate`, or give no rates and no schedule besides."
            )

    def claim(self, follower: object, parts: Collection[str]) -> None:
        """Note who sets rates, momentum or weight decays in a fit.

        Raises:
            ValueError: If another follower of this fit sets one of them, or the optimizer its own rate.
        """
        if "learning_rates" in parts:
            self.check_plain_rate()
        self._followed.claim(follower, parts)

    def follow(self, tables: dict[str, np.ndarray], *, start: int) -> None:
        """Follow tables beside those that other followers of this fit have given (see `program`)."""
        tables = self._followed.put(tables)
        steps = max((len(table) for table in tables.values()), default=1)
        rates = tables.pop("learning_rates", np.tile(self.learning_rates, (steps, 1)))
        self.program(rates, start=start, **tables)

    def release(self) -> None:
        """Go on with the constant rates; what was followed in a fit is over."""
        self._followed = FollowedTables()
        self.set_rates()

    @property
    def traced_for(self) -> tuple[bool, ...]:
        """What a train function must be traced for to be usable now; its owner looks here before every call."""
        return self.decays, self.decay_in_gradient, self.schedules_momentum

    @property
    def iterations(self) -> int:
        """Updates that the optimizer has made."""
        return int(value_of(self.optimizer.iterations))

    def start_log(self, steps: int) -> None:
        """Forget the log and make room for the next `steps` updates."""
        self._log.assign(padded(np.full((steps + 1, self.size + 2), np.nan)))
        self._log_start.assign(self.iterations)

    def continue_log(self, losses: np.ndarray, rates: np.ndarray, momentums: np.ndarray) -> None:
        """Put updates that were made before (see `read_log`) in front of a log that was just started."""
        rows = np.column_stack([losses, rates, momentums])
        self._log.assign(tf.concat([rows, tf.convert_to_tensor(self._log)[len(rows) :]], 0))
        self._log_start.assign(self.iterations - len(rows))

    def read_log(self, first: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (losses (n,), rates (n, groups), momentum (n,)) of the updates since `start_log`, from `first` on."""
        rows = np.asarray(tf.convert_to_tensor(self._log)[first:-1])
        rows = rows[: max(self.iterations - int(value_of(self._log_start)) - first, 0)]
        return rows[:, 0], rows[:, 1:-1], rows[:, -1]

    def watch_loss(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Log the losses that pass through `optimizer`: the loss-scale optimizer that `compile` may wrap around."""
        if getattr(optimizer, "_kerasfast_watched", False):
            return
        scale_loss = optimizer.scale_loss

        def watched_scale_loss(loss):
            self._loss = (present_graph(), loss)
            return scale_loss(loss)

        internals.patch(optimizer, scale_loss=watched_scale_loss, _kerasfast_watched=True)

    def _make_variables(self) -> None:
        def variable(value, shape=None):
            return tf.Variable(
                value, trainable=False, shape=shape, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
            )

        with internals.optimizer_strategy(self.optimizer).scope():
            self._table = variable(np.zeros((1, 2 * self.size + 1), np.float32), (None, 2 * self.size + 1))
            self._log = variable(np.zeros((1, self.size + 2), np.float32), (None, self.size + 2))
            self._table_start, self._log_start = variable(np.int64(0)), variable(np.int64(0))
            self._reference = variable(np.float32(1.0))

    def _set_reference(self, rates: np.ndarray) -> None:
        """Show the largest rate as the optimizer's own and remember it: later assignments scale all groups."""
        if self.has_plain_rate:
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

        internals.patch(optimizer, _kerasfast_control=self)
        internals.take_over_updates(
            optimizer,
            apply=apply_and_log,
            update_step=update_by_group,
            overwrite_with_averages=self._overwrite_with_averages,
        )

    def _update(self, update_step, gradient, variable) -> None:
        group = self._group(variable)
        rates, decays, momentum = self._row()
        if self.decays and internals.decays_weight(self.optimizer, variable):
            decay = variable * tf.cast(decays[group], variable.dtype)
            if self.decay_in_gradient:
                gradient = tf.convert_to_tensor(gradient) + decay
            else:
                variable.assign_sub(decay * tf.cast(rates[group], variable.dtype))
        if not self.schedules_momentum:
            update_step(gradient, variable, rates[group])
            return
        own = getattr(self.optimizer, self._momentum_name)
        internals.patch(self.optimizer, **{self._momentum_name: GraphNumber(momentum)})
        try:
            update_step(gradient, variable, rates[group])
        finally:
            internals.patch(self.optimizer, **{self._momentum_name: own})

    def _group(self, variable) -> int:
        group = self._groups.get(internals.slot_index(self.optimizer, variable))
        if group is None:
            raise ValueError(
                f"Variable {variable.name!r} is in none of the layer groups; make the groups after the model."
            )
        return group

    def _row(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return (rates (groups,), decays (groups,), momentum ()) of the present update, read once per graph."""
        if self._row_of_graph is None or self._row_of_graph[0] is not present_graph():
            table = tf.convert_to_tensor(self._table)
            position = tf.cast(self.optimizer.iterations, tf.int64) - self._table_start
            # Not `table[position]`: XLA would take the position for a constant, and compile every step anew.
            row = tf.gather(table, tf.clip_by_value(position, 0, tf.shape(table, tf.int64)[0] - 1))
            scale = tf.cast(self.optimizer.learning_rate, tf.float32) / self._reference
            parts = row[: self.size] * scale, row[self.size : 2 * self.size], row[-1]
            self._row_of_graph = (present_graph(), parts)
        return self._row_of_graph[1]

    def _write_log(self) -> None:
        seen, self._loss = self._loss, None
        self.sees_loss = seen is not None and encloses(seen[0], present_graph())
        loss = tf.cast(seen[1] if self.sees_loss else np.nan, tf.float32)
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
        for variable in trainable_variables:
            average = internals.moving_average(self.optimizer, internals.slot_index(self.optimizer, variable))
            if average is not None:
                variable.assign(average)
