"""The course's sets of pictures and loaders of batches, around kerasfast's views."""

import os
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kerasfast.basics.arguments import whole
from kerasfast.fastai.parts.absent import absent
from kerasfast.fastai.torch_names.arrays import course_array
from kerasfast.fastai.transforms import Transforms, denorm
from kerasfast.vision.pipeline.views import View
from kerasfast.vision.sources.arrays import arrays_source
from kerasfast.vision.sources.decoding import decode, scanning
from kerasfast.vision.sources.file_samples import FileSamples

__all__ = [
    "ArraysIndexDataset", "ArraysNhotDataset", "DataLoader", "FilesArrayDataset", "FilesIndexArrayDataset",
    "FilesIndexArrayRegressionDataset", "FilesNhotArrayDataset", "ImageDataset", "open_image",
]  # fmt: skip
_OWN_READING = (
    "pictures that are read in a way of your own become arrays first, (n, height, width, 3), for "
    "`ImageClassifierData.from_arrays`; files are `FilesIndexArrayDataset`, `FilesNhotArrayDataset` or "
    "`FilesArrayDataset`"
)
_REFUSED = absent({"ArraysDataset BaseDataset FilesDataset": _OWN_READING})
globals().update(_REFUSED)
__all__ += [*_REFUSED]

_BATCH = 64


def open_image(fn: str | os.PathLike) -> np.ndarray:
    """Return a picture (height, width, 3), RGB from 0 to 1."""
    return decode.open_image(fn).astype(np.float32) / 255


class ImageDataset:
    """One set of pictures: `ds[0]` is a picture (sz, sz, 3) uint8 after its transforms, and its target.

    Args:
        view: kerasfast's view of the pictures.
        transform: The course's transforms.
        classes: Class names.
        kind: "single", "multi" or "regression".
        path: Folder that the names are relative to.
    """

    def __init__(self, view: View, transform: Transforms, classes: list[str], kind: str, path: str | os.PathLike):
        self.view, self.transform, self._classes, self._kind = view, transform, classes, kind
        self.fnames = [str(file) for file in view.files]
        self.path = str(path)
        # The course fills zeros in for unlabelled pictures.
        self.y = np.zeros((len(view), 1)) if view.targets is None else view.targets
        self._looks = 0

    @property
    def n(self) -> int:
        """Number of pictures."""
        return len(self.view)

    @property
    def c(self) -> int:
        """Number of classes, or of values of a regression."""
        return len(self._classes)

    @property
    def sz(self) -> int:
        """Side of the pictures in pixels."""
        return self.transform.sz

    @property
    def is_multi(self) -> bool:
        """Whether a picture can have several tags."""
        return self._kind == "multi"

    @property
    def is_reg(self) -> bool:
        """Whether the targets are values."""
        return self._kind == "regression"

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, idx: int | slice) -> tuple[np.ndarray, Any]:
        if isinstance(idx, slice):
            rows = np.arange(self.n)[idx]
            return self._pixels(rows), self.y[rows]
        if not -self.n <= idx < self.n:
            raise IndexError(f"This set has {self.n} pictures; received index {idx}.")
        return self._pixels(np.array([idx % self.n]))[0], self.y[idx]

    def get_x(self, i: int) -> np.ndarray:
        """Return a picture as it is stored, (height, width, 3) from 0 to 1."""
        return self.view.samples.picture(i).astype(np.float32) / 255

    def get_y(self, i: int) -> Any:
        """Return a target."""
        return self.y[i]

    def denorm(self, arr: Any) -> np.ndarray:
        """Return a batch of pictures (n, sz, sz, 3) from 0 to 1, as `plt.imshow` takes them."""
        return denorm(arr)

    def _pixels(self, rows: np.ndarray) -> np.ndarray:
        """Return pictures with transforms drawn anew at every look."""
        chosen = replace(self.view, samples=self.view.samples.take(rows), shuffle=False)
        self._looks += 1
        batches = [batch[0] if isinstance(batch, tuple) else batch for batch in chosen.dataset(self._looks)]
        return np.concatenate([batch.numpy() for batch in batches])


class DataLoader:
    """Batches (x, y) of a set as arrays: `x, y = next(iter(dl))`, x (bs, sz, sz, 3) uint8.

    Each loop is another epoch: with another order where the set is shuffled, and other random transforms.

    Args:
        dataset: The set, or rows of a table.
        batch_size: Pictures per batch; those of the set's data by default.
        shuffle: Whether each loop has another order; then an incomplete last batch is left out.
        num_workers, **options: Without effect: TensorFlow reads in parallel by itself.
    """

    def __new__(cls, dataset: Any, batch_size: int | None = None, shuffle: bool | None = None, **options: Any) -> Any:
        """Return a loader; of rows of a table the loader that these have."""
        return dataset.loader(batch_size, shuffle) if hasattr(dataset, "loader") else super().__new__(cls)

    def __init__(
        self,
        dataset: ImageDataset,
        batch_size: int | None = None,
        shuffle: bool | None = None,
        num_workers: int = 0,
        **options: Any,
    ):
        unknown = set(options) - {"pad_idx", "pin_memory", "pre_pad", "transpose", "transpose_y", "drop_last"}
        if unknown:
            raise TypeError(f"`DataLoader` has no argument {sorted(unknown)}.")
        self.dataset = dataset
        self._view = replace(
            dataset.view,
            batch_size=dataset.view.batch_size if batch_size is None else whole("batch_size", batch_size),
            shuffle=dataset.view.shuffle if shuffle is None else shuffle,
        )
        self._epoch = 0

    @property
    def batch_size(self) -> int:
        """Pictures per batch."""
        return self._view.batch_size

    def __len__(self) -> int:
        return int(self._view.dataset().cardinality())

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        batches = self._view.dataset(self._epoch)
        self._epoch += 1
        for batch in batches:
            pixels = batch[0] if isinstance(batch, tuple) else batch
            targets = batch[1].numpy() if isinstance(batch, tuple) else np.zeros((len(pixels), 1))
            yield course_array(pixels.numpy()), course_array(targets)


def FilesIndexArrayDataset(
    fnames: Sequence[str], y: np.ndarray, transform: Transforms, path: str | os.PathLike
) -> ImageDataset:
    """Return a set of files relative to `path`, with a class number (n,) each; predict it by `learn.predict_dl`."""
    y = np.asarray(y, np.int64)
    return _of_files(fnames, y, transform, path, [str(i) for i in range(int(y.max(initial=0)) + 1)], "single")


def FilesNhotArrayDataset(
    fnames: Sequence[str], y: np.ndarray, transform: Transforms, path: str | os.PathLike
) -> ImageDataset:
    """Return a set of files relative to `path`, with zeros and ones (n, classes) each."""
    y = np.asarray(y, np.float32)
    return _of_files(fnames, y, transform, path, [str(i) for i in range(y.shape[1])], "multi")


def FilesArrayDataset(
    fnames: Sequence[str], y: np.ndarray, transform: Transforms, path: str | os.PathLike
) -> ImageDataset:
    """Return a set of files relative to `path`, with a value (n,), or several (n, values), each."""
    y = np.asarray(y, np.float32)
    return _of_files(
        fnames, y, transform, path, [str(i) for i in range(y.shape[1] if y.ndim == 2 else 1)], "regression"
    )


FilesIndexArrayRegressionDataset = FilesArrayDataset


def ArraysIndexDataset(x: np.ndarray, y: np.ndarray, transform: Transforms) -> ImageDataset:
    """Return a set of pictures in memory, (n, height, width, 3) uint8 or from 0 to 1, with a class number (n,) each."""
    return _of_arrays(x, np.asarray(y, np.int64), transform, "single")


def ArraysNhotDataset(x: np.ndarray, y: np.ndarray, transform: Transforms) -> ImageDataset:
    """Return a set of pictures in memory, as `ArraysIndexDataset`, with zeros and ones (n, classes) each."""
    return _of_arrays(x, np.asarray(y, np.float32), transform, "multi")


def _of_arrays(x: np.ndarray, y: np.ndarray, transform: Transforms, kind: str) -> ImageDataset:
    source = arrays_source(".", (x, y), (x, y))
    return ImageDataset(View(source.train, transform.core, _BATCH), transform, list(source.classes), kind, ".")


def _of_files(
    fnames: Sequence[str], y: np.ndarray, transform: Transforms, path: str | os.PathLike, classes: list[str], kind: str
) -> ImageDataset:
    if len(fnames) != len(y):
        raise ValueError(f"Each file has a target; received {len(fnames)} files and {len(y)} targets.")
    names = [os.fspath(name) for name in fnames]
    found = scanning.scan(pathlib.Path(path), names)
    if found.problems:
        raise decode.ImageError(found.problems)
    samples = FileSamples(pathlib.Path(path), np.array(names, dtype=str), y, found)
    return ImageDataset(View(samples, transform.core, _BATCH), transform, classes, kind, path)
