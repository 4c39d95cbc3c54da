"""Arrays that are encoded already, checked, as rows for an embedding model."""

from collections.abc import Mapping, Sequence

import numpy as np

from kerasfast.basics.arguments import TARGET_KINDS, array, choice
from kerasfast.tabular.encoding.columns import CategoryColumn
from kerasfast.tabular.encoding.targets import NumberScale, Target
from kerasfast.tabular.pipeline.rows import Rows


def encoded_rows(
    split: str,
    codes: np.ndarray | None,
    values: np.ndarray | None,
    targets: np.ndarray | None = None,
    kind: str = "regression",
    weights: np.ndarray | None = None,
) -> Rows:
    """Return checked rows.

    Args:
        split: "training", "validation" or "test", for messages.
        codes, values, targets, kind, weights: See `TableData.from_arrays`.

    Raises:
        ValueError: If an array has another shape, length or kind of value than it must have.
    """
    choice("target_kind", kind, TARGET_KINDS)
    if codes is None and values is None:
        raise ValueError(f"the {split} rows have neither `codes` nor `values`.")
    codes = None if codes is None else _whole(f"{split} codes", codes, 2).astype(np.int32)
    values = None if values is None else _finite(f"{split} values", values, 2).astype(np.float32)
    count = len(values) if codes is None else len(codes)
    codes = np.zeros((count, 0), np.int32) if codes is None else codes
    values = np.zeros((count, 0), np.float32) if values is None else values
    targets = None if targets is None else _targets(f"{split} targets", targets, kind)
    weights = None if weights is None else _finite("weights", weights, 1).astype(np.float32)
    rows = Rows(codes, values, targets, weights)
    lengths = [len(part) for part in rows if part is not None]
    if len(set(lengths)) > 1 or not count:
        raise ValueError(f"the {split} arrays must have the same number of rows, 1 or more; received {lengths}.")
    return rows


def array_target(views: Sequence[Rows | None], kind: str) -> Target:
    """Return the target of training, validation and test rows: classes go by their numbers."""
    targets = [rows.targets for rows in views if rows is not None and rows.targets is not None]
    if not targets:
        raise ValueError("`targets` must be an array with a row for each training row; received None.")
    if kind == "single":
        numbers = range(int(max(part.max() for part in targets)) + 1)
        return Target(("target",), kind, column=CategoryColumn("target", "number", tuple(numbers)))
    if len({part.shape[1] for part in targets}) > 1:
        raise ValueError(f"targets must have the same columns; received {[part.shape for part in targets]}.")
    names = tuple(f"target_{position}" for position in range(targets[0].shape[1]))
    return Target(names, kind, scale=NumberScale.of(targets[0]) if kind == "regression" else None)


def array_cardinalities(
    views: Sequence[Rows | None], cardinalities: Sequence[int] | Mapping[str, int] | None
) -> dict[str, int]:
    """Return the number of codes by column.

    Raises:
        ValueError: If there are more or fewer than columns, or codes that they leave no room for.
    """
    views = [rows for rows in views if rows is not None]
    if len({(rows.codes.shape[1], rows.values.shape[1]) for rows in views}) > 1:
        shapes = [(rows.codes.shape, rows.values.shape) for rows in views]
        raise ValueError(f"all codes, and all values, must have the same columns; received {shapes}.")
    least = np.max([rows.codes.max(axis=0) for rows in views], axis=0) + 1 if views[0].codes.size else []
    if cardinalities is None:
        cardinalities = list(least)
    if not isinstance(cardinalities, Mapping):
        cardinalities = {f"code_{position}": count for position, count in enumerate(cardinalities)}
    if len(cardinalities) != len(least):
        raise ValueError(f"`cardinalities` has {len(cardinalities)} columns, the codes have {len(least)}.")
    for (name, count), needed in zip(cardinalities.items(), least, strict=True):
        if count < needed:
            raise ValueError(
                f"column {name!r} has the code {needed - 1} but only {count} codes; pass {needed} or more."
            )
    return {name: int(count) for name, count in cardinalities.items()}


def _targets(name: str, targets: np.ndarray, kind: str) -> np.ndarray:
    if kind == "single":
        return _whole(name, targets, 1).astype(np.int32)
    targets = array(name, targets)
    targets = _finite(name, targets[:, None] if targets.ndim == 1 else targets, 2).astype(np.float32)
    if kind == "multi" and not np.isin(targets, (0, 1)).all():
        raise ValueError(
            f"{name} must be 0 or 1 for target_kind='multi'; they reach from {targets.min():g} to {targets.max():g}."
        )
    return targets


def _whole(name: str, given: np.ndarray, dimensions: int) -> np.ndarray:
    found = array(name, given)
    if found.ndim != dimensions or not np.issubdtype(found.dtype, np.integer) or (found < 0).any():
        shape = "(rows,)" if dimensions == 1 else "(rows, columns)"
        raise ValueError(
            f"{name} must be whole numbers from 0, {shape}; received {found.dtype} of shape {found.shape}."
        )
    return found


def _finite(name: str, given: np.ndarray, dimensions: int) -> np.ndarray:
    found = array(name, given)
    if found.ndim != dimensions or not (np.issubdtype(found.dtype, np.number) or found.dtype == bool):
        shape = "(rows,)" if dimensions == 1 else "(rows, columns)"
        raise ValueError(f"{name} must be numbers {shape}; received {found.dtype} of shape {found.shape}.")
    wrong = ~np.isfinite(found)
    if wrong.any():
        raise ValueError(
            f"{name} must be finite; {int(wrong.sum())} are not, the first at {np.argwhere(wrong)[0].tolist()}."
        )
    return found
