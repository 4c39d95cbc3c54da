"""Tell how a folder of pictures is laid out: a table of labels as in competitions, or a folder for each class."""

import csv
import os
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from kerasfast.vision.data import ImageData
from kerasfast.vision.pipeline.transforms import Transforms
from kerasfast.vision.sources.listing.checks import PICTURE_ENDINGS, few
from kerasfast.vision.sources.listing.folders import list_files

TABLE_NAMES = ("train_v2.csv", "train.csv", "labels.csv", "train_labels.csv")
VALID_NAMES = ("valid", "val", "validation")
EXPECTED = (
    "Expected one of two layouts. A table: a CSV with two columns, picture names and labels (train_v2.csv, train.csv, "
    "labels.csv ...), beside a folder of the pictures (train-jpg, train ...) and perhaps one of test pictures "
    "(test-jpg, test). Or class folders: train/<class>/, perhaps valid/<class>/ and test/."
)


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
    """

    root: pathlib.Path
    folder: str
    csv: str | None = None
    header: bool = True
    suffix: str = ""
    valid: str | None = None
    test: str | None = None

    def describe(self) -> str:
        """Return a sentence that says what was found."""
        test = f"test pictures in {self.test}" if self.test else "no test pictures"
        if self.csv is not None:
            endings = f" (names and {self.suffix!r})" if self.suffix else ""
            return f"a table, {self.csv}, with its pictures in {self.folder}{endings}; {test}"
        valid = f"validation in {self.valid}" if self.valid else "a fifth of them held out for validation"
        return f"class folders in {self.folder}, {valid}; {test}"

    def open(self, transforms: Transforms, *, batch_size: int, seed: int) -> ImageData:
        """Return the pictures as data; nothing is written."""
        options = {"transforms": transforms, "batch_size": batch_size, "seed": seed, "test": self.test}
        if self.csv is None:
            return ImageData.from_folders(self.root, train=self.folder, valid=self.valid, **options)
        table = {"folder": self.folder, "suffix": self.suffix, "header": self.header}
        return ImageData.from_csv(self.root, self.csv, **table, **options)

    def example(self) -> pathlib.Path:
        """Return a folder of pictures to predict: those of the test, of validation, or of training."""
        return self.root / (self.test or self.valid or self.folder)


def detect_layout(root: str | os.PathLike, csv: str | os.PathLike | None = None) -> Layout:
    """Look at a folder and return its layout.

    Args:
        root: The data set's folder.
        csv: The table of labels, a path of its own or relative to the root; by default the folder is searched.

    Raises:
        FileNotFoundError: When the folder or the table does not exist.
        ValueError: When it fits no layout; the message says what was found and what is expected.
    """
    root = pathlib.Path(root).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"There is no folder {root}.")
    if csv is not None:
        return _layout_of(root, csv)
    tables = [layout for path in _tables(root) if (layout := _table_layout(root, path)) is not None]
    for layout in tables:
        if layout.csv in TABLE_NAMES or len(tables) == 1:
            return layout
    if tables:
        names = few(layout.csv for layout in tables)
        raise ValueError(f"{root} has several tables of labels: {names}. Name the one to use {TABLE_NAMES[1]}.")
    if _has_class_folders(root / "train"):
        valid = next((name for name in VALID_NAMES if (root / name).is_dir()), None)
        return Layout(root, "train", valid=valid, test=_test_folder(root, "train"))
    raise ValueError(f"{root} holds {_contents(root)}. {EXPECTED}")


def _layout_of(root: pathlib.Path, csv: str | os.PathLike) -> Layout:
    """Return the layout of a table that was named."""
    path = next((path for path in (root / csv, pathlib.Path(csv).expanduser()) if path.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"There is no table {csv}, neither in {root} nor as a path of its own.")
    layout = _table_layout(root, path)
    if layout is None:
        raise ValueError(
            f"{path} must have two columns, picture names and labels, and {root} a folder with the first of the "
            f"pictures; that folder holds {_contents(root)}."
        )
    return replace(layout, csv=os.fspath(path.resolve()))


def _tables(root: pathlib.Path) -> list[pathlib.Path]:
    """Return the CSV files that may hold the training labels, the usual names first."""
    paths = [
        path for path in sorted(root.glob("*.csv")) if not path.name.lower().startswith(("sample_submission", "test"))
    ]
    rank = {name: place for place, name in enumerate(TABLE_NAMES)}
    return sorted(paths, key=lambda path: rank.get(path.name, len(rank)))


def _table_layout(root: pathlib.Path, path: pathlib.Path) -> Layout | None:
    """Return the layout of a table whose first picture exists; None where it is no table of pictures."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        rows = [row for _, row in zip(range(2), csv.reader(file), strict=False)]
    if not rows or any(len(row) != 2 for row in rows):
        return None
    # A table without column names has a picture in its first line already.
    for header, row in ((False, rows[0]), (True, rows[-1])):
        for folder in _picture_folders(root):
            suffix = _suffix_of(root / folder, row[0].strip())
            if suffix is not None:
                return Layout(root, folder, path.name, header, suffix, test=_test_folder(root, folder))
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


def _has_class_folders(folder: pathlib.Path) -> bool:
    return any(True for _ in _class_folders(folder))


def _contents(root: pathlib.Path) -> str:
    entries = sorted(entry.name + "/" * entry.is_dir() for entry in root.iterdir() if not entry.name.startswith("."))
    return few(entries, 10) or "nothing"
