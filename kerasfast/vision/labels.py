"""Turning label cells into targets: one class, several tags, or numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

SHOWN = 5


def parse_tags(cells: Sequence, names: Sequence[str], *, separator: str | None) -> list[tuple[str, ...]]:
    """Return the distinct tags of each row, in order.

    Args:
        cells: (rows, columns) cells: strings to split at the separator, numbers, or lists of tags.
        names: what to call each row in an error.
        separator: what stands between tags; None takes a cell as one tag.

    Raises:
        ValueError: names the rows without any tag.
    """
    rows = [tuple(dict.fromkeys(tag for cell in row for tag in _tokens(cell, separator))) for row in cells]
    empty = [name for name, tags in zip(names, rows, strict=True) if not tags]
    if empty:
        raise ValueError(f"{len(empty)} rows have no label: {first(empty)}. Label them or leave these rows out.")
    return rows


def encode_tags(
    rows: Sequence[tuple[str, ...]], names: Sequence[str], *, multi_label: bool | None
) -> tuple[np.ndarray, tuple[str, ...], str]:
    """Return the targets, the sorted classes and the kind ("single" or "multi").

    Args:
        rows: the tags of each row.
        names: what to call each row in an error.
        multi_label: None decides by whether any row has several tags.
    """
    several = [f"{name} ({' '.join(tags)})" for name, tags in zip(names, rows, strict=True) if len(tags) > 1]
    if several and multi_label is False:
        raise ValueError(
            f"`multi_label=False` but {len(several)} rows have several tags: {first(several)}. Pass `multi_label=True`, or "
            "`separator=None` if these are names of one class."
        )
    classes = tuple(sorted({tag for tags in rows for tag in tags}))
    number = {name: index for index, name in enumerate(classes)}
    if not (multi_label or several):
        return np.array([number[tags[0]] for tags in rows], np.int64), classes, "single"
    targets = np.zeros((len(rows), len(classes)), np.float32)
    for target, tags in zip(targets, rows, strict=True):
        target[[number[tag] for tag in tags]] = 1
    return targets, classes, "multi"


def parse_numbers(
    cells: Sequence, names: Sequence[str], columns: Sequence[str], *, separator: str | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return regression targets, (rows,) or (rows, values) float32, and the names of the values.

    Several numbers in one cell ("96 155 269 350", a box) are several values.

    Raises:
        ValueError: names the rows whose cells are no finite numbers, or not as many as in the first row.
    """
    tokens = [[_tokens(cell, separator) for cell in row] for row in cells]
    lengths = [len(cell) for cell in tokens[0]]
    bad = []
    for name, row in zip(names, tokens, strict=True):
        if [len(cell) for cell in row] != lengths or not all(_is_finite(token) for cell in row for token in cell):
            bad.append(f"{name} ({', '.join(' '.join(cell) or 'nothing' for cell in row)})")
    if bad or not all(lengths):
        raise ValueError(
            f"Regression needs {sum(lengths) or 1} finite number(s) in every row of {', '.join(columns)}; {len(bad) or len(tokens)} "
            f"rows have something else: {first(bad or list(names))}."
        )
    values = np.array([[float(token) for cell in row for token in cell] for row in tokens], np.float32)
    value_names = tuple(
        column if length == 1 else f"{column}_{index}"
        for column, length in zip(columns, lengths, strict=True)
        for index in range(length)
    )
    return (values[:, 0] if values.shape[1] == 1 else values), value_names


def first(names: Sequence[str]) -> str:
    """Return the first few names for a message, and how many more there are."""
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(str(name) for name in names[:SHOWN]) + rest


def _tokens(cell, separator: str | None) -> list[str]:
    """Split a cell; missing ones (None, NaN, NaT, pandas.NA: unequal to themselves or undecided) give nothing."""
    if isinstance(cell, (list, tuple, set, frozenset, np.ndarray)):
        parts = sorted(cell) if isinstance(cell, (set, frozenset)) else cell
        return [token for part in parts for token in _tokens(part, None)]
    if not isinstance(cell, str) and _is_missing(cell):
        return []
    text = str(cell)
    parts = [text] if separator is None else text.split(separator)
    return [part.strip() for part in parts if part.strip()]


def _is_missing(cell) -> bool:
    return cell is None or type(cell).__name__ == "NAType" or cell != cell


def _is_finite(token: str) -> bool:
    try:
        return math.isfinite(float(token))
    except ValueError:
        return False
