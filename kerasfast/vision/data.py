"""Image data: views of a source as batched datasets, from files or arrays, decoded right and transformed in batches."""

import operator
import os
import pathlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral

import numpy as np
import tensorflow as tf

from kerasfast.vision import sources
from kerasfast.vision.arrays import ArraySamples, arrays_source
from kerasfast.vision.decode import Scan, open_image, scan
from kerasfast.vision.order import epoch_order
from kerasfast.vision.resize import resize_files
from kerasfast.vision.sources import ImageSource, Samples
from kerasfast.vision.transforms import DRAWS, Transforms, augment, squared, window


@dataclass(frozen=True, eq=False)
class View:
    """One way to look at samples: which transforms, in which order.

    Args:
        samples: The pictures and their targets.
        root: Folder that the file names are relative to.
        transforms: What becomes of each picture.
        batch_size: Pictures per batch.
        shuffle: Whether to shuffle anew each epoch and to drop an incomplete last batch, as training needs.
        seed: Of shuffling and augmentation.
    """

    samples: Samples | ArraySamples
    root: pathlib.Path
    transforms: Transforms
    batch_size: int
    shuffle: bool = False
    seed: int = 42

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def files(self) -> np.ndarray:
        """(n,) file names relative to the root, in the order of the targets (and of predictions)."""
        return self.samples.files

    @property
    def targets(self) -> np.ndarray | None:
        """(n,) class indices or (n, c) multi-hot or regression targets; None for unlabelled pictures."""
        return self.samples.targets

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return one picture, (size, size, 3) uint8 after the transforms, and its target."""
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"This view has {len(self)} pictures; received index {index}.")
        one = replace(self, samples=self.samples.take([index % len(self)]), shuffle=False)
        batch = next(iter(one.dataset()))
        pixels = batch[0] if isinstance(batch, tuple) else batch
        return pixels[0].numpy(), None if self.targets is None else self.targets[index]

    def dataset(self, epoch: int = 0) -> tf.data.Dataset:
        """Return batches (pixels (b, size, size, 3) uint8, targets), or of pixels alone without targets.

        Each pass over the dataset is the next epoch, with another order and other random transforms. An epoch is the
        same for the same seed, however it is reached: the second pass over `dataset(3)` is the first over `dataset(4)`.
        """
        count = len(self)
        with tf.device("CPU:0"):  # else pictures in memory and targets would be copied to the GPU and back
            order = epoch_order(count, self.seed, epoch, shuffle=self.shuffle)
            dataset = order.map(self._loader(), num_parallel_calls=os.cpu_count() or 1)
            dataset = dataset.batch(min(self.batch_size, count), drop_remainder=self.shuffle)
            dataset = dataset.map(self._finisher(), num_parallel_calls=2).prefetch(2)
        options = tf.data.Options()
        options.autotune.enabled = False  # the autotuner can hold back the last batches of an epoch
        return dataset.with_options(options)

    def _loader(self) -> Callable:
        """Return the function (index, seed) -> (index, pixels (size, size, 3) uint8, draw)."""
        read, transforms = self._reader(), self.transforms
        size = transforms.size

        def load(index: tf.Tensor, seed: tf.Tensor):
            draw = tf.random.stateless_uniform([DRAWS], tf.stack([seed, index]))
            pixels = squared(read(index, lambda height, width: window(transforms, height, width, draw)), size)
            return index, tf.ensure_shape(pixels, [size, size, 3]), draw

        return load

    def _reader(self) -> Callable:
        """Return the function (index, window chooser) -> cropped pixels (height, width, 3) uint8."""
        if isinstance(self.samples, ArraySamples):
            return _array_reader(self.samples.images)
        paths = tf.constant([os.fsencode(os.path.join(self.root, file)) for file in self.samples.files])
        return _file_reader(paths, self.samples.scan)

    def _finisher(self) -> Callable:
        transforms = self.transforms
        targets = None if self.targets is None else tf.constant(self.targets)

        def finish(indices: tf.Tensor, pixels: tf.Tensor, draws: tf.Tensor):
            pixels = augment(pixels, draws, transforms)
            return pixels if targets is None else (pixels, tf.gather(targets, indices))

        return finish


def _array_reader(images: np.ndarray) -> Callable:
    pixels = tf.constant(images)
    height, width = images.shape[1:3]

    def read(index: tf.Tensor, choose: Callable) -> tf.Tensor:
        top, left, rows, columns = tf.unstack(choose(tf.constant(height), tf.constant(width)))
        return tf.slice(pixels[index], [top, left, 0], [rows, columns, 3])

    return read


def _file_reader(paths: tf.Tensor, headers: Scan) -> Callable:
    """Decode plain JPEGs with TensorFlow, only the window; all else with Pillow, which reads it right."""
    heights, widths, plain = (tf.constant(values) for values in (headers.height, headers.width, headers.plain_jpeg))

    def read(index: tf.Tensor, choose: Callable) -> tf.Tensor:
        box = choose(heights[index], widths[index])
        return tf.cond(
            plain[index],
            lambda: tf.io.decode_and_crop_jpeg(
                tf.io.read_file(paths[index]), box, channels=3, dct_method="INTEGER_ACCURATE"
            ),
            lambda: _ensure_rgb(tf.numpy_function(_open_and_crop, [paths[index], box], tf.uint8, stateful=False)),
        )

    return read


def _ensure_rgb(pixels: tf.Tensor) -> tf.Tensor:
    return tf.ensure_shape(pixels, [None, None, 3])


def _open_and_crop(path: bytes, box: np.ndarray) -> np.ndarray:
    top, left, height, width = box
    return open_image(os.fsdecode(path))[top : top + height, left : left + width]


@dataclass(frozen=True, eq=False)
class ImageData:
    """Pictures for training, validation and test, and how they are transformed.

    Make one with `from_folders`, `from_csv`, `from_dataframe`, `from_arrays` or `from_tfds`. Nothing is changed in
    place: `resize`, `at_size` and `replace` of dataclasses return new data.

    Args:
        source: Files or arrays with their targets.
        transforms: Applied in training; validation uses `transforms.validation()`.
        batch_size: Pictures per batch.
        seed: Of shuffling and augmentation.
        path: Folder for `models/` and `tmp/`; the source's root by default.
        copies: Shorter side in pixels of the copies that the pictures are read from (see `resize`); None for originals.

    Example:

        data = ImageData.from_folders("dogscats", transforms=transforms_side_on(224, max_zoom=1.1), test="test")
        pixels, targets = next(iter(data.valid.dataset()))
    """

    source: ImageSource
    transforms: Transforms = Transforms()
    batch_size: int = 64
    seed: int = 42
    path: pathlib.Path | None = None
    copies: int | None = None

    def __post_init__(self):
        for name, least in (("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
                raise ValueError(f"`{name}` must be a whole number, {least} or more; received {value!r}.")
        if not isinstance(self.transforms, Transforms):
            raise ValueError(
                f"`transforms` must be `Transforms`, such as `transforms_side_on(224)`; received {self.transforms!r}."
            )
        if self.copies is not None and 0 < self.copies < self.transforms.size:
            raise ValueError(
                f"Copies of {self.copies} pixels are too small for pictures of size {self.transforms.size}; "
                "change the size of the data first and resize from the originals: `data.at_size(size).resize(...)`."
            )
        object.__setattr__(self, "path", pathlib.Path(self.source.root if self.path is None else self.path))

    @classmethod
    def from_folders(
        cls, root: str | os.PathLike, *, transforms=Transforms(), batch_size=64, seed=42, **arguments
    ) -> "ImageData":
        """Read pictures whose class is the name of their folder; see `sources.from_folders` for the other arguments."""
        return cls(sources.from_folders(root, seed=seed, **arguments), transforms, batch_size, seed)

    @classmethod
    def from_csv(
        cls,
        root: str | os.PathLike,
        csv: str | os.PathLike,
        *,
        transforms=Transforms(),
        batch_size=64,
        seed=42,
        **arguments,
    ) -> "ImageData":
        """Read pictures whose tags or values stand in a CSV file; see `sources.from_csv` for the other arguments."""
        return cls(sources.from_csv(root, csv, seed=seed, **arguments), transforms, batch_size, seed)

    @classmethod
    def from_dataframe(
        cls, root: str | os.PathLike, frame, *, transforms=Transforms(), batch_size=64, seed=42, **arguments
    ) -> "ImageData":
        """Read pictures listed in a data frame; see `sources.from_dataframe` for the other arguments."""
        return cls(sources.from_dataframe(root, frame, seed=seed, **arguments), transforms, batch_size, seed)

    @classmethod
    def from_arrays(
        cls,
        train,
        valid,
        *,
        path: str | os.PathLike = ".",
        transforms=Transforms(),
        batch_size=64,
        seed=42,
        **arguments,
    ) -> "ImageData":
        """Take pictures from arrays: pairs (images, targets); see `arrays.arrays_source` for the other arguments."""
        return cls(arrays_source(path, train, valid, **arguments), transforms, batch_size, seed)

    @classmethod
    def from_tfds(
        cls, builder, path: str | os.PathLike, *, transforms=Transforms(), batch_size=64, seed=42, **arguments
    ) -> "ImageData":
        """Take pictures from a prepared tensorflow-datasets builder; see `tfds.from_tfds` for the other arguments."""
        from kerasfast.vision.tfds import from_tfds

        return cls(from_tfds(builder, path, **arguments), transforms, batch_size, seed)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, sorted; column names of a regression."""
        return self.source.classes

    @property
    def kind(self) -> str:
        """ "single", "multi" or "regression"."""
        return self.source.kind

    @property
    def size(self) -> int:
        """Side of the pictures in pixels."""
        return self.transforms.size

    @cached_property
    def train(self) -> View:
        """Training pictures, shuffled and augmented."""
        return self._view(self.source.train, self.transforms, shuffle=True)

    @cached_property
    def fixed(self) -> View:
        """Training pictures in order, without augmentation."""
        return self._view(self.source.train, self.transforms.validation())

    @cached_property
    def valid(self) -> View:
        """Validation pictures."""
        return self._view(self.source.valid, self.transforms.validation())

    @cached_property
    def augmented(self) -> View:
        """Validation pictures in order, augmented as in training."""
        return self._view(self.source.valid, self.transforms)

    @cached_property
    def test(self) -> View | None:
        """Test pictures."""
        return None if self.source.test is None else self._view(self.source.test, self.transforms.validation())

    @cached_property
    def test_augmented(self) -> View | None:
        """Test pictures in order, augmented as in training."""
        return None if self.source.test is None else self._view(self.source.test, self.transforms)

    def at_size(self, size: int) -> "ImageData":
        """Return the same pictures at another size."""
        return replace(self, transforms=self.transforms.at_size(size))

    def resize(self, size: int, folder: str | os.PathLike = "tmp", *, progress: bool = True) -> "ImageData":
        """Return the data read from copies whose shorter side has `size` pixels, made once in `<path>/<folder>/<size>`.

        Reading small copies of large pictures saves most of an epoch's time. Copies are reused while their source is
        unchanged.

        Raises:
            ValueError: If the copies would be smaller than the pictures that the transforms make of them, or the
                pictures are arrays.
        """
        if isinstance(self.source.train, ArraySamples):
            raise ValueError("These pictures are arrays, not files; resize the arrays themselves.")
        data = replace(self, copies=size)
        splits = {name: getattr(self.source, name) for name in ("train", "valid", "test")}
        splits = {name: samples for name, samples in splits.items() if samples is not None}
        files = np.concatenate([samples.files for samples in splits.values()])
        # Absolute, since a relative one would lie inside the root of the pictures.
        folder = (self.path / folder).absolute()
        root = resize_files(self.source.root, list(files), size, folder=folder, progress=progress)
        copies = {
            name: replace(samples, scan=scan(root, samples.files, progress=progress))
            for name, samples in splits.items()
        }
        return replace(data, source=replace(self.source, root=root, **copies))

    def _view(self, samples: Samples | ArraySamples, transforms: Transforms, *, shuffle: bool = False) -> View:
        return View(samples, pathlib.Path(self.source.root), transforms, self.batch_size, shuffle, self.seed)
