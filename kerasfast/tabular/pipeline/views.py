"""Views of a table, as datasets for Keras: rows in memory, or streamed from files."""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from kerasfast.tabular.pipeline.batching import Batching
from kerasfast.tabular.pipeline.rows import ALIGNMENT, RowEncoder, Rows
from kerasfast.tabular.pipeline.splits import Split
from kerasfast.tabular.pipeline.table_files import FileParts, Files, Part
from kerasfast.training.epoch_order import epoch_passes, epoch_permutation


@dataclass(frozen=True, eq=False)
class TableView:
    """Rows in memory.

    Args:
        rows: Encoded rows.
        batching: How they become batches.
        spans: (rows,) which of them are held out together, by number; None where rows are drawn.
    """

    rows: Rows
    batching: Batching
    spans: np.ndarray | None = None

    def __len__(self) -> int:
        return self.rows.count

    @property
    def targets(self) -> np.ndarray | None:
        """(n,) class numbers or (n, outputs) numbers, in the order of the rows; None for unlabelled rows."""
        return self.rows.targets

    @functools.cached_property
    def _tensors(self) -> Rows:
        """The rows as tensors on the same memory, made once however many datasets read them."""
        with tf.init_scope(), tf.device("CPU:0"):  # else the table would be copied to the GPU and back
            return Rows(*(None if part is None else _tensor(part) for part in self.rows))

    def sample(self, rows: int, seed: int = 0) -> Rows:
        """Return some rows, drawn at random."""
        order = np.random.default_rng(seed).permutation(len(self))
        return self.rows.take(np.sort(order[:rows]))

    def dataset(self, epoch: int = 0) -> tf.data.Dataset:
        """Return batches ({"codes", "values"}, targets[, weights]), or of inputs alone without targets.

        Each pass over the dataset is the next epoch, with another order and other masks. An epoch is the same for the
        same seed, however it is reached.
        """
        count, batching = len(self), self.batching
        size = batching.rows_per_chunk(count)
        used = batching.steps(count) * min(batching.batch_size, count) if batching.shuffle else count

        table = self._tensors
        with tf.device("CPU:0"):

            def one_pass(order: tf.Tensor, seed: tf.Tensor) -> tf.data.Dataset:
                order = order[:used]

                def gather(chunk: tf.Tensor) -> tuple[Rows, tf.Tensor]:
                    index = order[chunk * size : (chunk + 1) * size]
                    rows = Rows(*(None if part is None else tf.gather(part, index) for part in table))
                    return rows, tf.stack([seed, chunk])

                return tf.data.Dataset.range(-(-used // size)).map(gather)

            passes = epoch_passes(count, batching.seed, epoch, shuffle=batching.shuffle, one_pass=one_pass)
            return batching.finished(passes, count)


@dataclass(frozen=True, eq=False)
class StreamView:
    """Rows in files, read and encoded anew in every pass, part by part in an order of its own in each epoch.

    A pass holds `shuffle_rows` encoded rows (and a part of a file); batches are drawn from them at random.

    Args:
        source: The files.
        encode: How columns become rows.
        batching: How they become batches.
        count: Rows of this view.
        split: Which rows are for validation; None to use them all.
        validation: Whether to use those for validation, else the others.
        shuffle_rows: Encoded rows to shuffle together.
    """

    source: FileParts
    encode: RowEncoder
    batching: Batching
    count: int
    split: Split | None = None
    validation: bool = False
    shuffle_rows: int = 2**18

    @classmethod
    def whole(cls, files: Files, encode: RowEncoder, batching: Batching) -> "StreamView":
        """Return the view of all rows of the files."""
        source = FileParts(files, encode.columns)
        return cls(source, encode, batching, source.rows)

    def __len__(self) -> int:
        return self.count

    @property
    def targets(self) -> np.ndarray | None:
        """(n,) class numbers or (n, outputs) numbers, in the order of the rows; reads the files' target columns."""
        target = self.encode.target
        if target is None:
            return None
        frames = self._frames(self.source.parts, [*target.names, *(self.split.columns if self.split else ())])
        return np.concatenate([target.encode(frame) for frame in frames])

    def sample(self, rows: int, seed: int = 0) -> Rows:
        """Return some rows from parts that are drawn at random."""
        order = np.random.default_rng(seed).permutation(len(self.source.parts))
        found, count = [], 0
        for frame in self._frames([self.source.parts[position] for position in order]):
            found.append(self.encode(frame.iloc[: rows - count]))
            count += found[-1].count
            if count == rows:
                break
        return Rows.joined(found)

    def check(self) -> None:
        """Read and encode all rows once.

        Raises:
            ValueError: If rows cannot be encoded.
        """
        for frame in self._frames(self.source.parts):
            self.encode(frame)

    def dataset(self, epoch: int = 0) -> tf.data.Dataset:
        """As `TableView.dataset`."""
        epochs = itertools.count(epoch)
        example = self.encode(next(self._frames(self.source.parts)).iloc[:0])
        specs = [None if part is None else tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in example]
        present = [index for index, spec in enumerate(specs) if spec is not None]
        signature = (tuple(specs[index] for index in present), tf.TensorSpec((2,), tf.int64))

        def elements() -> Iterator[tuple]:
            for rows, seed in self._chunks(next(epochs)):
                yield tuple(rows[index] for index in present), seed

        def named(parts: tuple, seed: tf.Tensor) -> tuple[Rows, tf.Tensor]:
            found = dict(zip(present, parts, strict=True))
            return Rows(*(found.get(index) for index in range(4))), seed

        with tf.device("CPU:0"):
            chunks = tf.data.Dataset.from_generator(elements, output_signature=signature).map(named)
            return self.batching.finished(chunks, self.count)

    def _chunks(self, epoch: int) -> Iterator[tuple[Rows, np.ndarray]]:
        """Yield (rows, seed) of chunks."""
        order, seed = epoch_permutation(
            len(self.source.parts), self.batching.seed, epoch, shuffle=self.batching.shuffle
        )
        parts = [self.source.parts[position] for position in order]
        size = self.batching.rows_per_chunk(self.count)
        pools = (
            self._shuffled_pools(parts, seed, size) if self.batching.shuffle else map(self.encode, self._frames(parts))
        )
        for number, rows in enumerate(_cut(pools, size)):
            if self.batching.shuffle:
                whole = (
                    rows.count // min(self.batching.batch_size, self.count) * min(self.batching.batch_size, self.count)
                )
                rows = rows.take(slice(whole))
            if rows.count:
                yield rows, np.array([seed, number])

    def _shuffled_pools(self, parts: list[Part], seed: np.ndarray, size: int) -> Iterator[Rows]:
        """Yield shuffled rows, `shuffle_rows` at a time."""
        random = np.random.default_rng(int(seed))
        for pool in _cut(map(self.encode, self._frames(parts)), max(self.shuffle_rows, size)):
            yield pool.take(random.permutation(pool.count))

    def _frames(self, parts: list[Part], columns: list[str] | None = None) -> Iterator:
        """Yield the frames of this view's rows."""
        for part in parts:
            for first, frame in self.source.read(part, columns):
                if self.split is not None:
                    chosen = self.split.mask(frame, first)
                    frame = frame[chosen if self.validation else ~chosen]
                if len(frame):
                    yield frame


def streamed_views(
    source: FileParts,
    encode: RowEncoder,
    batchings: tuple[Batching, Batching],
    count: int,
    split: Split | None,
    valid: Files | None,
    test: Files | None,
    shuffle_rows: int,
) -> tuple[StreamView, StreamView | None, StreamView | None]:
    """Return views of files for training, validation and test, of which the last two are read and checked once.

    Args:
        source: Files with the training rows, and the validation rows where there is a `split`.
        encode: From frames to rows.
        batchings: Of training rows and of the others.
        count: Number of training rows.
        split: Which rows of `source` are for validation.
        valid, test: Further files.
        shuffle_rows: Training rows to shuffle together.

    Raises:
        ValueError: If rows cannot be encoded.
    """
    shuffled, ordered = batchings
    train = StreamView(source, encode, shuffled, count, split, shuffle_rows=shuffle_rows)
    held = None if valid is None else StreamView.whole(valid, encode, ordered)
    if split is not None:
        held = StreamView(source, encode, ordered, source.rows - count, split, validation=True)
    unlabelled = None if test is None else StreamView.whole(test, RowEncoder(encode.encoder), ordered)
    for view in (held, unlabelled):
        if view is not None:
            view.check()
    return train, held, unlabelled


def _tensor(array: np.ndarray) -> tf.Tensor:
    """Return an array as a tensor, without a copy where its memory allows it."""
    fits = array.flags.c_contiguous and array.flags.writeable and not array.ctypes.data % ALIGNMENT
    if not fits or not array.size:
        return tf.constant(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def _cut(parts: Iterator[Rows], size: int) -> Iterator[Rows]:
    """Yield the same rows in pieces of `size`, the last one smaller."""
    waiting, count = [], 0
    for rows in parts:
        waiting.append(rows)
        count += rows.count
        while count >= size:
            joined = Rows.joined(waiting)
            yield joined.take(slice(size))
            waiting, count = [joined.take(slice(size, None))], count - size
    if count:
        yield Rows.joined(waiting)
