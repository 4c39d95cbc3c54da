"""Say where the pictures of a data set and their labels come from: class folders, a CSV or a DataFrame."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.arguments import number, whole
from kerasfast.vision.sources import checks, folders, labels
from kerasfast.vision.sources.decode import ImageError, Scan, scan

if TYPE_CHECKING:
    import pandas

Splits = dict[str, tuple[np.ndarray, np.ndarray | None]]


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """The pictures of one split, with their targets.

    Args:
        files: (n,) paths relative to the source's root, with forward slashes.
        targets: (n,) int64 for one label each, (n, classes) float32 of 0 and 1 for tags, (n,) or (n, k) float32 for
            regression, None without labels.
        scan: Size and coding of each file.
    """

    files: np.ndarray
    targets: np.ndarray | None
    scan: Scan

    def __len__(self) -> int:
        return len(self.files)

    @property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) heights and (n,) widths in pixels."""
        return self.scan.height, self.scan.width

    def take(self, indices: np.ndarray | Sequence[int]) -> Samples:
        """Return the samples at these positions, in this order."""
        targets = None if self.targets is None else self.targets[indices]
        return Samples(self.files[indices], targets, self.scan.take(indices))


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSource:
    """A data set of pictures as checked lists, before any pixel is read.

    Args:
        root: The folder that all files are relative to.
        train: Pictures to learn from.
        valid: Pictures to judge by.
        test: Pictures to predict, or None.
        classes: Sorted class names; the names of the numbers for regression.
        target_kind: `"single"` (one label each), `"multi"` (tags) or `"regression"`.
        skipped: Broken pictures that were left out, with the reason.

    Example:
        >>> source = from_csv("planet", "train_v2.csv", folder="train-jpg", suffix=".jpg")  # doctest: +SKIP
        >>> len(source.train), source.classes[:2]  # doctest: +SKIP
        (800, ('agriculture', 'artisinal_mine'))
    """

    root: pathlib.Path
    train: Samples
    valid: Samples
    test: Samples | None
    classes: tuple[str, ...]
    target_kind: str
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)


def validation_indices(n: int, *, fold: int = 0, fraction: float = 0.2, seed: int = 42) -> np.ndarray:
    """Return the rows of one validation fold, the same as the course's `get_cv_idxs`.

    `RandomState(seed).permutation(n)[fold * k : (fold + 1) * k]` with `k = int(fraction * n)`. NumPy's global state
    stays as it is.

    Args:
        n: Rows of the data set.
        fold: Which fold, from 0.
        fraction: Share of the rows in a fold, above 0 and below 1.
        seed: Decides the permutation.

    Raises:
        ValueError: When an argument is out of range, or the fold would be empty.
    """
    whole("n", n)
    whole("fold", fold, least=0)
    number("fraction", fraction, above=0, below=1)
    checks.check_seed(seed)
    size = int(fraction * n)
    if size == 0:
        raise ValueError(f"A fraction of {fraction} of {n} rows leaves the validation set empty; pass a larger one.")
    if fold * size >= n:
        raise ValueError(f"`fold` {fold} is empty: {n} rows have folds of {size}, the last one is {(n - 1) // size}.")
    return np.random.RandomState(seed).permutation(n)[fold * size : (fold + 1) * size]


def from_folders(
    root: str | os.PathLike[str],
    *,
    train: str = "train",
    valid: str | None = "valid",
    test: str | None = None,
    test_labelled: bool = False,
    valid_fraction: float = 0.2,
    seed: int = 42,
    on_error: str = "raise",
) -> ImageSource:
    """Take each picture's class from the folder that it lies in, as in `train/cats/cat.0.jpg`.

    Pictures are found at any depth below a class folder. Hidden files and what systems leave behind (`Thumbs.db`,
    `.DS_Store`, `.ipynb_checkpoints`, ...) do not count.

    Args:
        root: The data set's folder.
        train: Folder of the training pictures below the root.
        valid: Folder of the validation pictures; None takes a part of the training pictures.
        test: Folder of the pictures to predict.
        test_labelled: Whether the test folder has class folders as well.
        valid_fraction: Share of the training pictures for validation where `valid` is None.
        seed: Decides which pictures these are.
        on_error: `"raise"` names all broken pictures in one error; `"skip"` decodes each and leaves broken ones out.

    Raises:
        FileNotFoundError: When a folder is missing.
        ValueError: When folders and classes do not fit together.
        ImageError: When pictures cannot be read.
    """
    checks.check_on_error(on_error)
    if test_labelled and test is None:
        raise ValueError("`test_labelled=True` needs a test folder; pass `test`.")
    root = checks.existing_root(root)
    pictures = folders.class_pictures(root, train, "train")
    classes = tuple(pictures)
    hint = f"Expected a folder for each class in {root / train}."
    checks.check_several_classes(classes, "single", hint)
    whole = folders.labelled(pictures, classes)
    if valid is None:
        rows = validation_indices(len(whole[0]), fraction=valid_fraction, seed=seed)
        splits = _divided(*whole, np.sort(rows))
    else:
        splits = {
            "training": whole,
            "validation": folders.labelled(folders.class_pictures(root, valid, "valid"), classes),
        }
    if test is not None and test_labelled:
        splits["test"] = folders.labelled(folders.class_pictures(root, test, "test"), classes)
    elif test is not None:
        splits["test"] = folders.unlabelled(root, test)
    return assemble(root, splits, classes=classes, target_kind="single", on_error=on_error)


def from_dataframe(
    root: str | os.PathLike[str],
    frame: pandas.DataFrame,
    *,
    folder: str,
    name_column: int | str = 0,
    label_columns: int | str | Sequence[int | str] | None = None,
    suffix: str = "",
    valid_indices: Any = None,
    valid_fraction: float = 0.2,
    seed: int = 42,
    test: str | None = None,
    separator: str | None = " ",
    target_kind: str | None = None,
    on_error: str = "raise",
) -> ImageSource:
    """Take each picture's label, tags or numbers from a row of a table.

    As in the course, **the rows are sorted by file name first, and `valid_indices` count the sorted rows**.

    Args:
        root: The data set's folder.
        frame: A row for each picture.
        folder: Folder of the pictures below the root, `"."` for the root itself.
        name_column: Column of the picture names, by position or name.
        label_columns: Column of the labels, by position or name; the first other one by default. For regression one
            column or several, all others by default.
        suffix: Ending to add to the names, such as `".jpg"`.
        valid_indices: Positions of the validation rows after sorting, or a mask (for which the table must be sorted).
        valid_fraction: Share of the rows for validation where `valid_indices` is None.
        seed: Decides which rows these are.
        test: Folder of the pictures to predict.
        separator: What stands between the tags of a cell; None keeps labels whole.
        target_kind: `"single"` (one label a picture), `"multi"` (tags) or `"regression"` (numbers); None looks whether
            a picture has several tags.
        on_error: `"raise"` names all broken pictures in one error; `"skip"` decodes each and leaves broken ones out.

    Raises:
        FileNotFoundError: When the root, a folder or pictures are missing.
        ValueError: When the table or the validation rows cannot be used as they are.
        ImageError: When pictures cannot be read.
    """
    checks.check_on_error(on_error)
    root = checks.existing_root(root)
    folder = checks.existing_folder(root, folder, "folder")
    name_place, label_places = labels.table_columns(frame, name_column, label_columns, target_kind)
    given = labels.picture_names(frame.iloc[:, name_place])
    order = np.argsort(given, kind="stable")
    names, chosen = given[order], frame.iloc[order, label_places]
    files = np.array([_below_root(root, folder, f"{name}{suffix}") for name in names], dtype=str)
    checks.check_unique(files)
    targets, classes, kind = labels.encode(chosen, names, separator=separator, target_kind=target_kind)
    checks.check_several_classes(classes, kind, f"They come from the column {str(chosen.columns[0])!r}.")
    if valid_indices is None:
        valid_indices = validation_indices(len(names), fraction=valid_fraction, seed=seed)
    else:
        checks.check_mask_fits(valid_indices, order)
    splits = _divided(files, targets, checks.validation_rows(valid_indices, len(names)))
    checks.check_pictures_exist(root, files, names, suffix, skip=on_error == "skip")
    if test is not None:
        splits["test"] = folders.unlabelled(root, test)
    return assemble(root, splits, classes=classes, target_kind=kind, on_error=on_error)


def from_csv(
    root: str | os.PathLike[str], csv: str | os.PathLike[str], *, folder: str, header: bool = True, **options: Any
) -> ImageSource:
    """Take each picture's label, tags or numbers from a row of a CSV, as in Kaggle's Planet competition.

    All values are read as text, so 007 stays 007.

    Args:
        root: The data set's folder.
        csv: Path of the CSV: absolute, or relative to the root or the working directory.
        folder: Folder of the pictures below the root, `"."` for the root itself.
        header: Whether the first line holds column names.
        **options: The other arguments of `from_dataframe`.

    Raises:
        FileNotFoundError: When the root, the CSV, a folder or pictures are missing.
        ValueError: When the CSV or the validation rows cannot be used as they are.
        ImageError: When pictures cannot be read.
    """
    root = checks.existing_root(root)
    return from_dataframe(root, labels.read_table(root, csv, header=header), folder=folder, **options)


def assemble(
    root: pathlib.Path, splits: Splits, *, classes: tuple[str, ...], target_kind: str, on_error: str = "raise"
) -> ImageSource:
    """Check the splits against each other, look into all their files at once, and return the source.

    Args:
        root: The folder that all files are relative to.
        splits: Files and targets under `"training"`, `"validation"` and, if wanted, `"test"`.
        classes: Sorted class names.
        target_kind: `"single"`, `"multi"` or `"regression"`.
        on_error: `"raise"` or `"skip"`.

    Raises:
        ValueError: When splits share pictures, or a split is empty or lacks classes.
        ImageError: When pictures cannot be read and `on_error` is `"raise"`.
    """
    checks.check_on_error(on_error)
    _check_splits(splits, classes, target_kind, "")
    found = scan(root, np.concatenate([files for files, _ in splits.values()]).tolist(), full=on_error == "skip")
    if found.problems and on_error == "raise":
        raise ImageError(found.problems)
    samples, start = {}, 0
    for name, (files, targets) in splits.items():
        good = np.array([index for index, file in enumerate(files) if file not in found.problems], dtype=np.int64)
        samples[name] = Samples(files, targets, found.take(np.arange(start, start + len(files)))).take(good)
        start += len(files)
    if found.problems:
        first = checks.few(found.problems)
        print(f"Left out {len(found.problems)} of {start} pictures, which cannot be read: {first} (see `skipped`).")
        left = {name: (part.files, part.targets) for name, part in samples.items()}
        _check_splits(left, classes, target_kind, "after broken ones were left out")
    train, valid, test = (samples.get(name) for name in ("training", "validation", "test"))
    return ImageSource(root, train, valid, test, classes, target_kind, dict(found.problems))


def _check_splits(splits: Splits, classes: tuple[str, ...], kind: str, reason: str) -> None:
    for name, (files, _) in splits.items():
        checks.check_split_filled(name, len(files), reason)
    (train, train_targets), (valid, valid_targets) = splits["training"], splits["validation"]
    checks.check_apart(train, valid)
    checks.check_trained_classes(train_targets, valid_targets, classes, kind)


def _divided(files: np.ndarray, targets: np.ndarray, rows: np.ndarray) -> Splits:
    held = np.zeros(len(files), bool)
    held[rows] = True
    return {"training": (files[~held], targets[~held]), "validation": (files[held], targets[held])}


def _below_root(root: pathlib.Path, folder: str, name: str) -> str:
    """Return a picture's path relative to the root; a name may be a whole path, and one written on Windows."""
    if os.path.isabs(name):
        name = os.path.relpath(name, root.absolute())
        folder = "."
    path = posixpath.normpath(posixpath.join(folder, name.replace("\\", "/")))
    if path.split("/")[0] == "..":
        raise ValueError(f"The picture {name!r} lies outside the root {root}; pass a root above all pictures.")
    return path
