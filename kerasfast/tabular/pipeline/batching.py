"""Chunks of encoded rows cut into batches for Keras: masked and reshaped together, no Python per row or batch."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from kerasfast.basics.arguments import whole
from kerasfast.tabular.encoding.columns import UNKNOWN
from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.pipeline.rows import Rows
from kerasfast.training.epoch_order import unhindered

CHUNK_ROWS = 8192  # gathered, masked and cut into batches together
EVALUATION_ROWS = 4096  # per batch of a view that is not shuffled


@dataclass(frozen=True)
class Masking:
    """Which share of the codes becomes unknown, and of the flagged values missing, anew in every epoch.

    Attributes:
        rate: The share.
        source: (value columns,) which flag, counted from 0, decides on each column; -1 for none.
        hidden: (value columns,) what the column holds where it is hidden.
    """

    rate: float
    source: np.ndarray
    hidden: np.ndarray

    @classmethod
    def of(cls, encoder: TableEncoder) -> "Masking":
        """Return the masking that an encoder's `unknown_rate` asks for."""
        width = len(encoder.value_names)
        source, hidden = np.full(width, -1), np.zeros(width, np.float32)
        for number, (position, flag) in enumerate(encoder.flag_positions):
            source[[position, flag]] = number
            hidden[[position, flag]] = encoder.encoded_fills[position], 1
        return cls(encoder.unknown_rate, source, hidden)

    def __call__(self, codes: tf.Tensor, values: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mask a chunk; `seed` (2,) decides on the draws."""
        code_seed, value_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        visible = tf.random.stateless_uniform(tf.shape(codes), code_seed) >= self.rate
        codes = tf.where(visible, codes, UNKNOWN)
        flags = int(self.source.max(initial=-1)) + 1
        if flags:
            draws = tf.random.stateless_uniform([tf.shape(values)[0], flags], value_seed)
            draws = tf.pad(draws, [[0, 0], [0, 1]], constant_values=1.0)  # -1, no flag, finds the 1
            hide = tf.gather(draws, self.source % (flags + 1), axis=1) < self.rate
            values = tf.where(hide, self.hidden, values)
        return codes, values


@dataclass(frozen=True)
class Batching:
    """How a view is cut into batches.

    Attributes:
        batch_size: Rows per batch of a shuffled view.
        shuffle: Whether to shuffle anew each epoch, mask, and drop an incomplete last batch, as training needs.
        seed: Of order and masking.
        masking: None for none.
    """

    batch_size: int
    shuffle: bool = False
    seed: int = 42
    masking: Masking | None = None

    @classmethod
    def pair(
        cls, encoder: TableEncoder | None, batch_size: int | None, seed: int, rows: int
    ) -> tuple["Batching", "Batching"]:
        """Return how training rows, and how all others, become batches.

        Args:
            encoder: Asks for masking; None for none.
            batch_size: Rows per training batch; None for a 32nd of the rows, from 32 to 256, as a power of 2.
            seed: Of order and masking.
            rows: For training.
        """
        if batch_size is None:
            batch_size = int(np.clip(2 ** round(np.log2(rows / 32)), 32, 256))
        masking = None if encoder is None else Masking.of(encoder)
        return cls(whole("batch_size", batch_size), True, seed, masking), cls(batch_size, False, seed)

    def steps(self, rows: int) -> int:
        """Return the number of batches of an epoch."""
        return max(1, rows // self.batch_size) if self.shuffle else -(-rows // EVALUATION_ROWS)

    def rows_per_chunk(self, rows: int) -> int:
        """Return the rows of a chunk: several batches of a shuffled view, one batch of any other."""
        if not self.shuffle:
            return EVALUATION_ROWS
        size = min(self.batch_size, rows)
        return size * max(1, CHUNK_ROWS // size)

    def finished(self, chunks: tf.data.Dataset, rows: int) -> tf.data.Dataset:
        """Return batches of chunks (Rows, seed (2,)), with (inputs, targets[, weights]) or inputs alone."""
        size = min(self.batch_size, rows)

        def finish(part: Rows, seed: tf.Tensor):
            if not self.shuffle:
                return _element(part)
            if self.masking is not None and self.masking.rate:
                codes, values = self.masking(part.codes, part.values, seed)
                part = part._replace(codes=codes, values=values)
            cut = lambda tensor: None if tensor is None else tf.reshape(tensor, [-1, size, *tensor.shape[1:]])
            return _element(Rows(*map(cut, part)))

        dataset = chunks.map(finish, num_parallel_calls=2)
        if self.shuffle:
            dataset = dataset.prefetch(1).unbatch()
        dataset = unhindered(dataset.prefetch(8 if self.shuffle else 1))
        return dataset.apply(tf.data.experimental.assert_cardinality(self.steps(rows)))


def _element(part: Rows):
    inputs = {name: tensor for name, tensor in (("codes", part.codes), ("values", part.values)) if tensor.shape[-1]}
    rest = tuple(tensor for tensor in (part.targets, part.weights) if tensor is not None)
    return (inputs, *rest) if rest else inputs
