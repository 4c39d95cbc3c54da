"""Image data: the pictures of a source for training, validation and test, as views."""

import os
import pathlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kerasfast.basics import arguments
from kerasfast.basics.arguments import flag, number, whole
from kerasfast.basics.described import Described, some
from kerasfast.losses import balanced_draws
from kerasfast.vision.made_data import MadeImageData
from kerasfast.vision.pipeline.memory import bytes_of, kept_sides
from kerasfast.vision.pipeline.transforms import Transforms
from kerasfast.vision.pipeline.views import View
from kerasfast.vision.sources.decoding.reading import Size
from kerasfast.vision.sources.file_samples import FileSamples
from kerasfast.vision.sources.resize import resized
from kerasfast.vision.sources.samples import Samples


@dataclass(frozen=True, eq=False, repr=False)
class ImageData(Described, MadeImageData):
    """Pictures for training, validation and test, and how they are transformed.

    Make one with `from_folders`, `from_csv`, `from_dataframe`, `from_arrays`, `from_tfds` or `from_shards`.
    Nothing is changed in place: `resize`, `at_size` and `replace` of dataclasses return new data.

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
        draws_at_most: Training pictures of rare classes and tags come more often, up to so many times an epoch (see
            `balanced`); None for each once.

    Raises:
        ValueError: If an argument is out of its range, or copies are smaller than the pictures made of them.

    Example:
        >>> grey, white = np.full((8, 16, 16), 128, "uint8"), np.full((8, 16, 16), 255, "uint8")
        >>> pictures, targets = np.concatenate([grey, white]), np.repeat([0, 1], 8)
        >>> data = ImageData.from_arrays((pictures, targets), classes=["grey", "white"], transforms=Transforms(16))
        >>> len(data.train), len(data.valid), data.valid[0][0].shape
        (13, 3, (16, 16, 3))

    With files:

        data = ImageData.from_folders("dogscats", transforms=transforms_side_on(224, max_zoom=1.1), test="test")
        pixels, targets = next(iter(data.valid.dataset()))
    """

    path: pathlib.Path | None = None
    copies: int | None = None
    memory: bool = False
    on_device: bool = False
    draws_at_most: float | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.copies is not None and 0 < self.copies < max(self.transforms.sides):
            raise ValueError(
                f"Copies of {self.copies} pixels are too small for pictures of size {self.transforms.size}; "
                "change the size of the data first and resize from the originals: `data.at_size(size).resize(...)`."
            )
        path = arguments.path("path", self.source.root if self.path is None else self.path)
        object.__setattr__(self, "path", path)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, sorted; column names of a regression."""
        return self.source.classes

    @property
    def target_kind(self) -> str:
        """`"single"` (one class a picture), `"multi"` (tags) or `"regression"` (numbers)."""
        return self.source.target_kind

    @property
    def channels(self) -> int:
        """Channels of the pictures: 3, but where more were asked for, or arrays have more."""
        return self.source.train.channels

    @property
    def size(self) -> Size:
        """Side of the pictures in pixels; (height, width) of rectangles."""
        return self.transforms.size

    @cached_property
    def train(self) -> View:
        """Training pictures, shuffled and augmented."""
        view = replace(
            self._view(self.source.train, self.transforms, shuffle=True), on_device=self.on_device, draws=self.draws
        )
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

    @cached_property
    def draws(self) -> np.ndarray | None:
        """(n,) how often each training picture comes in an epoch, in the mean; None where each comes once."""
        return (
            None if self.draws_at_most is None else balanced_draws(self.source.train.targets, most=self.draws_at_most)
        )

    def balanced(self, *, most: float = 20.0) -> "ImageData":
        """Return the data with training pictures drawn so that classes come equally often, and rare tags more often.

        An epoch has as many pictures as before: some of frequent classes are left out, others in the next epoch. Of
        several tags a picture's rarest counts. `fit_head` weighs its pictures so. To weigh the loss instead see
        `balanced_weights`; the two together would count twice.

        Args:
            most: A picture comes at most so many times an epoch.

        Raises:
            ValueError: For a regression.
        """
        if self.target_kind == "regression":
            raise ValueError("`balanced` needs classes or tags; these pictures have numbers as targets.")
        return replace(self, draws_at_most=number("most", most, above=1))

    def fold(self, fold: int, folds: int = 5) -> "ImageData":
        """Return the training and validation pictures divided anew: one of `folds` parts of them is for validation.

        Every picture is for validation in exactly one fold; classes, tags and groups as in `from_csv`. (A picture that
        is the only one of its class is in none.) The test set stays. The parts depend on `seed` alone.

        Args:
            fold: Which, from 0.
            folds: How many parts.

        Raises:
            ValueError: When an argument is out of range, or there are too few pictures for so many folds.
        """
        return replace(self, source=self.source.fold(fold, folds, self.seed))

    def at_size(self, size: Size) -> "ImageData":
        """Return the same pictures at another size."""
        return replace(self, transforms=self.transforms.at_size(size))

    def resize(self, size: int, folder: str | os.PathLike = "tmp", *, progress: bool = True) -> "ImageData":
        """Return the data read from copies whose shorter side has `size` pixels, made once in `<path>/<folder>/<size>`.

        Reading small copies of large pictures saves most of an epoch's time. Copies are reused while their source is
        unchanged.

        Raises:
            ValueError: If the copies would be smaller than the pictures that the transforms make of them, or the
                pictures are arrays or have other than three channels.
        """
        if not self.source.train.on_disk:
            raise ValueError("These pictures are arrays, not files; resize the arrays themselves.")
        if not isinstance(self.source.train, FileSamples):
            raise ValueError("These pictures lie inside tar files; write smaller ones, or keep them by `in_memory()`.")
        if self.channels != 3:
            raise ValueError(f"Copies have three channels, these pictures {self.channels}; `in_memory` keeps them all.")
        data = replace(self, copies=whole("size", size))
        # Absolute, since a relative one would lie inside the root of the pictures.
        folder = (self.path / arguments.path("folder", folder)).absolute()
        return replace(data, source=resized(self.source, size, folder, progress=flag("progress", progress)))

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
        number("gibibytes", gibibytes, above=0)
        views = ((self.source.train, self.transforms), (self.source.valid, self.transforms.validation()))
        if not self.source.train.on_disk:
            return self
        need = sum(bytes_of(kept_sides(*view), self.channels) for view in views) / 2**30
        if need > gibibytes:
            raise ValueError(
                f"The pictures need {need:.2g} GiB in memory, more than the {gibibytes} allowed; pass `gibibytes`, a "
                "smaller size or zoom, or read small copies from disk: `data.resize(...)`."
            )
        return replace(self, memory=True)

    def _facts(self) -> dict[str, str]:
        kinds = {"single": "one of", "multi": "several of", "regression": "the numbers"}
        counts = {name: len(getattr(self.source, name) or ()) for name in ("train", "valid", "test")}
        more = f" of {self.channels} channels" if self.channels != 3 else ""
        skipped = f"{more}; {len(self.source.skipped)} broken ones left out" if self.source.skipped else more
        return {
            "pictures": ", ".join(f"{count} {name}" for name, count in counts.items() if count) + skipped,
            "targets": f"{kinds[self.target_kind]} {some(self.classes)}",
            "transforms": repr(self.transforms),
            "batches": f"of {self.batch_size}, seed {self.seed}",
            "path": str(self.path),
        }

    def _view(self, samples: Samples, transforms: Transforms, *, shuffle: bool = False) -> View:
        return View(samples, transforms, self.batch_size, shuffle, self.seed)
