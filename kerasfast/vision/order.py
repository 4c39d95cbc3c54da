"""The order of samples, epoch by epoch, repeatable from a seed and the number of the epoch alone."""

import itertools
from numbers import Integral

import numpy as np
import tensorflow as tf

EVALUATION_SEED = 0x7FFF  # keeps the draws of augmented evaluation apart from those of training


def epoch_order(count: int, seed: int, epoch: int, *, shuffle: bool) -> tf.data.Dataset:
    """Return a dataset of (index, seed of the epoch), which moves on by an epoch with every pass.

    `Dataset.shuffle` would depend on TensorFlow's global seed and on how often the dataset was read before.

    Args:
        count: Number of samples.
        seed: Of all epochs.
        epoch: The epoch of the first pass.
        shuffle: Whether each epoch has an order of its own.
    """
    if not isinstance(epoch, Integral) or epoch < 0:
        raise ValueError(f"`epoch` must be a whole number, 0 or more; received {epoch!r}.")
    epochs = itertools.count(epoch)

    def begin() -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng([seed, next(epochs), 0 if shuffle else EVALUATION_SEED])
        seeds = np.full(count, random.integers(2**31), np.int64)
        return (random.permutation(count) if shuffle else np.arange(count)).astype(np.int64), seeds

    def one_pass(_: tf.Tensor) -> tf.data.Dataset:
        order, seeds = tf.numpy_function(begin, [], [tf.int64, tf.int64])
        return tf.data.Dataset.from_tensor_slices((tf.ensure_shape(order, [count]), tf.ensure_shape(seeds, [count])))

    passes = tf.data.Dataset.range(1).flat_map(one_pass)
    return passes.apply(tf.data.experimental.assert_cardinality(count))
