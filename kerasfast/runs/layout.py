"""Tell how a folder of pictures is laid out: a table of labels as in competitions, or a folder for each class."""

import csv
import os
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kerasfast.runs.settings import KINDS
from kerasfast.vision.data import ImageData
from kerasfast.vision.pipeline.transforms import Transforms
from kerasfast.vision.sources.listing.checks import PICTURE_ENDINGS, few
from kerasfast.vision.sources.listing.folders import list_files
from kerasfast.vision.sources.listing.labels import read_table

TABLE_NAMES = ("train_v2.csv", "train.csv", "labels.csv", "train_labels.csv")
TRAIN_NAMES, VALID_NAMES = ("train", "training"), ("valid", "val", "validation")
EXPECTED = (
    "Expected one of two layouts. A table: a CSV with two columns, picture names and labels (train_v2.csv, train.csv, "
    "labels.csv ...), beside a folder of the pictures (train-jpg, train ...) and perhaps one of test pictures "
    "(test-jpg, test). Or class folders: train/<class>/, perhaps valid/<class>/ and test/; or <class>/ alone."
)
# Whole numbers are measurements rather than names of classes where so few pictures share one.
_FEW_LEVELS, _PICTURES_PER_CLASS = 20, 5


@dataclass(frozen=True)
class Layout:
    """Where a data set keeps its labels and pictures; names are relative to the root.

    Args:
        root: The data set's folder.
        folder: Folder of the training pictures.
        csv: The table of labels; None for class folders.
        header: Whether the table's first line names its columns.
        suffix: Ending that the table's picture names lack.
        valid: Folder of the validation pictures; None takes a seeded fifth of the training pictures.
        test: Folder of the test pictures, or None.
        name_column: Position of the picture names in the table.
        labels: Columns of the labels by name; None for the only other one.
        kind: "single", "multi" or "regression"; None for what the labels look like.
    """

    root: pathlib.Path
    folder: str
    csv: str | None = None
    header: bool = True
    suffix: str = ""
    valid: str | None = None
    test: str | None = None
    name_column: int = 0
    labels: tuple[str, ...] | None = None
    kind: str | None = None

    def describe(self) -> str:
        """Return a sentence that says what was found."""
        test = f"test pictures in {self.test}" if self.test else "no test pictures"
        if self.csv is not None:
            endings = f" (names and {self.suffix!r})" if self.suffix else ""
            return f"a table, {self.csv}, with its pictures in {self.folder}{endings}; {test}"
        valid = f"validation in {self.valid}" if self.valid else "a fifth of them held out for validation"
        where = self.root.name if self.folder == "." else self.folder
        return f"class folders in {where}, {valid}; {test}"

    def open(self, transforms: Transforms, *, batch_size: int, seed: int, skip_broken: bool = False) -> ImageData:
        """Return the pictures as data; nothing is written. Say so where labels are taken for numbers."""
        options = {
            "transforms": transforms,
            "batch_size": batch_size,
            "seed": seed,
            "test": self.test,
            "on_error": "skip" if skip_broken else "raise",
        }
        if self.csv is None:
            if self.kind not in (None, "single"):
                raise ValueError("Class folders give a picture one class; tags and numbers need a table.")
            return ImageData.from_folders(self.root, train=self.folder, valid=self.valid, **options)
        table = {"folder": self.folder, "suffix": self.suffix, "header": self.header, "name_column": self.name_column}
        if self.kind == "single":  # one class a picture, whatever blanks its name has
            table["separator"] = None
        labels = None if self.labels is None else list(self.labels)
        return ImageData.from_csv(
            self.root, self.csv, label_columns=labels, target_kind=self.kind or self._kind(), **table, **options
        )

    def _kind(self) -> str | None:
        """Return "regression" where the labels are numbers that name no classes."""
        frame = read_table(self.root, self.csv, header=self.header)
        columns = self.labels or [name for place, name in enumerate(frame.columns) if place != self.name_column]
        absent = [name for name in columns if name not in frame.columns]
        if absent:
            raise ValueError(f"{self.csv} has no column {absent[0]!r}; it has {few(frame.columns, 20)}.")
        if not all(_is_measured(frame[name].dropna().tolist()) for name in columns):
            return None
        print("The labels are numbers, so numbers are predicted; `--kind classes` takes them for names.")
        return "regression"

    def example(self) -> pathlib.Path:
        """Return a folder of pictures to predict: those of the test, of validation, or of training."""
        return self.root / (self.test or self.valid or self.folder)


def detect_layout(
    root: str | os.PathLike,
    csv: str | os.PathLike | None = None,
    *,
    labels: Sequence[str] | None = None,
    kind: str | None = None,
) -> Layout:
    """Look at a folder and return its layout.

    Args:
        root: The data set's folder.
        csv: The table of labels, a path of its own or relative to the root; by default the folder is searched.
        labels: Names of the table's columns of labels, where it has further ones.
        kind: "classes", "tags" or "numbers"; None for what the labels look like.

    Raises:
        FileNotFoundError: When the folder or the table does not exist.
        ValueError: When it fits no layout; the message says what was found and what is expected.
    """
    root = pathlib.Path(root).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"There is no folder {root}.")
    layout = _found(root, labels) if csv is None else _layout_of(root, csv, labels)
    return replace(layout, kind=None if kind is None else KINDS[kind], labels=None if labels is None else tuple(labels))


def _found(root: pathlib.Path, labels: Sequence[str] | None) -> Layout:
    tables = [layout for path in _tables(root) if (layout := _table_layout(root, path, labels)) is not None]
    for layout in tables:
        if layout.csv in TABLE_NAMES or len(tables) == 1:
            return layout
    if tables:
        names = few(layout.csv for layout in tables)
        raise ValueError(f"{root} has several tables of labels: {names}. Name the one to use {TABLE_NAMES[1]}.")
    for train in (entry.name for entry in _class_folders(root) if entry.name.lower() in TRAIN_NAMES):
        if any(_class_folders(root / train)):
            valid = next((one.name for one in _class_folders(root) if one.name.lower() in VALID_NAMES), None)
            return Layout(root, train, valid=valid, test=_test_folder(root, train))
    if labels is None and not any(root.glob("*.csv")) and _are_classes(root):
        return Layout(root, ".")
    raise ValueError(f"{root} holds {_contents(root)}. {EXPECTED}")


def _layout_of(root: pathlib.Path, csv: str | os.PathLike, labels: Sequence[str] | None) -> Layout:
    """Return the layout of a table that was named."""
    path = next((path for path in (root / csv, pathlib.Path(csv).expanduser()) if path.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"There is no table {csv}, neither in {root} nor as a path of its own.")
    layout = _table_layout(root, path, labels)
    if layout is None:
        columns = few(_first_rows(path)[:1][0], 12) if _first_rows(path) else "nothing"
        raise ValueError(
            f"{path} must have two columns, picture names and labels (of further ones, name the labels with --labels), "
            f"and {root} a folder with the first of the pictures. The table has the columns {columns}; that folder "
            f"holds {_contents(root)}."
        )
    return replace(layout, csv=os.fspath(path.resolve()))


def _tables(root: pathlib.Path) -> list[pathlib.Path]:
    """Return the CSV files that may hold the training labels, the usual names first."""
    paths = [
        path for path in sorted(root.glob("*.csv")) if not path.name.lower().startswith(("sample_submission", "test"))
    ]
    rank = {name: place for place, name in enumerate(TABLE_NAMES)}
    return sorted(paths, key=lambda path: rank.get(path.name, len(rank)))


def _first_rows(path: pathlib.Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        return [row for _, row in zip(range(2), csv.reader(file), strict=False)]


def _table_layout(root: pathlib.Path, path: pathlib.Path, labels: Sequence[str] | None) -> Layout | None:
    """Return the layout of a table whose first picture exists; None where it is no table of pictures.

    Without the names of the columns of labels it must have two columns.
    """
    rows = _first_rows(path)
    if not rows or any(len(row) < 2 or (len(row) > 2 and labels is None) for row in rows):
        return None
    # A table without column names has a picture in its first line already.
    for header, row in ((False, rows[0]), (True, rows[-1])):
        for folder in _picture_folders(root):
            for column, name in enumerate(row):
                suffix = _suffix_of(root / folder, name.strip())
                if suffix is not None:
                    test = _test_folder(root, folder)
                    return Layout(root, folder, path.name, header, suffix, test=test, name_column=column)
    return None


def _picture_folders(root: pathlib.Path) -> list[str]:
    folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    training = [name for name in folders if name.lower().startswith("train")]
    others = [name for name in folders if name not in training and not name.lower().startswith("test")]
    return [*training, *others, "."]


def _suffix_of(folder: pathlib.Path, name: str) -> str | None:
    """Return what the name lacks to be a file in the folder, or None where there is no such picture."""
    if not name or os.path.isabs(name):
        return None
    if (folder / name).is_file():
        return ""
    place = (folder / name).parent
    if not place.is_dir():
        return None
    start = pathlib.PurePath(name).name + "."
    endings = (entry.name[len(start) - 1 :] for entry in sorted(place.iterdir()) if entry.name.startswith(start))
    return next((ending for ending in endings if ending.lower() in PICTURE_ENDINGS), None)


def _test_folder(root: pathlib.Path, train: str) -> str | None:
    """Return the folder of the test pictures, None where there is none or it is empty."""
    for name in dict.fromkeys([train.replace("train", "test"), "test-jpg", "test"]):
        if name != train and (root / name).is_dir() and list_files(root, name):
            return name
    return None


def _class_folders(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    if folder.is_dir():
        yield from (entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _are_classes(root: pathlib.Path) -> bool:
    """Whether the folders here are classes: two or more, with pictures in each, and no loose pictures beside them."""
    folders = [entry.name for entry in _class_folders(root)]
    parts = {*TRAIN_NAMES, *VALID_NAMES, "test"}
    if len(folders) < 2 or parts & {name.lower() for name in folders}:
        return False
    loose = any(entry.suffix.lower() in PICTURE_ENDINGS for entry in root.iterdir() if entry.is_file())
    has_pictures = lambda name: any(file.lower().endswith(tuple(PICTURE_ENDINGS)) for file in list_files(root, name))
    return not loose and all(map(has_pictures, folders))


def _is_measured(values: Sequence[str]) -> bool:
    """Whether texts are numbers that name no classes: some are not whole, or few pictures share one."""
    try:
        numbers = np.array([float(value) for value in values])
    except ValueError:
        return False
    if not len(numbers) or not np.isfinite(numbers).all():
        return False
    levels = len(np.unique(numbers))
    return bool((numbers % 1 != 0).any()) or levels > max(_FEW_LEVELS, len(numbers) / _PICTURES_PER_CLASS)


def _contents(root: pathlib.Path) -> str:
    entries = sorted(entry.name + "/" * entry.is_dir() for entry in root.iterdir() if not entry.name.startswith("."))
    return few(entries, 10) or "nothing"
