"""Updates of Adam and SGD as one kernel per variable, where TensorFlow has it: the same sums, one pass over memory."""

from collections.abc import Callable

import keras
import tensorflow as tf

from kerasfast import keras_internals as internals

UpdateStep = Callable[[tf.Tensor, tf.Variable, tf.Tensor], None]


def fused_update_step(optimizer: keras.optimizers.Optimizer) -> UpdateStep | None:
    """Return a faster `update_step` of a built optimizer; None where there is none that computes the same.

    Args:
        optimizer: Any optimizer; those are faster that are exactly `Adam` without amsgrad or `SGD` with momentum, and
            whose instance has no step of its own.
    """
    if internals.optimizer_strategy(optimizer).num_replicas_in_sync > 1 or "update_step" in vars(optimizer):
        return None
    if type(optimizer) in (keras.optimizers.Adam, keras.optimizers.AdamW) and not optimizer.amsgrad:
        return lambda gradient, variable, rate: _adam(optimizer, gradient, variable, rate)
    if type(optimizer) is keras.optimizers.SGD and optimizer.momentum:
        return lambda gradient, variable, rate: _momentum(optimizer, gradient, variable, rate)
    return None


def _adam(optimizer: keras.optimizers.Adam, gradient: tf.Tensor, variable: tf.Variable, rate: tf.Tensor) -> None:
    first, second = internals.adam_slots(optimizer, internals.slot_index(optimizer, variable))
    dtype = variable.dtype
    beta_1, beta_2 = tf.cast(optimizer.beta_1, dtype), tf.cast(optimizer.beta_2, dtype)
    step = tf.cast(optimizer.iterations + 1, dtype)
    tf.raw_ops.ResourceApplyAdam(
        var=handle(variable),
        m=handle(first),
        v=handle(second),
        beta1_power=beta_1**step,
        beta2_power=beta_2**step,
        lr=tf.cast(rate, dtype),
        beta1=beta_1,
        beta2=beta_2,
        epsilon=tf.cast(optimizer.epsilon, dtype),
        grad=tf.cast(tf.convert_to_tensor(gradient), dtype),
    )


def _momentum(optimizer: keras.optimizers.SGD, gradient: tf.Tensor, variable: tf.Variable, rate: tf.Tensor) -> None:
    dtype = variable.dtype
    tf.raw_ops.ResourceApplyKerasMomentum(
        var=handle(variable),
        accum=handle(optimizer.momentums[internals.slot_index(optimizer, variable)]),
        lr=tf.cast(rate, dtype),
        grad=tf.cast(tf.convert_to_tensor(gradient), dtype),
        momentum=tf.cast(optimizer.momentum, dtype),
        use_nesterov=optimizer.nesterov,
    )


def handle(variable: keras.Variable | tf.Variable) -> tf.Tensor:
    """Return what kernels that change a variable take."""
    return variable.value.handle if isinstance(variable, keras.Variable) else variable.handle
