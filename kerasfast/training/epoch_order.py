"""The order of samples, of pictures and of rows, epoch by epoch: repeatable from a seed and the epoch alone."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from kerasfast.basics.arguments import whole

EVALUATION_SEED = 0x7FFF  # keeps the draws of augmented evaluation apart from those of training


def epoch_random(seed: int, epoch: int, *, shuffle: bool) -> tuple[np.random.Generator, np.int64]:
    """Return the random numbers of an epoch, and a seed made of them for what happens to its samples."""
    random = np.random.default_rng([seed, epoch, 0 if shuffle else EVALUATION_SEED])
    return random, np.int64(random.integers(2**31))


def epoch_permutation(
    count: int, seed: int, epoch: int, *, shuffle: bool, draws: np.ndarray | None = None
) -> tuple[np.ndarray, np.int64]:
    """Return the order (count,) int64 of an epoch's samples, and a seed for what happens to them.

    Args:
        count, seed, epoch, shuffle: As in `epoch_passes`.
        draws: (count,) how often each sample comes in an epoch in the mean, together `count`; in each epoch it is this
            number rounded up or down. By default each comes once.
    """
    random, own_seed = epoch_random(seed, epoch, shuffle=shuffle)
    order = random.permutation(count) if shuffle else np.arange(count)
    if shuffle and draws is not None:
        ends = np.cumsum(draws[order])
        ends *= count / ends[-1]
        places = np.searchsorted(ends, np.arange(count) + random.random(), side="right")
        order = random.permutation(order[np.minimum(places, count - 1)])
    return order.astype(np.int64), own_seed


def epoch_passes(
    count: int,
    seed: int,
    epoch: int,
    *,
    shuffle: bool,
    one_pass: Callable[[tf.Tensor, tf.Tensor], tf.data.Dataset],
    draws: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Return a dataset that moves on by an epoch with every pass.

    `Dataset.shuffle` would depend on TensorFlow's global seed and on how often the dataset was read before.

    Args:
        count: Number of samples.
        seed: Of all epochs.
        epoch: The epoch of the first pass.
        shuffle: Whether each epoch has an order of its own.
        one_pass: From an epoch's order (count,) and seed () to what a pass gives.
        draws: See `epoch_permutation`.
    """
    epochs = itertools.count(whole("epoch", epoch, least=0))

    def begin(_: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return epoch_permutation(count, seed, next(epochs), shuffle=shuffle, draws=draws)

    def numbered(only: tf.Tensor) -> tf.data.Dataset:
        # What counts as stateful would end all that runs in parallel behind it where operations must repeat; an input
        # keeps it from being taken for a constant.
        order, own_seed = tf.numpy_function(begin, [only], [tf.int64, tf.int64], stateful=False)
        return one_pass(tf.ensure_shape(order, [count]), tf.ensure_shape(own_seed, []))

    return tf.data.Dataset.range(1).flat_map(numbered)


def unhindered(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return the dataset without tf.data's autotuner, which can hold back the last batches of an epoch."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def epoch_order(
    count: int,
    seed: int,
    epoch: int,
    *,
    shuffle: bool,
    columns: Callable[[tf.Tensor], Sequence[tf.Tensor]] = lambda seed: (),
    draws: np.ndarray | None = None,
    first: int = 0,
) -> tf.data.Dataset:
    """Return a dataset of (index, *columns of that sample), which moves on by an epoch with every pass.

    Args:
        count, seed, epoch, shuffle, draws: As in `epoch_passes`.
        columns: Called with a seed () that is the epoch's own, gives tensors (count, ...): for all samples at once,
            which costs far less than number by number.
        first: Position in the first pass of the sample to begin with.
    """

    def one_pass(order: tf.Tensor, own_seed: tf.Tensor) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices((order, *(tf.gather(column, order) for column in columns(own_seed))))

    passes = epoch_passes(count, seed, epoch, shuffle=shuffle, one_pass=one_pass, draws=draws)
    passes = passes.apply(tf.data.experimental.assert_cardinality(count))
    return passes.skip(first) if first else passes
