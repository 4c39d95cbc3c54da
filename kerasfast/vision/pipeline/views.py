"""Views of samples: batched datasets of pictures, decoded right, cropped, scaled and augmented."""

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from kerasfast.basics.described import Described
from kerasfast.basics.processors import usable_processors
from kerasfast.training.epoch_order import epoch_order, unhindered
from kerasfast.vision.pipeline.augment import augment
from kerasfast.vision.pipeline.memory import loaded
from kerasfast.vision.pipeline.on_device import MOVES, PIXELS, moves
from kerasfast.vision.pipeline.transforms import DRAWS, Transforms, windows
from kerasfast.vision.sources.decoding.reading import squared
from kerasfast.vision.sources.samples import Samples


@dataclass(frozen=True, eq=False, repr=False)
class View(Described):
    """One way to look at samples: which transforms, in which order.

    Args:
        samples: The pictures and their targets.
        transforms: What becomes of each picture.
        batch_size: Pictures per batch.
        shuffle: Whether to shuffle anew each epoch and to drop an incomplete last batch, as training needs.
        seed: Of shuffling and augmentation.
        on_device: Whether batches come unaugmented, as {"pixels": ..., "moves": (b, MOVES)}, for `on_device.Mover`.
        draws: (n,) how often each picture comes in an epoch of a view that shuffles, together n; by default once.
    """

    samples: Samples
    transforms: Transforms
    batch_size: int
    shuffle: bool = False
    seed: int = 42
    on_device: bool = False
    draws: np.ndarray | None = None

    def __post_init__(self):
        here = [change for change in self.transforms.changes if not change.on_device]
        if self.on_device and here:
            raise ValueError(
                f"Pictures are moved and lit on the device (`accelerate=True`), where {here[0]!r} is not made: leave "
                "it out, or train without `accelerate`."
            )

    def _facts(self) -> dict[str, str]:
        order = f"shuffled by seed {self.seed}" if self.shuffle else "in order"
        return {
            "pictures": f"{len(self)}, {order}, {'without' if self.targets is None else 'with'} targets",
            "transforms": repr(self.transforms),
            "batches": f"of {self.batch_size}",
        }

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def files(self) -> np.ndarray:
        """(n,) names of the pictures, in the order of the targets (and of predictions)."""
        return self.samples.files

    @property
    def targets(self) -> np.ndarray | Any:
        """(n,) class indices or (n, c) multi-hot or regression targets; None for unlabelled pictures."""
        return self.samples.targets

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return one picture, (size, size, 3) uint8 after the transforms, and its target."""
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"This view has {len(self)} pictures; received index {index}.")
        one = replace(self, samples=self.samples.take([index % len(self)]), shuffle=False, on_device=False, draws=None)
        batch = next(iter(one.dataset()))
        pixels = batch[0] if isinstance(batch, tuple) else batch
        return pixels[0].numpy(), None if self.targets is None else self.targets[index]

    def dataset(self, epoch: int = 0) -> tf.data.Dataset:
        """Return batches (pixels (b, size, size, 3) uint8, targets), or of pixels alone without targets.

        Each pass over the dataset is the next epoch, with another order and other random transforms. An epoch is the
        same for the same seed, however it is reached: the second pass over `dataset(3)` is the first over `dataset(4)`.
        """
        return self._batches(epoch)

    def rest_of_epoch(self, epoch: int, first: int) -> tf.data.Dataset:
        """Return the batches of one epoch from the batch `first` on; those before are not decoded."""
        return self._batches(epoch, first * min(self.batch_size, len(self)))

    def _batches(self, epoch: int, first: int = 0) -> tf.data.Dataset:
        count, workers = len(self), usable_processors()
        with tf.device("CPU:0"):  # else pictures in memory and targets would be copied to the GPU and back
            order = epoch_order(
                count,
                self.seed,
                epoch,
                shuffle=self.shuffle,
                columns=self.boxes_and_draws,
                draws=self.draws,
                first=first,
            )
            dataset = order.map(self._loader(), num_parallel_calls=workers)
            dataset = dataset.batch(min(self.batch_size, count), drop_remainder=self.shuffle)
            dataset = dataset.map(self._finisher(), num_parallel_calls=workers).prefetch(2)
        return unhindered(dataset)

    def boxes_and_draws(self, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the windows (n, 4) and the uniform numbers (n, DRAWS) of all pictures for an epoch's seed."""
        heights, widths = self.samples.sides
        draws = tf.random.stateless_uniform([len(self), DRAWS], tf.stack([seed, 0]))
        return windows(self.transforms, tf.constant(heights), tf.constant(widths), draws), draws

    def in_memory(self) -> "View":
        """Return the same view of pictures that are read, decoded and scaled now, once and for all epochs."""
        return replace(self, samples=loaded(self.samples, self.transforms)) if self.samples.on_disk else self

    def _loader(self) -> Callable:
        """Return the function (index, box, draw) -> (index, pixels (size, size, 3) uint8, draw)."""
        read = self.window_reader()

        def load(index: tf.Tensor, box: tf.Tensor, draw: tf.Tensor):
            return index, read(index, box), draw

        return load

    def window_reader(self) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        """Return the function (index, box (4,)) -> the window of a picture, (size, size, 3) uint8, not augmented."""
        size = self.transforms.size
        read = self.samples.reader(size)
        return lambda index, box: squared(read(index, box), size)

    def _finisher(self) -> Callable:
        """Return the function (indices, pixels, draws) -> what the dataset yields."""
        transforms, on_device = self.transforms, self.on_device
        targets = None if self.targets is None else tf.constant(self.targets)

        def finish(indices: tf.Tensor, pixels: tf.Tensor, draws: tf.Tensor):
            pixels = (_with_moves if on_device else augmented)(pixels, draws, transforms)
            return pixels if targets is None else (pixels, tf.gather(targets, indices))

        return finish


def augmented(pixels: tf.Tensor, draws: tf.Tensor, transforms: Transforms) -> tf.Tensor:
    """Return a batch (n, size, size, 3) uint8 transformed as its draws (n, DRAWS) say; see `augment`."""
    if not (transforms.warps or transforms.lights):
        return pixels
    apply = lambda images, numbers: augment(images, numbers, transforms)
    return tf.ensure_shape(tf.numpy_function(apply, [pixels, draws], tf.uint8, stateful=False), pixels.shape)


def _with_moves(pixels: tf.Tensor, draws: tf.Tensor, transforms: Transforms) -> dict[str, tf.Tensor]:
    numbers = tf.numpy_function(lambda draws: moves(draws, transforms), [draws], tf.float32, stateful=False)
    return {PIXELS: pixels, "moves": tf.ensure_shape(numbers, [pixels.shape[0], MOVES])}
