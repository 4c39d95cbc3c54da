"""The course's image data: `ImageClassifierData` around kerasfast's `ImageData`."""

import os
import pathlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kerasfast.fastai import dataloader
from kerasfast.fastai.dataloader import *
from kerasfast.fastai.dataloader import DataLoader, ImageDataset
from kerasfast.fastai.internals.attributes import KnownAttributes
from kerasfast.fastai.parts import file_labels
from kerasfast.fastai.parts.absent import absent
from kerasfast.fastai.parts.file_labels import *
from kerasfast.fastai.transforms import Transforms
from kerasfast.vision.data import ImageData as CoreData
from kerasfast.vision.pipeline.transforms import Transforms as CoreTransforms
from kerasfast.vision.pipeline.views import View
from kerasfast.vision.sources.arrays import arrays_source
from kerasfast.vision.sources.listing import checks, class_folders, folders, labels, tables
from kerasfast.vision.sources.listing.assembly import Listed, assemble
from kerasfast.vision.sources.splits import validation_indices

_OWN = {"ImageClassifierData", "ModelData", "get_cv_idxs", "read_dir", "split_by_idx"}
_REFUSED = absent({"ImageData": "write `ImageClassifierData.from_paths`, `from_csv` or `from_arrays`"})
globals().update(_REFUSED)
__all__ = sorted(_OWN | {*dataloader.__all__, *file_labels.__all__, *_REFUSED})

MOST_SEEDS = 2**31 - 1


def get_cv_idxs(n: int, cv_idx: int = 0, val_pct: float = 0.2, seed: int = 42) -> np.ndarray:
    """Return the course's rows for validation: a slice of `RandomState(seed).permutation(n)`."""
    return validation_indices(n, fold=cv_idx, fraction=val_pct, seed=seed)


def split_by_idx(idxs: Sequence[int], *a) -> list[tuple]:
    """Return a pair for each array: the elements at `idxs`, in their order in the array, and the others."""
    lengths = [len(o) for o in a]
    if len(set(lengths)) != 1:
        raise ValueError(f"The arrays to split must have the same number of rows; received {lengths}.")
    rows = np.asarray(idxs)
    wrong = rows.dtype.kind not in "iub" or (rows.dtype.kind == "b" and len(rows) != lengths[0])
    if rows.size and (wrong or rows.min() < -lengths[0] or rows.max() >= lengths[0]):
        raise ValueError(f"Row numbers must be whole numbers below {lengths[0]}; received {idxs!r:.100}.")
    mask = np.zeros(lengths[0], dtype=bool)
    mask[rows.astype(int) if not rows.size else rows] = True
    return [(o[mask], o[~mask]) for o in a]


def read_dir(path: str | os.PathLike, folder: str) -> list[str]:
    """Return the files of a folder, relative to `path`, sorted."""
    return folders.unlabelled(pathlib.Path(path), folder)[0].tolist()


class ModelData(KnownAttributes):
    """Loaders for training, validation and test, and what lessons read from them.

    The loaders are for looking; a fit reads `core`, so they cannot be replaced. `path` may be set before a learner is
    made.
    """

    def __repr__(self) -> str:
        return repr(self.core).replace(type(self.core).__name__, type(self).__name__, 1)

    @property
    def path(self) -> str:
        """Folder in which learners keep `models/` and `tmp/`."""
        return str(self.core.path)

    @path.setter
    def path(self, path: str | os.PathLike) -> None:
        self._begin(core=replace(self.core, path=pathlib.Path(path)))

    @property
    def trn_ds(self) -> Any:
        """Training set."""
        return self.trn_dl.dataset

    @property
    def val_ds(self) -> Any:
        """Validation set."""
        return self.val_dl.dataset

    @property
    def test_ds(self) -> Any:
        """Test set."""
        if self.test_dl is None:
            raise ValueError("This data has no test set; pass `test_name` (or `test`, `test_df`) when you make it.")
        return self.test_dl.dataset

    @property
    def trn_y(self) -> np.ndarray:
        """Training targets."""
        return self.trn_ds.y

    @property
    def val_y(self) -> np.ndarray:
        """Validation targets."""
        return self.val_ds.y

    @property
    def is_multi(self) -> bool:
        """Whether an example can have several tags."""
        return self.trn_ds.is_multi

    @property
    def is_reg(self) -> bool:
        """Whether the targets are values."""
        return self.trn_ds.is_reg


class ImageClassifierData(ModelData):
    """The course's data object. Make one with `from_paths`, `from_csv`, `from_arrays` or `from_names_and_array`.

    Args:
        core: kerasfast's data, which does the work.
        tfms: Transforms for training and validation.

    Attributes:
        trn_dl, val_dl: Loaders for training (shuffled, augmented) and validation.
        fix_dl, aug_dl: Training pictures in order and plain; validation pictures augmented.
        test_dl, test_aug_dl: The same of the test pictures; None without any.
    """

    def __init__(self, core: CoreData, tfms: tuple[Transforms, Transforms]):
        train, valid = tfms
        self._begin(core=core, tfms=tfms, bs=core.batch_size, classes=list(core.classes))
        self._begin(
            trn_dl=self._loader(core.train, train),
            fix_dl=self._loader(core.fixed, valid),
            val_dl=self._loader(core.valid, valid),
            aug_dl=self._loader(core.augmented, train),
            test_dl=self._loader(core.test, valid),
            test_aug_dl=self._loader(core.test_augmented, train),
        )

    @classmethod
    def from_paths(
        cls,
        path: str | os.PathLike,
        bs: int = 64,
        tfms: tuple = (None, None),
        trn_name: str = "train",
        val_name: str = "valid",
        test_name: str | None = None,
        test_with_labels: bool = False,
        num_workers: int = 8,
    ) -> "ImageClassifierData":
        """Take each picture's class from the name of its folder.

        Args:
            path: Folder of the data; `models/` and `tmp/` are made in it.
            bs: Pictures per batch.
            tfms: Pair of transforms, as `tfms_from_model` returns.
            trn_name, val_name: Folders that hold a folder per class.
            test_name: Folder of the pictures to predict.
            test_with_labels: Whether that folder has class folders too.
            num_workers: Without effect: TensorFlow reads in parallel by itself.
        """
        source = class_folders.folder_source(
            path, train=trn_name, valid=val_name, test=test_name, test_labelled=test_with_labels
        )
        return cls._around(source, path, bs, tfms)

    @classmethod
    def from_csv(
        cls,
        path: str | os.PathLike,
        folder: str,
        csv_fname: str | os.PathLike,
        bs: int = 64,
        tfms: tuple = (None, None),
        val_idxs: Sequence[int] | None = None,
        suffix: str = "",
        test_name: str | None = None,
        continuous: bool = False,
        skip_header: bool = True,
        num_workers: int = 8,
        cat_separator: str = " ",
    ) -> "ImageClassifierData":
        """Take each picture's label, tags or values from a CSV file: names in the first column, labels in the second.

        Args:
            path: Folder of the data; `models/` and `tmp/` are made in it.
            folder: Folder of the pictures in it.
            csv_fname: The file.
            bs: Pictures per batch.
            tfms: Pair of transforms, as `tfms_from_model` returns.
            val_idxs: Rows for validation, **counted after sorting by file name**; `get_cv_idxs(n)` by default.
            suffix: What the names lack, such as `.jpg`.
            test_name: Folder of the pictures to predict.
            continuous: Whether the labels are values.
            skip_header: Whether the file begins with column names.
            num_workers: Without effect: TensorFlow reads in parallel by itself.
            cat_separator: What stands between tags.
        """
        frame = labels.read_table(checks.existing_root(path), csv_fname, header=skip_header)
        frame = frame.iloc[np.argsort(np.char.strip(labels.picture_names(frame.iloc[:, 0])), kind="stable")]
        source = tables.table_source(
            path,
            frame,
            folder=folder,
            suffix=suffix,
            valid_indices=get_cv_idxs(len(frame)) if val_idxs is None else val_idxs,
            test=test_name,
            separator=None if continuous else cat_separator,
            target_kind="regression" if continuous else None,
        )
        return cls._around(source, path, bs, tfms)

    @classmethod
    def from_names_and_array(
        cls,
        path: str | os.PathLike,
        fnames: Sequence[str],
        y: np.ndarray,
        classes: Sequence[str],
        val_idxs: Sequence[int] | None = None,
        test_name: str | None = None,
        num_workers: int = 8,
        suffix: str = "",
        tfms: tuple = (None, None),
        bs: int = 64,
        continuous: bool = False,
    ) -> "ImageClassifierData":
        """Take pictures from a list of files relative to `path`, and targets from an array in the same order.

        `y` has class numbers (n,), zeros and ones (n, classes), or values with `continuous`. `suffix` has no effect, as
        in the course. For the other arguments see `from_csv`.
        """
        y = np.asarray(y)
        kind = "regression" if continuous else "multi" if y.ndim == 2 else "single"
        y = y.astype(np.int64 if kind == "single" else np.float32)
        val_idxs = get_cv_idxs(len(fnames)) if val_idxs is None else val_idxs
        (valid, train), (valid_y, train_y) = split_by_idx(val_idxs, np.asarray(fnames, dtype=str), y)
        splits = {"training": Listed(train, train_y), "validation": Listed(valid, valid_y)}
        root = pathlib.Path(path)
        if test_name is not None:
            splits["test"] = Listed(*folders.unlabelled(root, test_name))
        source = assemble(root, splits, classes=tuple(str(name) for name in classes), target_kind=kind)
        return cls._around(source, path, bs, tfms)

    @classmethod
    def from_arrays(
        cls,
        path: str | os.PathLike,
        trn: tuple[np.ndarray, np.ndarray],
        val: tuple[np.ndarray, np.ndarray],
        bs: int = 64,
        tfms: tuple = (None, None),
        classes: Sequence[str] | None = None,
        num_workers: int = 4,
        test: Any = None,
        continuous: bool = False,
    ) -> "ImageClassifierData":
        """Take pictures from arrays.

        Args:
            path: Folder for `models/` and `tmp/`.
            trn, val: Pairs (pictures, targets): (n, height, width) or (n, height, width, 3), whole numbers up to 255
                or floats from 0 to 1.
            bs: Pictures per batch.
            tfms: Pair of transforms; square pictures stay as they are without.
            classes: Class names in the order of their numbers, or, as lessons have it, the labels of all rows.
            num_workers: Without effect.
            test: Pictures to predict, or a pair with targets.
            continuous: Whether the targets are values.
        """
        kind = "regression" if continuous else None
        trn, val, test = (_bytes_of(part) for part in (trn, val, test))
        if classes is not None and len(classes) == len(trn[1]) > len(np.unique(classes)):
            classes = np.unique(classes).tolist()
        source = arrays_source(path, trn, val, test=test, classes=classes, target_kind=kind)
        if tfms[0] is None:
            height, width = source.train.images.shape[1:3]
            if height != width:
                raise ValueError(f"Pictures of {height}x{width} pixels are no squares; pass `tfms`.")
            plain = Transforms(CoreTransforms(height, crop="center"))
            tfms = (plain, plain)
        return cls._around(source, path, bs, tfms)

    @classmethod
    def _around(cls, source: Any, path: str | os.PathLike, bs: int, tfms: tuple) -> "ImageClassifierData":
        _check_transforms(tfms)
        # From NumPy's global state, so that a data object made anew augments anew and `np.random.seed` repeats it.
        seed = int(np.random.randint(MOST_SEEDS))
        return cls(CoreData(source, tfms[0].core, bs, seed, pathlib.Path(path)), tfms)

    @property
    def sz(self) -> int:
        """Side of the pictures in pixels."""
        return self.core.size

    @property
    def c(self) -> int:
        """Number of classes, or of values of a regression."""
        return len(self.classes)

    @property
    def stats(self) -> Sequence[np.ndarray] | None:
        """(mean, deviation) that the transforms were made with."""
        return self.tfms[0].stats

    def resize(self, targ_sz: int, new_path: str = "tmp") -> "ImageClassifierData":
        """Return the data read from copies whose shorter side has `targ_sz` pixels, made once below `new_path`."""
        return type(self)(self.core.resize(targ_sz, new_path), self.tfms)

    def _loader(self, view: View | None, transform: Transforms) -> DataLoader | None:
        if view is None:
            return None
        return DataLoader(ImageDataset(view, transform, self.classes, self.core.target_kind, self.core.source.root))


def _bytes_of(pictures: Any) -> Any:
    """Return pictures of whole numbers from 0 to 255 as uint8, with their targets where they have some."""
    if isinstance(pictures, (tuple, list)):
        return (_bytes_of(np.asarray(pictures[0])), *pictures[1:])
    whole = isinstance(pictures, np.ndarray) and pictures.dtype.kind in "iu" and pictures.size > 0
    return pictures.astype(np.uint8) if whole and pictures.min() >= 0 and pictures.max() <= 255 else pictures


def _check_transforms(tfms: tuple) -> None:
    if not isinstance(tfms, (tuple, list)) or len(tfms) != 2 or not all(isinstance(o, Transforms) for o in tfms):
        raise ValueError(
            f"`tfms` is a pair for training and validation, as of `tfms_from_model(f_model, sz)`; received {tfms!r}."
        )
    if tfms[1].core != tfms[0].core.validation():
        raise ValueError(
            f"The validation transforms must be those of the training transforms, {tfms[0].core.validation()}; "
            f"received {tfms[1].core}. Use the pair that `tfms_from_model` returns."
        )
