"""Tables to arrays for an embedding model: category codes with an unknown slot, scaled numbers, missing flags."""

import json
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from kerasfast.basics.arguments import flag, number
from kerasfast.basics.described import Described, some
from kerasfast.basics.files import atomic_path
from kerasfast.tabular.column_kinds import single_column
from kerasfast.tabular.encoding.columns import (
    UNKNOWN,
    CategoryColumn,
    CategoryStatistics,
    NumberColumn,
    NumberStatistics,
)
from kerasfast.tabular.encoding.encoder_options import column_names, flag_choice, matrix, of_column, per_column
from kerasfast.tabular.features.date_columns import DateColumn, made_columns

_FORMAT = "kerasfast.TableEncoder"
_VERSION = 1


class TableEncoder(Described):
    """Learns from a training table how to turn tables into arrays, and back.

    Categorical columns become codes. The levels are in order (sorted, or as an existing category dtype has them) from
    code 1; code 0 is *unknown*: levels that training did not show, levels cut off by `max_levels` or `min_count`,
    and missing values. Train that slot by masking codes at random (`mask`), so that it means something.

    Continuous columns (numbers, booleans, dates, durations) become `(value - mean) / standard deviation`; missing
    values become the training median. A column with missing values in training gets a 0/1 flag column `<name>_na`,
    after all the continuous ones; other columns can be given one. A constant column becomes zeros.

    Args:
        categorical: names of the categorical columns.
        continuous: names of the continuous columns.
        max_levels: keep only that many levels, the most frequent ones: a number for every column, or by column.
        min_count: keep only levels that occur that often in training: a number, or by column. With 0, a declared
            category without any row keeps its code, which then no training row reaches.
        missing_flags: "learned", "all", "none", or the names of columns to flag besides the learned ones.
        separate_missing: give missing values of a categorical column a code of their own, the last one, where
            training has any.
        standardize: False leaves the continuous values as they are (missing ones filled).
        unknown_rate: the share of codes, and of flagged values, that `mask` hides.
        dates: names of columns of dates, or of text that all reads as dates of one form. Each becomes the categorical
            columns `<name>_Month` and `<name>_Dayofweek`, and the continuous ones `<name>_Year`, `<name>_Day`,
            `<name>_Dayofyear`, `<name>_Hour` and `<name>_Elapsed` (seconds since 1970).

    Raises:
        ValueError: If no columns are listed, one is listed twice, or an option is out of its range.

    Example:
        >>> train = pd.DataFrame({"State": ["HE", "TH", "HE"], "Distance": [10.0, None, 30.0]})
        >>> encoder = TableEncoder(["State"], ["Distance"]).fit(train)
        >>> encoder.cardinalities, encoder.value_names
        ({'State': 3}, ['Distance', 'Distance_na'])
        >>> codes, values = encoder.transform(pd.DataFrame({"State": ["TH", "BY"], "Distance": [20, 20]}))
        >>> codes.tolist(), values.tolist()
        ([[2], [0]], [[0.0, 0.0], [0.0, 0.0]])
    """

    def __init__(
        self,
        categorical: Sequence[str],
        continuous: Sequence[str],
        *,
        max_levels: int | Mapping[str, int] | None = None,
        min_count: int | Mapping[str, int] = 1,
        missing_flags: str | Sequence[str] = "learned",
        separate_missing: bool = False,
        standardize: bool = True,
        unknown_rate: float = 0.01,
        dates: Sequence[str] = (),
    ) -> None:
        self.dates = column_names(dates, "date")
        self.categorical = column_names(categorical, "categorical") + made_columns(self.dates, "categorical")
        self.continuous = column_names(continuous, "continuous") + made_columns(self.dates, "continuous")
        both = sorted(set(self.categorical) & set(self.continuous))
        if both:
            raise ValueError(f"columns {both} are listed as categorical and as continuous; list each once.")
        column_names(self.categorical + self.continuous, "made or listed")
        if not self.categorical and not self.continuous:
            raise ValueError("no columns are listed; name categorical or continuous ones.")
        number("unknown_rate", unknown_rate, least=0, below=1)
        self.max_levels = per_column(max_levels, "max_levels", self.categorical, least=1)
        self.min_count = per_column(min_count, "min_count", self.categorical, least=0)
        self.missing_flags = flag_choice(missing_flags, self.continuous)
        self.separate_missing = flag("separate_missing", separate_missing)
        self.standardize = flag("standardize", standardize)
        self.unknown_rate = unknown_rate
        self._date_columns: list[DateColumn] = []
        self._categories: list[CategoryColumn] = []
        self._numbers: list[NumberColumn] = []

    def _facts(self) -> dict[str, str]:
        return {"categorical": some(self.categorical) or "none", "continuous": some(self.continuous) or "none"}

    def fit(self, frame: pd.DataFrame) -> "TableEncoder":
        """Learn levels, scales and flags from the training table, which is not changed.

        Raises:
            ValueError: naming the column that is missing, twice there, without any value, infinite, or of values that
                cannot be encoded; or the table is empty.
        """
        return self.fit_parts([frame])

    def fit_parts(self, frames: Iterable[pd.DataFrame]) -> "TableEncoder":
        """Learn as `fit` does from a training table that comes in parts, such as the row groups of a file.

        One part at a time is in memory. Beyond a million rows (or the rows of the largest part) the medians, which
        fill missing values, are those of a random sample of that size; all else is exact.
        """
        categories = [CategoryStatistics(name) for name in self.categorical]
        numbers = [NumberStatistics(name) for name in self.continuous]
        self._date_columns = [DateColumn(name) for name in self.dates]
        for frame in frames:
            columns = self._columns(frame)
            for column in categories + numbers:
                column.update(columns[column.name])
        if not (categories + numbers)[0].rows:
            raise ValueError("cannot fit an encoder on a table without rows.")
        learned = [self._number_column(column) for column in numbers]
        clashing = [n.flag_name for n in learned if n.flagged and n.flag_name in self.categorical + self.continuous]
        if clashing:
            raise ValueError(f"columns {clashing} have the names of missing-value flags; rename them.")
        self._categories, self._numbers = [self._category_column(column) for column in categories], learned
        return self

    def learn(self, frames: Iterable[pd.DataFrame]) -> None:
        """Fit as `fit_parts` does, or check the parts where a training table was learned before."""
        if not self.fitted:
            self.fit_parts(frames)
            return
        for frame in frames:
            self.transform(frame)

    def transform(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Encode a table that has the fitted columns; others are ignored and the table is not changed.

        Returns:
            codes (rows, categorical columns) int32, and values (rows, len(value_names)) float32. A table
            without rows gives arrays without rows.

        Raises:
            ValueError: naming the columns that are missing, twice there, infinite, or of another type than in training.
        """
        self._check_fitted()
        columns = self._columns(frame)
        codes = np.empty((len(frame), len(self._categories)), np.int32)
        for position, category in enumerate(self._categories):
            codes[:, position] = category.encode(columns[category.name])
        values = np.empty((len(frame), len(self.value_names)), np.float32)
        flags = dict(self.flag_positions)
        for position, column in enumerate(self._numbers):
            values[:, position], missing = column.encode(columns[column.name])
            if position in flags:
                values[:, flags[position]] = missing
        return codes, values

    def fit_transform(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Learn from a table and encode it."""
        return self.fit(frame).transform(frame)

    def inverse_transform(self, codes: np.ndarray | None = None, values: np.ndarray | None = None) -> pd.DataFrame:
        """Return the columns that codes, values or both came from.

        Categories are ordered and missing where the code is unknown; continuous values are as exact as float32
        and missing where their flag says so.

        Args:
            codes: (rows, categorical columns), as `transform` returns them.
            values: (rows, len(value_names)), as `transform` returns them.
        """
        self._check_fitted()
        columns = {}
        if codes is not None:
            codes = matrix(codes, "codes", len(self._categories))
            columns |= {column.name: column.decode(codes[:, i]) for i, column in enumerate(self._categories)}
        if values is not None:
            values = matrix(values, "values", len(self.value_names))
            flags = dict(self.flag_positions)
            for i, column in enumerate(self._numbers):
                columns[column.name] = column.decode(values[:, i], values[:, flags[i]] > 0.5 if i in flags else None)
        return pd.DataFrame(columns)

    def mask(
        self, codes: np.ndarray, values: np.ndarray, *, seed: int | np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return copies with a share `unknown_rate` of the codes unknown and of the flagged values missing.

        Seen so in training, the unknown slot and a forced flag get weights that mean "not known".
        """
        self._check_fitted()
        generator = np.random.default_rng(seed)
        codes = np.where(generator.random(codes.shape) < self.unknown_rate, np.int32(UNKNOWN), codes)
        values = values.copy()
        for position, flagged in self.flag_positions:
            hidden = generator.random(len(values)) < self.unknown_rate
            values[hidden, position] = self._numbers[position].encoded_fill
            values[hidden, flagged] = 1
        return codes, values

    @property
    def fitted(self) -> bool:
        """Whether a training table was learned."""
        return bool(self._categories or self._numbers)

    @property
    def columns(self) -> list[str]:
        """The columns that a table must have."""
        made = made_columns(self.dates)
        return [*(name for name in self.categorical + self.continuous if name not in made), *self.dates]

    @property
    def cardinalities(self) -> dict[str, int]:
        """The number of codes of every categorical column, the unknown slot included."""
        self._check_fitted()
        return {column.name: column.cardinality for column in self._categories}

    @property
    def value_names(self) -> list[str]:
        """The names of the columns of the values: the continuous columns, then the missing-value flags."""
        self._check_fitted()
        return self.continuous + [column.flag_name for column in self._numbers if column.flagged]

    @property
    def flag_positions(self) -> list[tuple[int, int]]:
        """For every flagged column its position in the values and that of its flag."""
        flagged = [position for position, column in enumerate(self._numbers) if column.flagged]
        return [(position, len(self._numbers) + i) for i, position in enumerate(flagged)]

    @property
    def encoded_fills(self) -> np.ndarray:
        """What a missing value of each continuous column becomes, (continuous columns,) float32."""
        self._check_fitted()
        return np.array([column.encoded_fill for column in self._numbers], np.float32)

    def levels(self, column: str) -> pd.Index:
        """The levels of a categorical column, in the order of codes 1, 2, ..."""
        self._check_fitted()
        if column not in self.categorical:
            raise ValueError(f"{column!r} is no categorical column; these are {self.categorical}.")
        return self._categories[self.categorical.index(column)].readable_levels()

    def to_json(self) -> str:
        """Return everything that was learned as JSON text; numbers, texts and dates come back as they were."""
        self._check_fitted()
        options = ("max_levels", "min_count", "missing_flags", "separate_missing", "standardize", "unknown_rate")
        stored = {
            "format": _FORMAT,
            "version": _VERSION,
            "options": {name: getattr(self, name) for name in options},
            "categorical": [column.to_json() for column in self._categories],
            "continuous": [vars(column) for column in self._numbers],
            "dates": [vars(column) for column in self._date_columns],
        }
        return json.dumps(stored, allow_nan=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "TableEncoder":
        """Return the encoder that `to_json` described.

        Raises:
            ValueError: the text is no JSON, or not that of a TableEncoder of this version.
        """
        try:
            stored = json.loads(text)
        except (RecursionError, ValueError) as error:
            raise ValueError(f"not the JSON of a {_FORMAT}: {error}.") from error
        if not isinstance(stored, dict) or (stored.get("format"), stored.get("version")) != (_FORMAT, _VERSION):
            raise ValueError(f"not the JSON of a {_FORMAT} of version {_VERSION}; save the encoder again.")
        try:
            categories = [CategoryColumn.from_json(column) for column in stored["categorical"]]
            numbers = [NumberColumn.from_json(column) for column in stored["continuous"]]
            dates = [DateColumn(**column) for column in stored.get("dates", [])]
            made = made_columns([date.name for date in dates])
            listed = [[column.name for column in kind if column.name not in made] for kind in (categories, numbers)]
            encoder = cls(*listed, **stored["options"], dates=[date.name for date in dates])
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise ValueError(f"the JSON of the {_FORMAT} is incomplete or damaged: {error!r}.") from error
        encoder._categories, encoder._numbers, encoder._date_columns = categories, numbers, dates
        return encoder

    def save(self, path: str | os.PathLike) -> pathlib.Path:
        """Write the JSON to a file, whole or not at all, and return its path."""
        text = self.to_json()
        with atomic_path(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
        return pathlib.Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "TableEncoder":
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is another file, or damaged.
        """
        try:
            return cls.from_json(pathlib.Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{str(path)!r} is no encoder that `save` wrote: {error}") from error

    def _category_column(self, column: CategoryStatistics) -> CategoryColumn:
        return column.column(
            max_levels=of_column(self.max_levels, column.name, None),
            min_count=of_column(self.min_count, column.name, 1),
            separate_missing=self.separate_missing,
        )

    def _number_column(self, column: NumberStatistics) -> NumberColumn:
        # Text is no list of names: "learned" contains "learn".
        named = not isinstance(self.missing_flags, str) and column.name in self.missing_flags
        return column.column(
            standardize=self.standardize,
            flag_missing=self.missing_flags != "none",
            flag_always=named or self.missing_flags == "all",
        )

    def _check_fitted(self) -> None:
        if not self.fitted:
            raise ValueError("the encoder has not learned anything yet; call fit(training_table) first.")

    def _columns(self, frame: pd.DataFrame) -> dict[str, pd.Series]:
        """Return the columns to encode by name, those of dates made anew; the table is not changed."""
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"expected a pandas DataFrame; received {type(frame).__name__}.")
        absent = [name for name in self.columns if name not in frame.columns]
        if absent:
            raise ValueError(
                f"the table has no columns {absent}, which the encoder needs; its columns are {list(frame.columns)}."
            )
        columns = {name: single_column(frame, name) for name in self.columns}
        for date in self._date_columns:
            columns |= date.parts(frame)
        return columns
