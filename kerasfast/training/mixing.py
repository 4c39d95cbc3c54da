"""Pictures of a batch mixed with each other inside the training step: MixUp and CutMix."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasfast.basics.arguments import number
from kerasfast.keras_internals import inner_optimizer
from kerasfast.optimizing.train_function import Step

PLACES = 1024  # of the table of shares that are drawn from


@dataclass(frozen=True)
class Mixing:
    """How each row of a batch is mixed with the one before it, and its loss with the loss against that one's target.

    Args:
        alpha: Shares are drawn from Beta(alpha, alpha): small values mix few rows much, 1 draws all shares alike.
        seed: Of the shares; they depend on it and on the optimizer's step alone, so that runs repeat.

    Raises:
        ValueError: If `alpha` is not above 0.
    """

    alpha: float = 0.4
    seed: int = 42

    def __post_init__(self):
        number("alpha", self.alpha, above=0)

    def shares(self, count: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Return how much of itself each of `count` rows keeps at an optimizer step, (count,) from 0 to 1."""
        quantiles = np.sort(np.random.default_rng(0).beta(self.alpha, self.alpha, 100 * PLACES))[50::100]
        places = tf.random.stateless_uniform([count], tf.stack([self.seed, step]), 0, PLACES, tf.int32)
        return tf.gather(tf.constant(quantiles, tf.float32), places)

    def __call__(self, inputs: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return mixed inputs (n, height, width, channels) and what share (n,) of each target is the row's own."""
        raise NotImplementedError


@dataclass(frozen=True)
class MixUp(Mixing):
    """Weighted means of two pictures, and of their losses (Zhang et al., 2018), for `learn.mix` or `pretrained(mix=)`.

    Args:
        alpha, seed: See `Mixing`.

    Example:
        >>> two = np.stack([np.zeros((4, 4, 3), np.float32), np.ones((4, 4, 3), np.float32)])
        >>> mixed, own = MixUp(1.0)(tf.constant(two), tf.constant(7))
        >>> np.allclose(mixed[1], own[1]), np.allclose(mixed[0], 1 - own[0])
        (True, True)
    """

    def __call__(self, inputs: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        own = self.shares(tf.shape(inputs)[0], step)
        inputs = tf.cast(inputs, tf.float32)
        share = tf.reshape(own, [-1, *[1] * (len(inputs.shape) - 1)])
        return inputs * share + previous(inputs) * (1 - share), own


@dataclass(frozen=True)
class CutMix(Mixing):
    """Rectangles of one picture pasted into another, losses by the area (Yun et al., 2019), for `learn.mix`.

    Args:
        alpha, seed: See `Mixing`.

    Example:
        >>> two = np.stack([np.zeros((8, 8, 3), np.float32), np.ones((8, 8, 3), np.float32)])
        >>> mixed, own = CutMix()(tf.constant(two), tf.constant(7))
        >>> np.allclose(np.mean(mixed[1]), own[1]), bool(0 < own[1] < 1)
        (True, True)
    """

    alpha: float = 1.0

    def __call__(self, inputs: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if len(inputs.shape) != 4:
            raise ValueError(f"`CutMix` needs pictures (n, height, width, channels); received shape {inputs.shape}.")
        count, (height, width) = tf.shape(inputs)[0], inputs.shape[1:3]
        side = tf.sqrt(1 - self.shares(count, step))
        centres = tf.random.stateless_uniform([count, 2], tf.stack([self.seed + 1, step]))
        down = _within(centres[:, 0], side, height)
        across = _within(centres[:, 1], side, width)
        pasted = down[:, :, None] & across[:, None, :]
        own = 1 - tf.reduce_mean(tf.cast(pasted, tf.float32), axis=(1, 2))
        return tf.where(pasted[..., None], previous(inputs), inputs), own


def _within(centre: tf.Tensor, side: tf.Tensor, length: int) -> tf.Tensor:
    """Return which of `length` places lie in a window (n,) about a centre (n,), both as shares of the length."""
    places = (tf.range(length, dtype=tf.float32) + 0.5) / length
    return tf.abs(places - centre[:, None]) < side[:, None] / 2


def previous(values: tf.Tensor) -> tf.Tensor:
    """Return, for each row of a shuffled batch, the one before it."""
    return tf.roll(values, 1, axis=0)


class MixedLoss(keras.losses.Loss):
    """A loss that inside a mixing step is that of the row's own target and of the other's, each by its share.

    Args:
        loss: A Keras loss, its name or a function.

    Raises:
        ValueError: If the loss gives no value for each row, which mixing needs.
    """

    def __init__(self, loss: Any):
        found = keras.losses.get(loss)
        super().__init__(name=getattr(found, "name", getattr(found, "__name__", "loss")))
        self.plain = getattr(found, "plain", loss if isinstance(loss, str) else keras.losses.serialize(found))
        self._each = found.call if isinstance(found, keras.losses.Loss) else found
        self._own: tf.Tensor | None = None

    @contextmanager
    def mixed(self, own: tf.Tensor) -> Iterator[None]:
        """Mix the losses that are computed inside, a share (n,) of each being that of the row's own target."""
        self._own = own
        try:
            yield
        finally:
            self._own = None

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row."""
        losses = self._each(y_true, y_pred)
        if self._own is None:
            return losses
        if len(losses.shape) != 1:
            raise ValueError(f"Mixing needs a loss with a value for each row; {self.name!r} gives {losses.shape}.")
        own = tf.cast(self._own, losses.dtype)
        return own * losses + (1 - own) * self._each(previous(y_true), y_pred)


def mixing_step(model: keras.Model, mix: Mixing, loss: MixedLoss) -> Callable[[Step], Step]:
    """Return a wrapper of a train step that mixes the inputs of its batch and the losses."""

    def wrapper(step: Step) -> Step:
        def mixed(batch: Any) -> Any:
            number_of_step = tf.cast(inner_optimizer(model.optimizer).iterations, tf.int32)
            inputs, own = mix(batch[0], number_of_step)
            with loss.mixed(own):
                return step((inputs, *batch[1:]))

        return mixed

    return wrapper
