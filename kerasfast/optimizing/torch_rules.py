"""torch's rules for Keras's optimizers: a momentum without the rate, weight decay in the gradient, fresh slots."""

import functools

import keras
import tensorflow as tf

from kerasfast import keras_internals as internals
from kerasfast.optimizing.control import control_of
from kerasfast.optimizing.fused_updates import handle


def follow_torch(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Let a new optimizer move weights as torch's does, and return it; it stays what it is, saved too.

    SGD keeps the rate outside its momentum: the buffer holds gradients, so that a rate of zero moves nothing and a
    restart finds the buffer that the last rates did not shrink. Weight decay is added to the gradient, before momentum
    and second moments see it; that of AdamW stays decoupled. Keras has the rate inside the momentum, and every weight
    decay decoupled.
    """
    inner = internals.inner_optimizer(optimizer)
    if type(inner) is keras.optimizers.SGD and inner.momentum:
        internals.patch(inner, update_step=functools.partial(_momentum_step, inner))
    if type(inner) is not keras.optimizers.AdamW:
        internals.patch(inner, _kerasfast_decay_in_gradient=True)
    return optimizer


def keep_slots(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Let fits with `TorchRules` go on with an optimizer's slots instead of beginning afresh, and return it."""
    internals.patch(internals.inner_optimizer(optimizer), _kerasfast_keeps_slots=True)
    return optimizer


def _momentum_step(
    optimizer: keras.optimizers.SGD, gradient: tf.Tensor, variable: keras.Variable | tf.Variable, rate: tf.Tensor
) -> None:
    dtype = variable.dtype
    buffer = optimizer.momentums[internals.slot_index(optimizer, variable)]
    gradient, rate = tf.cast(tf.convert_to_tensor(gradient), dtype), tf.cast(rate, dtype)
    momentum = tf.cast(optimizer.momentum, dtype)
    if internals.optimizer_strategy(optimizer).num_replicas_in_sync == 1:
        tf.raw_ops.ResourceApplyMomentum(
            var=handle(variable),
            accum=handle(buffer),
            lr=rate,
            grad=gradient,
            momentum=momentum,
            use_nesterov=optimizer.nesterov,
        )
        return
    optimizer.assign(buffer, momentum * tf.convert_to_tensor(buffer) + gradient)
    moved = tf.convert_to_tensor(buffer)
    optimizer.assign_sub(variable, rate * (gradient + momentum * moved if optimizer.nesterov else moved))


def start_afresh(optimizer: keras.optimizers.Optimizer) -> None:
    """Give a built optimizer the slots and the step count of a new one; nothing is traced anew."""
    inner = internals.inner_optimizer(optimizer)
    new = type(inner).from_config(inner.get_config())
    with internals.optimizer_strategy(inner).scope():
        new.build(internals.optimized_variables(inner))
    rates = [inner.learning_rate, new.learning_rate]
    for variable, value in zip(inner.variables, new.variables, strict=True):
        if not any(variable is rate or value is rate for rate in rates):
            variable.assign(value)


class TorchRules(keras.callbacks.Callback):
    """Begins a fit as torch's users do, with a new optimizer; one of `keep_slots` goes on.

    Args:
        decay_in_gradient: Whether weight decay is added to the gradient in this fit, or decoupled.
    """

    def __init__(self, *, decay_in_gradient: bool = True):
        super().__init__()
        self._decay_in_gradient = decay_in_gradient

    def set_model(self, model: keras.Model) -> None:
        """Empty the slots before anything looks at the optimizer's step count."""
        super().set_model(model)
        inner = internals.inner_optimizer(model.optimizer)
        if not getattr(inner, "_kerasfast_keeps_slots", False):
            start_afresh(inner)
        coupled = getattr(inner, "_kerasfast_decay_in_gradient", False)
        control_of(model.optimizer).decay_in_gradient = coupled and self._decay_in_gradient
