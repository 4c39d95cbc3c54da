"""Numbers that files hold as text: amounts of money, shares in percent, thousands apart, and signs for missing ones."""

import re

import numpy as np
import pandas as pd

MISSING_SIGNS = frozenset(
    ("", "?", "-", "--", ".", "na", "n/a", "#n/a", "nan", "nil", "none", "null", "missing", "unknown", "not available")
)
_CURRENCY = r"(?:[$€£¥₹]|usd|eur|gbp|chf)?"
_NUMBER = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[+-]?)\s*{_CURRENCY}\s*(?P<late>[+-]?)"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)(?P<power>e[+-]?\d+)?"
    rf"\s*(?P<percent>%)?\s*{_CURRENCY}\s*(?P<close>\))?",
    re.IGNORECASE,
)
_CODE = r"0\d+"  # zip codes and the like
_GLANCE = 1000  # different texts that show most columns to be something else


def number_in_text(text: str) -> float | None:
    """Return the number that a text stands for, NaN for a sign for a missing one, None for any other text.

    A currency sign before or after, a percent sign ("12%" is 12), commas between thousands
    and brackets around what is negative are read. A decimal comma is not: nobody could tell it from thousands.

    Example:
        >>> [number_in_text(text) for text in ("$1,200.50", "12%", "(3)", "?", "12 km")]
        [1200.5, 12.0, -3.0, nan, None]
    """
    text = text.strip()
    if text.lower() in MISSING_SIGNS:
        return float("nan")
    found = _NUMBER.fullmatch(text)
    if found is None or bool(found["open"]) != bool(found["close"]) or (found["sign"] and found["late"]):
        return None
    value = float(found["digits"].replace(",", "") + (found["power"] or ""))
    return -value if "-" in (found["sign"], found["late"]) or found["open"] else value


def read_numbers(series: pd.Series) -> tuple[np.ndarray, str | None]:
    """Return the numbers in a column of text (float64, NaN where missing), and the first text that is none."""
    codes, different = pd.factorize(series)
    found = [number_in_text(str(text)) for text in different]
    strange = next((str(text) for text, value in zip(different, found, strict=True) if value is None), None)
    return np.array([*(np.nan if value is None else value for value in found), np.nan])[codes], strange


def reads_as_numbers(series: pd.Series) -> bool:
    """Return whether all text of a column is numbers, of which some are written as a reader of files would not take.

    Plain digits that came as text were made so by somebody, as names of things; so were codes with zeros in front.
    """
    different = series.dropna().astype(str).drop_duplicates()
    if read_numbers(different.iloc[:_GLANCE])[1] is not None:
        return False
    values, strange = read_numbers(different)
    if strange is not None or np.isfinite(values).sum() < 2 or different.str.strip().str.fullmatch(_CODE).any():
        return False
    return bool(pd.to_numeric(different, errors="coerce").isna().any())
