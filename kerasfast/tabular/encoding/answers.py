"""Targets as tables of others hold them: numbers as text, rows without an answer."""

from collections.abc import Sequence

import pandas as pd

from kerasfast.tabular.features.date_columns import is_text
from kerasfast.tabular.number_texts import read_numbers, reads_as_numbers


def with_numbers(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return a frame whose target columns are numbers where they are text that reads as such; say which.

    Args:
        frame: The table; it is not changed.
        names: Target columns; those that are not there are passed over.
    """
    for name in names:
        if name in frame.columns and frame.columns.is_unique and is_text(frame[name]) and reads_as_numbers(frame[name]):
            numbers, _ = read_numbers(frame[name])
            print(f"target {name!r} is text that reads as numbers, such as {frame[name].dropna().iloc[0]!r}")
            frame = frame.assign(**{name: numbers})
    return frame


def with_answers(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the rows that have a value in all target columns, numbered anew; say how many are left out."""
    if not set(names) <= set(frame.columns):
        return frame
    known = frame[list(names)].notna().to_numpy().all(axis=1)
    if known.all() or not known.any():
        return frame
    print(f"{(~known).sum():,} of {len(frame):,} rows have no {', '.join(map(repr, names))} and are left out")
    return frame[known].reset_index(drop=True)
