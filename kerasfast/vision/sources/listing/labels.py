"""Turn the columns of a table into picture names and targets, naming every row that cannot be used."""

from __future__ import annotations

import math
import numbers
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kerasfast.basics import arguments
from kerasfast.basics.arguments import TARGET_KINDS, choice
from kerasfast.vision.sources.listing import checks

if TYPE_CHECKING:
    import pandas

Column = int | str
LARGEST_TARGET = float(np.finfo(np.float32).max)


def read_table(root: pathlib.Path, csv: str | os.PathLike[str], *, header: bool = True) -> pandas.DataFrame:
    """Return a CSV as text, so that a name such as 007 or a class such as None stays what it is.

    Args:
        root: Where the file is looked for first; the working directory comes second.
        csv: Path of the file.
        header: Whether the first line holds column names.

    Raises:
        FileNotFoundError: When the file is in neither place.
        ValueError: When it is empty, is not UTF-8, or its lines differ in length.
    """
    import pandas as pd

    path = _find_csv(root, arguments.path("csv", csv))
    try:
        table = pd.read_csv(path, header=0 if header else None, dtype=str, keep_default_na=False, na_values=[""])
    except pd.errors.EmptyDataError as error:
        raise ValueError(f"{path} is empty; expected a row for each picture.") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error}); save it as UTF-8, or pass a DataFrame.") from error
    except pd.errors.ParserError as error:
        raise ValueError(f"{path} cannot be read as a CSV: {str(error).strip()}. Quote values with a comma.") from error
    # pandas takes surplus first columns as the index without a word, and every column moves by one.
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError(f"The rows of {path} have more values than its header; quote values that contain a comma.")
    return table


def _find_csv(root: pathlib.Path, csv: str | os.PathLike[str]) -> pathlib.Path:
    # An absolute path replaces the root here.
    for path in (root / csv, pathlib.Path(csv).expanduser()):
        if os.path.isfile(path):
            return path
    there = checks.few(sorted(entry.name for entry in root.glob("*.csv*"))) or "no CSV"
    raise FileNotFoundError(f"There is no file {str(csv)!r} in {root} or the working directory; {root} holds {there}.")


class Places(NamedTuple):
    """Positions of the columns of a table: of the names, of the labels, and of the groups where there are any."""

    name: int
    labels: list[int]
    groups: int | None


def table_columns(
    frame: pandas.DataFrame,
    name_column: Column,
    label_columns: Column | Sequence[Column] | None,
    groups: Column | None,
    target_kind: str | None,
) -> Places:
    """Return the positions of the columns.

    Args:
        frame: The table.
        name_column: Column of the picture names, by position or name.
        label_columns: Columns of the labels; None means the first other column, or all others for regression.
        groups: Column of what pictures belong together, or None.
        target_kind: "single", "multi", "regression", or None.

    Raises:
        ValueError: When the table has too few columns or no rows, or a column is absent or asked for twice.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise ValueError(
            f"`frame` must be a pandas DataFrame; received {type(frame).__name__}. Read files with `from_csv`."
        )
    if frame.shape[1] < 2:
        raise ValueError(
            f"A table needs a column of picture names and one of labels; found {checks.few(frame.columns) or 'none'}. "
            "A CSV must have commas between the columns."
        )
    if not len(frame):
        raise ValueError(f"The table has no rows, only the columns {checks.few(frame.columns)}.")
    name, group = _position(frame, name_column), None if groups is None else _position(frame, groups)
    if label_columns is None:
        others = [position for position in range(frame.shape[1]) if position not in (name, group)]
        if not others:
            raise ValueError(f"No column of labels is left beside the names and `groups`; received {groups!r}.")
        return Places(name, others if target_kind == "regression" else others[:1], group)
    wanted = [label_columns] if isinstance(label_columns, (int, str, np.integer)) else list(label_columns)
    labels = [_position(frame, column) for column in wanted]
    if not labels or len({name, *labels}) < 1 + len(labels):
        raise ValueError(f"`label_columns` must name other columns than `name_column`, each once; received {wanted!r}.")
    if len(labels) > 1 and target_kind != "regression":
        raise ValueError(
            f"Labels come from one column, with a separator between several tags; `label_columns` has {wanted!r}. Join "
            "the columns into one, or pass `target_kind='regression'` when they hold numbers to predict."
        )
    return Places(name, labels, group)


def _position(frame: pandas.DataFrame, column: Column) -> int:
    if isinstance(column, (int, np.integer)) and not isinstance(column, bool):
        if not -frame.shape[1] <= column < frame.shape[1]:
            raise ValueError(f"There is no column at position {column}: the table has {frame.shape[1]} columns.")
        return int(column) % frame.shape[1]
    places = [place for place, name in enumerate(frame.columns) if name == column]
    if len(places) == 1:
        return places[0]
    problem = "is there more than once" if places else "is not there"
    raise ValueError(f"The column {column!r} {problem}; the columns are {checks.few(frame.columns, 20)}.")


def picture_names(column: pandas.Series) -> np.ndarray:
    """Return the (n,) names in a column; raise when a cell is empty."""
    cells = zip(column, column.isna(), strict=True)
    names = np.array(["" if missing else str(cell) for cell, missing in cells], dtype=str)
    empty = np.flatnonzero(np.char.strip(names) == "")
    if len(empty):
        rows = checks.few(empty + 1)
        raise ValueError(f"The column {column.name!r} has no picture name in rows {rows} (counted from 1, no header).")
    return names


def group_names(column: pandas.Series) -> np.ndarray:
    """Return the (n,) names of groups; raise when a cell is empty."""
    empty = np.flatnonzero(column.isna())
    if len(empty):
        rows = checks.few(empty + 1)
        raise ValueError(f"The column {column.name!r} has no group in rows {rows} (counted from 1, no header).")
    return column.astype(str).to_numpy(dtype=str)


def encode(
    frame: pandas.DataFrame, names: np.ndarray, *, separator: str | None, target_kind: str | None
) -> tuple[np.ndarray, tuple[str, ...], str]:
    """Return targets, classes (names of the numbers for regression) and the kind; see the two functions below."""
    if separator == "":
        raise ValueError("`separator` must be a text such as ' ', or None to keep labels whole; received ''.")
    if target_kind is not None:
        choice("target_kind", target_kind, TARGET_KINDS)
    if target_kind == "regression":
        return *encode_numbers(frame, names, separator=separator), "regression"
    return encode_tags(frame.iloc[:, 0], names, separator=separator, target_kind=target_kind)


def encode_tags(
    column: pandas.Series, names: np.ndarray, *, separator: str | None, target_kind: str | None
) -> tuple[np.ndarray, tuple[str, ...], str]:
    """Return targets, sorted classes and the kind, `"single"` or `"multi"`.

    Args:
        column: (n,) cells of text, numbers or lists of tags.
        names: (n,) picture names, for messages.
        separator: What stands between tags; None keeps a cell whole.
        target_kind: "single" or "multi"; None looks whether a picture has several tags.

    Returns:
        Targets of shape (n,) and int64 for one label each, (n, classes) and float32 for tags.

    Raises:
        ValueError: For empty labels, and for several tags where `target_kind` is "single".
    """
    cells = zip(column, column.isna(), names, strict=True)
    tags = [set() if gone else _tags(cell, separator, str(name)) for cell, gone, name in cells]
    empty = [name for name, own in zip(names, tags, strict=True) if not own]
    if empty:
        raise ValueError(
            f"The label in column {column.name!r} is empty for {checks.pictures(len(empty))}: {checks.few(empty)}. "
            "Remove these rows, or give them a class of their own."
        )
    several = [index for index, own in enumerate(tags) if len(own) > 1]
    if several and target_kind == "single":
        name, own = str(names[several[0]]), sorted(tags[several[0]])
        raise ValueError(
            f"`target_kind='single'` allows one label a picture, but {name!r} has {own} ({len(several)} such rows). "
            "Pass `separator=None` where a label contains the separator, or leave `target_kind` out."
        )
    classes = tuple(sorted(set().union(*tags)))
    multi = bool(several) if target_kind is None else target_kind == "multi"
    if several and target_kind is None:
        _announce(column.iloc[several[0]], tags[several[0]], separator)
    return _multi_hot(tags, classes) if multi else _indices(tags, classes), classes, "multi" if multi else "single"


def _tags(cell: object, separator: str | None, name: str) -> set[str]:
    if isinstance(cell, (list, tuple, set, frozenset, np.ndarray)):
        unusable = [part for part in cell if not _is_label(part)]
        parts = [str(part) for part in cell]
    else:
        unusable = [] if _is_label(cell) else [cell]
        parts = [str(cell)] if separator is None else str(cell).split(separator)
    if unusable:
        raise ValueError(
            f"Labels must be text or numbers, or lists of them, but {name!r} has {unusable[0]!r}. Correct or "
            "remove such rows."
        )
    return {part.strip() for part in parts} - {""}


def _is_label(value: object) -> bool:
    """Whether a value can name a class: text, a number that is none of NaN and infinite, or a truth value."""
    if isinstance(value, (str, bool, np.bool_)):
        return True
    return isinstance(value, numbers.Real) and math.isfinite(value)


def _announce(cell: object, tags: set[str], separator: str | None) -> None:
    """Say that labels were split, which a blank in the name of a class would do as well."""
    if isinstance(cell, str):
        print(
            f"Took labels for tags with {separator!r} between them, such as {cell!r} for {' and '.join(sorted(tags))}; "
            "pass `target_kind='multi'` (`--kind tags`) if that is right, or `separator=None` (`--kind classes`) to "
            "keep labels whole."
        )


def _multi_hot(tags: list[set[str]], classes: tuple[str, ...]) -> np.ndarray:
    place = {name: index for index, name in enumerate(classes)}
    targets = np.zeros((len(tags), len(classes)), np.float32)
    for row, own in enumerate(tags):
        targets[row, [place[tag] for tag in own]] = 1
    return targets


def _indices(tags: list[set[str]], classes: tuple[str, ...]) -> np.ndarray:
    place = {name: index for index, name in enumerate(classes)}
    return np.array([place[next(iter(own))] for own in tags], np.int64)


def encode_numbers(
    frame: pandas.DataFrame, names: np.ndarray, *, separator: str | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return float32 targets, (n,) for one number a picture and (n, k) for more, and a name for each number.

    One column may hold several numbers with the separator between them, as the course's bounding boxes do; they are
    then called `column_0`, `column_1` and so on.

    Args:
        frame: (n, k) label columns.
        names: (n,) picture names, for messages.
        separator: What stands between the numbers of a cell.

    Raises:
        ValueError: For a cell that is empty, infinite or no number, and for rows of different lengths.
    """
    columns = [str(column) for column in frame.columns]
    cells = [list(row) for row in frame.itertuples(index=False, name=None)]
    if len(columns) == 1 and separator:
        cells = [str(row[0]).split(separator) for row in cells]
        cells = [[part for part in row if part.strip()] for row in cells]
        columns = columns if len(cells[0]) == 1 else [f"{columns[0]}_{place}" for place in range(len(cells[0]))]
    targets = np.array([_numbers(row, columns, str(name)) for row, name in zip(cells, names, strict=True)], np.float32)
    return targets[:, 0] if len(columns) == 1 else targets, tuple(columns)


def _numbers(cells: list[object], columns: list[str], name: str) -> list[float]:
    if len(cells) != len(columns):
        raise ValueError(
            f"Expected {len(columns)} numbers in each row, as in the first one; {name!r} has {len(cells)}."
        )
    values = [_number(cell) for cell in cells]
    for value, cell, column in zip(values, cells, columns, strict=True):
        if LARGEST_TARGET < abs(value) < math.inf:
            raise ValueError(
                f"Regression targets are kept as 32-bit floats, but {name!r} has {cell!r} in column {column!r}: too "
                "large for them. Scale the targets, or take their logarithm."
            )
        if not np.isfinite(value):
            raise ValueError(
                f"Regression targets must be numbers, but {name!r} has {cell!r} in column {column!r}. Remove or "
                "correct such rows, or name the right `label_columns`."
            )
    return values


def _number(cell: object) -> float:
    """Return the number in a cell, NaN where there is none, so that one check covers both."""
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")
