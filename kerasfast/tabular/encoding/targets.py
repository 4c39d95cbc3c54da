"""What a table model predicts: numbers, one class or several labels; columns to arrays and back."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasfast.basics import arguments
from kerasfast.basics.arguments import TARGET_KINDS, choice, flag
from kerasfast.basics.warned import alike_names, warn_caller
from kerasfast.tabular.column_kinds import INTERCHANGEABLE, as_numbers, single_column
from kerasfast.tabular.encoding.columns import CategoryColumn, CategoryStatistics, Moments

_FEW_ROWS = 20  # two different numbers in fewer rows are no sign of two classes
_BEYOND = 0.1  # of the range of the logarithms that training showed: what predictions may exceed it by


@dataclasses.dataclass(frozen=True)
class NumberScale:
    """How the numbers that a model learns are spread over the training rows, by target column.

    Attributes:
        mean, deviation: Of the numbers; a deviation of 0 is 1.
        low, high: The least and the largest.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def of(cls, numbers: np.ndarray) -> "NumberScale":
        """Return the scale of (rows, columns)."""
        moments, numbers = Moments(), np.asarray(numbers, np.float64)
        mean = numbers.mean(axis=0)
        moments.add(len(numbers), mean, np.square(numbers - mean).sum(axis=0))
        return cls.measured(moments, numbers.min(axis=0), numbers.max(axis=0))

    @classmethod
    def measured(cls, moments: Moments, low: np.ndarray, high: np.ndarray) -> "NumberScale":
        """Return the scale of numbers that went by in parts."""
        # Rounding gives a constant column a tiny deviation.
        deviation = np.where(low == high, 1.0, moments.deviation)
        return cls(*(tuple(part.tolist()) for part in (np.asarray(moments.mean), deviation, low, high)))

    def bounded(self, numbers: np.ndarray) -> np.ndarray:
        """Return numbers (rows, columns) no further outside those of training than a tenth of their range."""
        low, high = np.array(self.low), np.array(self.high)
        beyond = _BEYOND * (high - low)
        return np.clip(numbers, low - beyond, high + beyond)


@dataclasses.dataclass(frozen=True)
class Target:
    """The target of a table model.

    Attributes:
        names: The target columns; one for "single".
        kind: "regression" (numbers), "single" (one class a row) or "multi" (a column of 0 and 1 per label).
        log: Whether the model learns the natural logarithm of the numbers.
        column: The classes of a "single" target.
        scale: Of the numbers (or their logarithms) over the training rows; None where it is not known.
    """

    names: tuple[str, ...]
    kind: str
    log: bool = False
    column: CategoryColumn | None = None
    scale: NumberScale | None = None

    @property
    def classes(self) -> list[Any]:
        """What each output of the model stands for: the classes, the labels, or the columns of numbers."""
        return list(self.names) if self.column is None else list(self.column.readable_levels())

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Return what the model is trained on: class numbers (rows,) int32, or (rows, columns) float32.

        Raises:
            ValueError: Naming the column that is not there, or whose values cannot be a target.
        """
        if self.column is not None:
            return self._class_numbers(_column(frame, self.names[0]))
        numbers = np.stack([_numbers(frame, name) for name in self.names], axis=1)
        if self.kind == "multi":
            _check_labels(numbers, self.names)
        if self.log:
            _check_positive(numbers, self.names)
            numbers = np.log(numbers)
        return _float32(numbers, self.names)

    def decode(self, predictions: np.ndarray, index: pd.Index | None = None) -> pd.DataFrame:
        """Return predictions as a frame: numbers in their own units, or a column of probabilities per class.

        Predicted logarithms are held within the range that training showed, and a tenth of it on either side: beyond
        that, their exponential could be any number.

        Args:
            predictions: (rows, outputs), as the model gives them.
            index: Of the frame.
        """
        predictions = np.asarray(predictions, np.float64)
        if self.log:
            predictions = np.exp(predictions if self.scale is None else self.scale.bounded(predictions))
        return pd.DataFrame(predictions, columns=self.classes, index=index)

    def to_json(self) -> dict[str, Any]:
        column = None if self.column is None else self.column.to_json()
        scale = None if self.scale is None else dataclasses.asdict(self.scale)
        return {"names": list(self.names), "kind": self.kind, "log": self.log, "column": column, "scale": scale}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Target":
        column = stored["column"] and CategoryColumn.from_json(stored["column"])
        scale = stored.get("scale") and NumberScale(**{name: tuple(part) for name, part in stored["scale"].items()})
        return cls(tuple(stored["names"]), stored["kind"], stored["log"], column, scale)

    def _class_numbers(self, series: pd.Series) -> np.ndarray:
        _check_complete(series.isna().to_numpy(), self.names[0])
        numbers = self.column.encode(series) - 1
        if (numbers < 0).any():
            strangers = pd.unique(series[numbers < 0])[:5].tolist()
            raise ValueError(
                f"target column {self.names[0]!r} has the classes {strangers}, which training rows do not have; "
                f"they have {self.classes[:20]}."
            )
        return numbers


class TargetStatistics:
    """Learns a `Target` while the training rows go by in parts.

    Args:
        names: The target column, or several for labels and for a regression with several numbers.
        target_kind: "regression", "single", "multi"; None to tell by the values: one column of text, categories or
            booleans, or of the numbers 0 and 1 (or two other whole numbers, from 20 rows on), is "single"; several
            columns of 0 and 1 (or booleans) are "multi"; all else is a regression.
        log: Whether the model is to learn the logarithm.

    Attributes:
        question: Whether numbers were taken for the two answers of a question.
    """

    def __init__(self, names: str | Sequence[str], target_kind: str | None = None, log: bool = False) -> None:
        self.names = (names,) if isinstance(names, str) else tuple(arguments.names("target", names))
        if not self.names or len(set(self.names)) < len(self.names):
            raise ValueError(f"`target` must be a column, or several different ones; received {names!r}.")
        if target_kind is not None:
            choice("target_kind", target_kind, TARGET_KINDS)
        if target_kind == "single" and len(self.names) > 1:
            raise ValueError(f"`target_kind='single'` has one target column; received {list(self.names)}.")
        if flag("log", log) and target_kind in ("single", "multi"):
            raise ValueError(f"`log` is for regressions; received target_kind={target_kind!r}.")
        self.kind, self.log = target_kind, log
        self.question = target_kind is None and len(self.names) == 1 and not log
        self._classes = CategoryStatistics(self.names[0])
        self._binary = True
        self._moments, self._low, self._high = Moments(), np.inf, -np.inf

    def update(self, frame: pd.DataFrame, weights: np.ndarray | None = None) -> None:
        """Look at the next rows, and check them; `weights` (rows,) say how much each counts."""
        columns = [_column(frame, name) for name in self.names]
        if self.kind is None and self.has_classes(frame):
            self.kind, self.question = "single", False
        if self.kind != "single":
            self._measure(Target(self.names, self.kind or "regression", self.log).encode(frame), weights)
        if self.kind == "single" or self.question:
            _check_complete(columns[0].isna().to_numpy(), self.names[0])
            self._classes.update(columns[0])
            self.question = self.question and self._classes.levels < 3 and _may_be_answers(columns[0])

    def has_classes(self, frame: pd.DataFrame) -> bool:
        """Return whether the target is one class a row, as far as types can tell."""
        named = self.kind is None and len(self.names) == 1 and not self.log
        return self.kind == "single" or (named and not _is_number(_column(frame, self.names[0])))

    def target(self) -> Target:
        """Return what was learned.

        Raises:
            ValueError: If there is only one class.
        """
        few = self._classes.rows < _FEW_ROWS and not self._binary
        self.question = self.question and self._classes.levels == 2 and not few
        if self.kind != "single" and not self.question:
            several = "multi" if self._binary and not self.log and len(self.names) > 1 else "regression"
            kind = self.kind or several
            known = kind == "regression" and self._moments.count > 0
            scale = NumberScale.measured(self._moments, self._low, self._high) if known else None
            if known and np.any(self._low == self._high):
                name = self.names[int(np.argmax(self._low == self._high))]
                warn_caller(f"target column {name!r} has one value in all training rows: there is nothing to learn.")
            return Target(self.names, kind, self.log, scale=scale)
        column = self._classes.column(max_levels=None, min_count=1, separate_missing=False)
        if len(column.levels) < 2:
            raise ValueError(
                f"target column {self.names[0]!r} has the only class {column.levels[0]!r} in the training rows; "
                "a classifier needs two."
            )
        if alike := alike_names(column.levels):
            warn_caller(f"target column {self.names[0]!r} has {alike}: are they one class?")
        if self._classes.rows > _FEW_ROWS and len(column.levels) > self._classes.rows / 2:
            raise ValueError(
                f"target column {self.names[0]!r} has {len(column.levels):,} different values in "
                f"{self._classes.rows:,} rows, such as {column.levels[0]!r}; expected classes that repeat, or numbers."
            )
        return Target(self.names, "single", column=column)

    def _measure(self, numbers: np.ndarray, weights: np.ndarray | None) -> None:
        numbers = numbers.astype(np.float64)
        self._binary &= bool(np.isin(numbers, (0, 1)).all())
        weights = np.ones(len(numbers)) if weights is None else weights.astype(np.float64)
        numbers, weights = numbers[weights > 0], weights[weights > 0]
        if not len(numbers):
            return
        mean = np.average(numbers, axis=0, weights=weights)
        self._moments.add(weights.sum(), mean, weights @ np.square(numbers - mean))
        self._low = np.minimum(self._low, numbers.min(axis=0))
        self._high = np.maximum(self._high, numbers.max(axis=0))


def _is_number(series: pd.Series) -> bool:
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(dtype):
        return False
    return pd.api.types.is_numeric_dtype(dtype) or pd.api.types.infer_dtype(series, skipna=True) in (
        "integer", "floating", "decimal", "mixed-integer-float", "empty",
    )  # fmt: skip


def _may_be_answers(series: pd.Series) -> bool:
    """Return whether numbers are 0 and 1, or of a type for whole numbers."""
    return pd.api.types.is_integer_dtype(series.dtype) or bool(series.isin((0, 1)).all())


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame.columns:
        raise ValueError(f"the table has no target column {name!r}; its columns are {list(frame.columns)}.")
    return single_column(frame, name)


def _numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    series = _column(frame, name)
    try:
        kind, numbers = as_numbers(series)
    except ValueError as error:
        raise ValueError(f"target column {name!r} cannot be a number: {error}") from error
    _check_complete(np.isnan(numbers), name)
    if len(numbers) and kind not in INTERCHANGEABLE:
        raise ValueError(f"target column {name!r} holds {kind} values; convert them to numbers.")
    return numbers


def _check_complete(missing: np.ndarray, name: str) -> None:
    if missing.any():
        raise ValueError(
            f"target column {name!r} has {int(missing.sum()):,} missing values in {len(missing):,} rows, the first in "
            f"row {int(np.argmax(missing))}; drop these rows (frame.dropna(subset=[{name!r}]))."
        )


def _check_positive(numbers: np.ndarray, names: Sequence[str]) -> None:
    for name, column in zip(names, numbers.T, strict=True):
        wrong = column <= 0
        if wrong.any():
            raise ValueError(
                f"target column {name!r} has {int(wrong.sum()):,} values of 0 or less (such as "
                f"{column[np.argmax(wrong)]:g} in row {int(np.argmax(wrong))}), which have no logarithm; "
                "drop these rows or use `log=False`."
            )


def _check_labels(numbers: np.ndarray, names: Sequence[str]) -> None:
    for name, column in zip(names, numbers.T, strict=True):
        wrong = ~np.isin(column, (0, 1))
        if wrong.any():
            raise ValueError(f"label column {name!r} must hold 0 and 1; it holds {column[np.argmax(wrong)]:g}.")


def _float32(numbers: np.ndarray, names: Sequence[str]) -> np.ndarray:
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32)
    wrong = ~np.isfinite(single).all(axis=0)
    if wrong.any():
        raise ValueError(f"target column {names[int(np.argmax(wrong))]!r} has values too large for float32.")
    return single
