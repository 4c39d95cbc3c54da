"""Where pictures and labels come from: class folders, a CSV file or a data frame, all checked before training."""

from __future__ import annotations

import os
import pathlib
import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kerasfast.vision import checks
from kerasfast.vision.labels import encode_tags, first, parse_numbers, parse_tags
from kerasfast.vision.samples import ImageSource, Samples, validation_indices, validation_mask

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ImageSource", "Samples", "from_csv", "from_dataframe", "from_folders", "validation_indices"]


def from_folders(
    root: str | pathlib.Path,
    *,
    train: str = "train",
    valid: str | None = "valid",
    test: str | None = None,
    test_labelled: bool = False,
    valid_fraction: float = 0.2,
    seed: int = 42,
    on_error: str = "raise",
) -> ImageSource:
    """Return pictures whose class is the name of the folder they lie in.

    Pictures in deeper folders belong to the class of the outermost one (`train/dogs/husky/1.jpg` is one of the dogs). Hidden files
    and folders, `Thumbs.db`, `desktop.ini` and `__MACOSX` are ignored. Files are sorted by name.

    Args:
        root: the folder of the data set.
        train: folder of the training pictures, with a folder for each class.
        valid: folder of the validation pictures, likewise; None holds out `valid_fraction` of the training pictures.
        test: folder of the pictures to predict.
        test_labelled: whether the test folder has class folders too.
        valid_fraction: see `validation_indices`; used with `valid=None` only.
        seed: likewise.
        on_error: "raise" names all broken files; "skip" leaves them out and says so.

    Raises:
        FileNotFoundError: if a folder is missing; lists what is there.
        ImageError: names the files that cannot be read.
        ValueError: for empty class folders, unknown or single classes, overlapping folders.

    Example:
        >>> source = from_folders("dogscats", test="test")
        >>> source.classes, len(source.train), len(source.valid)
        (('cats', 'dogs'), 1600, 400)
    """
    checks.check_on_error(on_error)
    root = checks.existing_folder(root)
    checks.check_separate(root, {"train": train, "valid": valid, "test": test})
    labelled, classes = _class_folders(root, train, "train")
    if valid is None:
        mask = validation_mask(validation_indices(len(labelled), fraction=valid_fraction, seed=seed), len(labelled))
        splits = {"train": labelled.take(~mask), "valid": labelled.take(mask)}
    else:
        splits = {"train": labelled, "valid": _class_folders(root, valid, "valid", classes)[0]}
    if test is not None:
        splits["test"] = _class_folders(root, test, "test", classes)[0] if test_labelled else _unlabelled(root, test)
    return _checked_source(root, splits, classes, "single", on_error=on_error)


def from_dataframe(
    root: str | pathlib.Path,
    frame: pd.DataFrame,
    *,
    folder: str,
    name_column: int | str = 0,
    label_columns: int | str | Sequence[int | str] | None = None,
    suffix: str = "",
    valid_indices: Sequence[int] | np.ndarray | None = None,
    valid_fraction: float = 0.2,
    seed: int = 42,
    test: str | None = None,
    separator: str | None = " ",
    multi_label: bool | None = None,
    regression: bool = False,
    on_error: str = "raise",
) -> ImageSource:
    """Return pictures that are named and labelled by the rows of a data frame.

    As in the course, rows are sorted by file name *before* `valid_indices` count them, and both splits stay in that order.

    Args:
        root: the folder of the data set.
        frame: one row for each picture.
        folder: where the pictures lie, relative to the root; "" for the root itself.
        name_column: position or name of the column with the file names.
        label_columns: position(s) or name(s) of the label columns. By default the first other column, for regression every other
            column. Tags of several columns are joined.
        suffix: added to each name (".jpg" where the names lack it).
        valid_indices: validation rows, counted in the order of the sorted names; by default `validation_indices` chooses.
        valid_fraction: part to hold out when there are no `valid_indices`.
        seed: of that choice.
        test: folder of the pictures to predict.
        separator: what stands between the tags of a cell; None takes the whole cell as one class.
        multi_label: True forces several labels for each picture, False forbids it, None looks whether any row has several.
        regression: whether labels are numbers; several columns, or several numbers in a cell, are several values.
        on_error: "raise" names all missing and broken files; "skip" leaves them out and says so.

    Raises:
        FileNotFoundError: if the folder is missing.
        ImageError: names the files that are missing or cannot be read.
        ValueError: for absent columns, empty labels, duplicate names, unusable indices or classes.

    Warns:
        UserWarning: if, with several labels, a tag occurs in the validation rows only.
    """
    checks.check_on_error(on_error)
    root = checks.existing_folder(root)
    checks.existing_folder(root, folder, argument="folder")
    if not len(frame):
        raise ValueError("The table of labels has no rows.")
    name_position, label_positions = _positions(frame, name_column, label_columns, regression)
    names = [_name(cell, row) for row, cell in enumerate(frame.iloc[:, name_position].tolist())]
    cells = list(zip(*(frame.iloc[:, position].tolist() for position in label_positions), strict=True))
    order = sorted(range(len(names)), key=names.__getitem__)
    names, cells = [names[row] for row in order], [cells[row] for row in order]
    files = _file_names(folder, names, suffix)
    if regression:
        columns = [str(frame.columns[position]) for position in label_positions]
        (targets, classes), kind = parse_numbers(cells, names, columns, separator=separator), "regression"
    else:
        targets, classes, kind = encode_tags(parse_tags(cells, names, separator=separator), names, multi_label=multi_label)
    if valid_indices is None:
        valid_indices = validation_indices(len(files), fraction=valid_fraction, seed=seed)
    mask = validation_mask(valid_indices, len(files))
    samples = Samples(np.array(files), targets)
    splits = {"train": samples.take(~mask), "valid": samples.take(mask)}
    if test is not None:
        splits["test"] = _unlabelled(root, test)
    missing = (file for file in files if not os.path.isfile(root / file))
    hint = checks.missing_hint(root, missing, suffix)
    return _checked_source(root, splits, classes, kind, on_error=on_error, hint=hint)


def from_csv(
    root: str | pathlib.Path,
    csv: str | pathlib.Path,
    *,
    folder: str,
    header: bool = True,
    delimiter: str = ",",
    suffix: str = "",
    **options,
) -> ImageSource:
    """Return pictures that are named and labelled by the rows of a CSV file.

    Everything is read as text: 007 stays 007, and a class may be called None or NA.

    Args:
        root: the folder of the data set.
        csv: the file, as a path or relative to the root.
        folder: where the pictures lie, relative to the root.
        header: whether the first line names the columns.
        delimiter: what stands between the columns.
        suffix: added to each name.
        **options: as for `from_dataframe`.

    Example:
        >>> source = from_csv("planet", "train_v2.csv", folder="train-jpg", suffix=".jpg")
        >>> source.kind, len(source.classes)
        ('multi', 17)
    """
    root = checks.existing_folder(root)
    path = _existing_csv(root, csv)
    frame = _read_csv(path, header, delimiter)
    swallowed = root / folder / f"{frame.columns[0]}{suffix}"
    if header and swallowed.is_file():
        raise ValueError(f"The first line of {path} names a picture ({swallowed.name}), not columns; pass `header=False`.")
    return from_dataframe(root, frame, folder=folder, suffix=suffix, **options)


def _read_csv(path: pathlib.Path, header: bool, delimiter: str) -> pd.DataFrame:
    import pandas as pd

    try:
        frame = pd.read_csv(
            path,
            header=0 if header else None,
            sep=delimiter,
            dtype=str,
            index_col=False,
            keep_default_na=False,
            na_values=[""],
            skipinitialspace=delimiter != "\t",
            encoding="utf-8-sig",
        )
    except ValueError as error:  # pandas' own errors are ValueErrors that do not name the file.
        raise ValueError(f"{path} cannot be read as a CSV file: {error}") from error
    if frame.shape[1] < 2:
        raise ValueError(
            f"{path} must have at least two columns, names and labels, divided by {delimiter!r}; found only "
            f"{frame.columns[0]!r}. Pass `delimiter` if it is another character."
        )
    return frame


def _existing_csv(root: pathlib.Path, csv: str | pathlib.Path) -> pathlib.Path:
    for path in (pathlib.Path(csv), root / csv):
        if path.is_file():
            return path
    raise FileNotFoundError(f"There is no file {csv}, also not in {root}, where there is: {checks.first_entries(root)}.")


def _class_folders(
    root: pathlib.Path, folder: str, argument: str, classes: tuple[str, ...] | None = None
) -> tuple[Samples, tuple[str, ...]]:
    """Return the labelled pictures of a folder with class folders, and the classes; known ones are checked against."""
    path = checks.existing_folder(root, folder, argument=argument)
    names = sorted(entry.name for entry in path.iterdir() if entry.is_dir() and not checks.is_ignored(entry.name))
    if not names:
        raise ValueError(f"{path} must hold a folder for each class; found: {checks.first_entries(path)}.")
    unknown = [name for name in names if classes is not None and name not in classes]
    if unknown:
        raise ValueError(f"{path} has the classes {first(unknown)}, which training lacks: it has {first(classes)}.")
    numbers = {name: index for index, name in enumerate(classes or names)}
    files = {name: checks.list_files(root, path / name) for name in names}
    empty = [name for name in names if not files[name]]
    if empty:
        raise ValueError(f"These class folders of {path} are empty: {first(empty)}. Fill or remove them.")
    targets = np.repeat([numbers[name] for name in names], [len(files[name]) for name in names]).astype(np.int64)
    return Samples(np.array([file for name in names for file in files[name]]), targets), tuple(classes or names)


def _unlabelled(root: pathlib.Path, folder: str) -> Samples:
    path = checks.existing_folder(root, folder, argument="test")
    files = checks.list_files(root, path)
    if not files:
        raise ValueError(f"The folder of test pictures {path} is empty.")
    return Samples(np.array(files))


def _positions(frame: pd.DataFrame, name_column, label_columns, regression: bool) -> tuple[int, list[int]]:
    name = _position(frame, name_column)
    if label_columns is None:
        others = [position for position in range(frame.shape[1]) if position != name]
        if not others:
            raise ValueError(f"The table must have a column of labels beside the names; it has only {frame.columns[0]!r}.")
        return name, others if regression else others[:1]
    if isinstance(label_columns, (int, str)):
        label_columns = [label_columns]
    labels = [_position(frame, column) for column in label_columns]
    if not labels or name in labels:
        raise ValueError(f"`label_columns` must be other columns than the names', received {list(label_columns)}.")
    return name, labels


def _position(frame: pd.DataFrame, column: int | str) -> int:
    columns = frame.columns.tolist()
    if isinstance(column, str) and columns.count(column) == 1:
        return columns.index(column)
    if not isinstance(column, str) and 0 <= column < len(columns):
        return column
    raise ValueError(f"There is no single column {column!r}; the columns are {', '.join(map(str, columns))}.")


def _name(cell, row: int) -> str:
    name = "" if cell is None or cell != cell else str(cell).strip()
    if not name:
        raise ValueError(f"Row {row} of the table (counted from 0) has no file name.")
    return name


def _file_names(folder: str, names: Sequence[str], suffix: str) -> list[str]:
    """Join folder, name and suffix; names that leave the root or occur twice are errors."""
    files = [posixpath.normpath(posixpath.join(pathlib.PurePath(folder).as_posix(), name + suffix)) for name in names]
    outside = [file for file in files if posixpath.isabs(file) or file.startswith("../")]
    if outside:
        raise ValueError(f"Folder and names must be relative to the root and stay inside it, received {first(outside)}.")
    unique, counts = np.unique(files, return_counts=True)
    if (counts > 1).any():
        twice = unique[counts > 1].tolist()
        raise ValueError(
            f"{len(twice)} files have more than one row: {first(twice)}. Keep one row for each picture, with all tags in one cell."
        )
    return files


def _checked_source(root, splits, classes, kind, *, on_error: str, hint: str = "") -> ImageSource:
    checks.check_classes(splits["train"], splits["valid"], classes, kind)
    checked, scans, skipped = checks.check_files(root, splits, on_error=on_error, hint=hint)
    if skipped:
        checks.check_classes(checked["train"], checked["valid"], classes, kind)
    return ImageSource(root, checked["train"], checked["valid"], checked.get("test"), classes, kind, skipped, scans)
