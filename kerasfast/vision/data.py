"""Image data: the pictures of a source for training, validation and test, as views."""

import os
import pathlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kerasfast.arguments import whole
from kerasfast.described import Described, some
from kerasfast.vision.pipeline.memory import bytes_of, kept_sides
from kerasfast.vision.pipeline.transforms import Transforms
from kerasfast.vision.pipeline.views import View
from kerasfast.vision.sources import source as sources
from kerasfast.vision.sources.arrays import ArraySamples, arrays_source
from kerasfast.vision.sources.decode import scan
from kerasfast.vision.sources.resize import resize_files
from kerasfast.vision.sources.source import ImageSource, Samples


@dataclass(frozen=True, eq=False, repr=False)
class ImageData(Described):
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
        memory: Whether training and validation pictures stay in memory (see `in_memory`).
        on_device: Whether training pictures are augmented by the learner on its device (`ImageLearner.pretrained` with
            `accelerate`); batches of `train` are then pictures before augmentation and what will become of them.

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
    memory: bool = False
    on_device: bool = False

    def __post_init__(self):
        whole("batch_size", self.batch_size)
        whole("seed", self.seed, least=0)
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
        from kerasfast.vision.sources.tfds import from_tfds

        return cls(from_tfds(builder, path, **arguments), transforms, batch_size, seed)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, sorted; column names of a regression."""
        return self.source.classes

    @property
    def target_kind(self) -> str:
        """`"single"` (one class a picture), `"multi"` (tags) or `"regression"` (numbers)."""
        return self.source.target_kind

    @property
    def size(self) -> int:
        """Side of the pictures in pixels."""
        return self.transforms.size

    @cached_property
    def train(self) -> View:
        """Training pictures, shuffled and augmented."""
        view = replace(self._view(self.source.train, self.transforms, shuffle=True), on_device=self.on_device)
        return view.in_memory() if self.memory else view

    @cached_property
    def fixed(self) -> View:
        """Training pictures in order, without augmentation."""
        return self._view(self.source.train, self.transforms.validation())

    @cached_property
    def valid(self) -> View:
        """Validation pictures."""
        view = self._view(self.source.valid, self.transforms.validation())
        return view.in_memory() if self.memory else view

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

    def in_memory(self, gibibytes: float = 2.0) -> "ImageData":
        """Return the data with training and validation pictures kept in memory as pixels: later epochs decode nothing.

        They are read when training first asks for them, and again after `at_size`. Validation pictures are the same to
        the pixel; training pictures are kept whole, at the least size that the transforms allow, and so are scaled
        twice where they are zoomed. (500 x 375 pixels at size 224 with zoom 1.1 take 0.24 MB, five times their JPEG.)

        Args:
            gibibytes: The most memory to use. While pictures are read they take twice as much.

        Raises:
            ValueError: If the pictures need more.
        """
        views = ((self.source.train, self.transforms), (self.source.valid, self.transforms.validation()))
        if isinstance(self.source.train, ArraySamples):
            return self
        need = sum(bytes_of(kept_sides(samples, transforms)) for samples, transforms in views) / 2**30
        if need > gibibytes:
            raise ValueError(
                f"The pictures need {need:.2g} GiB in memory, more than the {gibibytes} allowed; pass `gibibytes`, a "
                "smaller size or zoom, or read small copies from disk: `data.resize(...)`."
            )
        return replace(self, memory=True)

    def _facts(self) -> dict[str, str]:
        kinds = {"single": "one of", "multi": "several of", "regression": "the numbers"}
        counts = {name: len(getattr(self.source, name) or ()) for name in ("train", "valid", "test")}
        skipped = f"; {len(self.source.skipped)} broken ones left out" if self.source.skipped else ""
        return {
            "pictures": ", ".join(f"{count} {name}" for name, count in counts.items() if count) + skipped,
            "targets": f"{kinds[self.target_kind]} {some(self.classes)}",
            "transforms": repr(self.transforms),
            "batches": f"of {self.batch_size}, seed {self.seed}",
            "path": str(self.path),
        }

    def _view(self, samples: Samples | ArraySamples, transforms: Transforms, *, shuffle: bool = False) -> View:
        return View(samples, pathlib.Path(self.source.root), transforms, self.batch_size, shuffle, self.seed)
