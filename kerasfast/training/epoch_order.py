"""The order of samples, epoch by epoch, repeatable from a seed and the number of the epoch alone."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from kerasfast.arguments import whole

EVALUATION_SEED = 0x7FFF  # keeps the draws of augmented evaluation apart from those of training


def epoch_random(seed: int, epoch: int, *, shuffle: bool) -> tuple[np.random.Generator, np.int64]:
    """Return the random numbers of an epoch, and a seed made of them for what happens to its samples."""
    random = np.random.default_rng([seed, epoch, 0 if shuffle else EVALUATION_SEED])
    return random, np.int64(random.integers(2**31))


def epoch_order(
    count: int,
    seed: int,
    epoch: int,
    *,
    shuffle: bool,
    columns: Callable[[tf.Tensor], Sequence[tf.Tensor]] = lambda seed: (),
) -> tf.data.Dataset:
    """Return a dataset of (index, *columns of that sample), which moves on by an epoch with every pass.

    `Dataset.shuffle` would depend on TensorFlow's global seed and on how often the dataset was read before.

    Args:
        count: Number of samples.
        seed: Of all epochs.
        epoch: The epoch of the first pass.
        shuffle: Whether each epoch has an order of its own.
        columns: Called with a seed () that is the epoch's own, gives tensors (count, ...): for all samples at once,
            which costs far less than number by number.
    """
    epochs = itertools.count(whole("epoch", epoch, least=0))

    def begin() -> tuple[np.ndarray, np.ndarray]:
        random, own_seed = epoch_random(seed, next(epochs), shuffle=shuffle)
        return (random.permutation(count) if shuffle else np.arange(count)).astype(np.int64), own_seed

    def one_pass(_: tf.Tensor) -> tf.data.Dataset:
        order, own_seed = tf.numpy_function(begin, [], [tf.int64, tf.int64])
        order = tf.ensure_shape(order, [count])
        of_samples = [tf.gather(column, order) for column in columns(tf.ensure_shape(own_seed, []))]
        return tf.data.Dataset.from_tensor_slices((order, *of_samples))

    passes = tf.data.Dataset.range(1).flat_map(one_pass)
    return passes.apply(tf.data.experimental.assert_cardinality(count))
