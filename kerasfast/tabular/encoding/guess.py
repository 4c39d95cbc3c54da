"""A guess at which column of a table is what, so that a first model needs no more than the name of the target."""

import dataclasses
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from kerasfast.basics.arguments import names
from kerasfast.tabular.column_kinds import single_column
from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.encoding.encoder_options import column_names
from kerasfast.tabular.features.date_columns import date_format_of, is_text
from kerasfast.tabular.number_texts import read_numbers, reads_as_numbers

_IDENTIFIER = re.compile(r"(^|[_\s.-])(id|uuid|guid|key)$|^(index|rownames?|row_?number|unnamed.*)$", re.IGNORECASE)
_CASED_IDENTIFIER = re.compile(r"[a-z](ID|Id)$")
_ROWS_PER_LEVEL = 2  # fewer on average, and the levels of a column cannot be learned from
_FEW_ROWS = 20  # below this many rows, a column without repetition says nothing
_MOSTLY = 0.8  # of the texts are numbers, and the others were meant to be
_WORDS = 4  # on average, and text is a sentence rather than a name


@dataclasses.dataclass
class ColumnGuess:
    """What each column of a table is taken for; print it, edit the lists, and pass it as `columns`.

    Attributes:
        categorical: Names of things: text with levels that repeat, booleans, repeated identifiers.
        continuous: Numbers, text that reads as such, and lengths of time.
        dates: Dates, or text that reads as dates.
        left_out: The columns that are not used, each with the reason.

    Example:
        >>> table = pd.DataFrame({"State": ["HE", "TH"] * 20, "Distance": np.arange(40) % 7, "y": range(40)})
        >>> print(guess_columns(table, "y"))
        categorical  State
        continuous   Distance
    """

    categorical: list[str] = dataclasses.field(default_factory=list)
    continuous: list[str] = dataclasses.field(default_factory=list)
    dates: list[str] = dataclasses.field(default_factory=list)
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        lines = [
            f"{kind:<12} {', '.join(getattr(self, kind))}"
            for kind in ("categorical", "continuous", "dates")
            if getattr(self, kind)
        ]
        return "\n".join([*lines, *(f"left out     {name}: {reason}" for name, reason in self.left_out.items())])


def guess_columns(frame: pd.DataFrame, target: str | Sequence[str], *, leave_out: Sequence[str] = ()) -> ColumnGuess:
    """Guess from names, types and values what the columns of a table are.

    Numbers are continuous, unless they are identifiers; so is text such as "$1,200", "12%" or, among numbers, "?".
    Other text whose levels repeat is categorical, and text that reads as dates of one form is a date. Left out, each
    with its reason: columns with a single value, identifiers that name each row once, sentences, and values that are no
    numbers, texts or times.

    Args:
        frame: The table; it is not changed.
        target: The column to predict, or several.
        leave_out: Further columns that are not to be used, such as the weights of the rows.

    Returns:
        The names of the columns by what they are, and why others are left out.

    Raises:
        ValueError: If the target is not there, or no column is left to predict from.

    Example:
        >>> table = pd.DataFrame({"city": ["Bonn", "Ulm"] * 5, "size": np.arange(10) / 4, "price": np.arange(10.0)})
        >>> guess = guess_columns(table, "price")
        >>> guess.categorical, guess.continuous
        (['city'], ['size'])
    """
    targets = [target] if isinstance(target, str) else names("target", target, least=1)
    leave_out = [leave_out] if isinstance(leave_out, str) else names("leave_out", leave_out)
    for name in leave_out:
        single_column(frame, name)
    for name in targets:
        single_column(frame, name)
    guess = ColumnGuess()
    for name in frame.columns:
        if name in targets or name in leave_out:
            continue
        kind = _kind(str(name), single_column(frame, name))
        if kind in ("categorical", "continuous", "dates"):
            getattr(guess, kind).append(name)
        else:
            guess.left_out[name] = kind
    if not (guess.categorical or guess.continuous or guess.dates):
        raise ValueError(f"no column is left to predict {', '.join(targets)} from.\n{guess}")
    return guess


def chosen_encoder(
    frame: pd.DataFrame | None,
    target: Sequence[str],
    columns: ColumnGuess | None,
    listed: tuple[Sequence[str], Sequence[str], Sequence[str]],
    encoder: TableEncoder | None,
    leave_out: Sequence[str] = (),
) -> TableEncoder:
    """Return the encoder of the columns that were named in one way or another; without any, of a guess, printed.

    Args:
        frame: What to guess from; None where columns must be named.
        target: The target columns.
        columns: A guess, edited or not.
        listed: Categorical, continuous and date columns.
        encoder: One that brings its columns.
        leave_out: Columns that a guess does not use.

    Raises:
        ValueError: If columns are named in two ways, or a target column is among them.
    """
    kinds = ("categorical", "continuous", "date")
    listed = tuple(column_names(some, kind) for some, kind in zip(listed, kinds, strict=True))
    ways = {"encoder": encoder is not None, "columns": columns is not None, "lists of columns": any(map(len, listed))}
    if sum(ways.values()) > 1:
        raise ValueError(f"name the columns in one way; received {' and '.join(way for way in ways if ways[way])}.")
    if columns is None and frame is not None and not any(ways.values()):
        columns = guess_columns(frame, target, leave_out=leave_out)
        print(f"columns were guessed; pass what to change as `columns=guess_columns(...)`, edited\n{columns}")
    if columns is not None:
        listed = (columns.categorical, columns.continuous, columns.dates)
    if encoder is None:
        encoder = TableEncoder(listed[0], listed[1], dates=listed[2])
    known = sorted(set(target) & set(encoder.columns))
    if known:
        raise ValueError(f"target columns {known} are listed among the columns to predict from; leave them out there.")
    return encoder


def _kind(name: str, series: pd.Series) -> str:
    """Return "categorical", "continuous" or "dates", or why the column is left out."""
    known = series.dropna()
    try:
        different = known.nunique()
    except TypeError:
        return f"its values are no numbers, texts or times ({type(known.iloc[0]).__name__})"
    if different < 2:
        return "it has no value" if not different else f"all its values are {known.iloc[0]}"
    if isinstance(series.dtype, pd.CategoricalDtype):
        return _levels(name, known, different)
    if pd.api.types.is_bool_dtype(series.dtype):
        return "categorical"
    if pd.api.types.is_numeric_dtype(series.dtype):
        return _numbers(name, known, different)
    if pd.api.types.is_timedelta64_dtype(series.dtype):
        return "continuous"
    inferred = pd.api.types.infer_dtype(known, skipna=True)
    if inferred.startswith("date"):
        return "dates"
    if is_text(known):
        if reads_as_numbers(known):
            return "continuous"
        if date_format_of(known) is not None:
            return "dates"
    return _levels(name, known, different)


def _numbers(name: str, known: pd.Series, different: int) -> str:
    if pd.api.types.is_complex_dtype(known.dtype):
        return "its values are complex numbers"
    values = known.to_numpy(np.float64)
    whole = bool((values == np.round(values)).all())
    if not (whole and (_IDENTIFIER.search(name) or _CASED_IDENTIFIER.search(name))):
        counts_rows = whole and len(values) > _FEW_ROWS and bool((np.diff(values) == 1).all())
        counts_rows = counts_rows and "year" not in name.lower()
        return "it counts the rows" if counts_rows else "continuous"
    return _levels(name, known, different)


def _levels(name: str, known: pd.Series, different: int) -> str:
    """Return "categorical" where levels repeat, else why they do not serve."""
    if len(known) > _FEW_ROWS and different > len(known) / _ROWS_PER_LEVEL:
        strange = _among_numbers(known)
        if strange is not None:
            return f"numbers, but for text such as {strange!r}; convert it with pandas.to_numeric"
        words = known.astype(str).str.split().str.len().mean()
        return "its texts are sentences" if words > _WORDS else f"it names nearly every row anew ({different:,} values)"
    return "categorical"


def _among_numbers(known: pd.Series) -> str | None:
    """Return the first text that is no number, where most are."""
    numbers, strange = read_numbers(known.astype(str))
    return strange if np.isfinite(numbers).mean() > _MOSTLY else None
