"""Tables in text files, as others write them: of whatever separator, encoding and decimal sign."""

import os
from collections.abc import Sequence
from typing import Any

import pandas as pd

from kerasfast.basics import arguments
from kerasfast.tabular.features.date_columns import date_format_of, is_text

_SEPARATORS = (",", ";", "\t", "|")
_ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1")
_WORKBOOK = "read it with pandas.read_excel and pass the frame to `from_frame`"
_OTHERS = {
    ".xlsx": _WORKBOOK, ".xls": _WORKBOOK, ".ods": _WORKBOOK,
    ".parquet": "pass it to `from_files`", ".feather": "pass it to `from_files`",
    ".json": "read it with pandas.read_json and pass the frame to `from_frame`",
}  # fmt: skip
_DECIMAL_COMMA = r"\s*[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?\s*"


def read_csv(file: str | os.PathLike, dates: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table whose first line names the columns, as a whole, so that a column has one type.

    Values are separated by commas, semicolons, tabs or bars, whatever gives the first line the most names. Other
    encodings than UTF-8, decimal commas between other separators, and blanks after separators are read too. What was
    done beyond reading comma-separated UTF-8 is printed.

    Args:
        file: The table, which may be compressed.
        dates: Its first name, a column of text, becomes dates where it reads as such.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty, or no table.
    """
    path = arguments.path("file", file)
    if path.is_dir():
        raise ValueError(f"{str(file)!r} is a folder; pass the file of the table in it.")
    if path.suffix.lower() in _OTHERS:
        raise ValueError(f"{str(file)!r} is no text of separated values; {_OTHERS[path.suffix.lower()]}.")
    try:
        frame, options = _read(file)
        _check_names(file, frame, options)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"no file {str(file)!r}; `file` must be the path of a table.") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise ValueError(
            f"{str(file)!r} cannot be read as comma-separated values: {error}; read it with pandas.read_csv and its "
            "options, and pass the frame."
        ) from error
    if options:
        said = ", ".join(f"{name}={value!r}" for name, value in options.items())
        print(f"{os.path.basename(file)} was read with pandas.read_csv(..., {said})")
    for name in (dates or ())[:1]:
        form = date_format_of(frame[name]) if name in frame.columns and is_text(frame[name]) else None
        if form is not None:
            frame[name] = pd.to_datetime(frame[name], format=form)
    return frame


def _read(file: str | os.PathLike) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the table, and the options of pandas that it took."""
    for encoding in _ENCODINGS:  # the last one reads any bytes
        options: dict[str, Any] = {} if encoding == _ENCODINGS[0] else {"encoding": encoding}
        try:
            names = {sep: pd.read_csv(file, sep=sep, nrows=0, **options).columns for sep in _SEPARATORS}
            separator = max(names, key=lambda sep: len(names[sep]))
            if names[separator].str.startswith(" ").any():
                options["skipinitialspace"] = True
            if separator != _SEPARATORS[0]:
                options["sep"] = separator
            frame = pd.read_csv(file, low_memory=False, **options)
            if "sep" in options and _has_decimal_commas(frame):
                options |= {"decimal": ",", "thousands": "."}
                frame = pd.read_csv(file, low_memory=False, **options)
            return frame, options
        except UnicodeError as error:
            refused = error
    raise refused


def _check_names(file: str | os.PathLike, frame: pd.DataFrame, options: dict[str, Any]) -> None:
    """Check that there are rows, and that pandas did not number names that stand twice in the first line."""
    if not len(frame):
        raise ValueError(f"{str(file)!r} has no rows below its first line, {list(frame.columns)[:5]}.")
    if frame.columns.str.fullmatch(r".+\.\d+").any():
        first = pd.read_csv(file, header=None, nrows=1, dtype=str, **options).iloc[0]
        if first.duplicated().any():
            twice = first[first.duplicated()].iloc[0]
            raise ValueError(f"{str(file)!r} has several columns named {twice!r}; rename all but one.")


def _has_decimal_commas(frame: pd.DataFrame) -> bool:
    """Return whether a column of text is all numbers with a comma before what is no thousand."""
    for name in frame.columns:
        if is_text(frame[name]):
            texts = frame[name].dropna()
            commas = texts.str.contains(",", regex=False)
            thousands = texts.str.fullmatch(r"\s*[+-]?\d{1,3}(?:,\d{3})+\s*")
            if texts.str.fullmatch(_DECIMAL_COMMA).all() and (commas & ~thousands).any():
                return True
    return False
