"""Numbers that are text: read where they are numbers beyond doubt, and left alone where they name things."""

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.column_kinds import as_numbers
from kerasfast.tabular.number_texts import number_in_text, reads_as_numbers

NUMBERS = [
    ("$1,200.50", 1200.5), ("-$3", -3), ("$-3", -3), ("(1,000)", -1000), ("12%", 12), (" 7 ", 7), ("5 €", 5),
    ("1e5", 1e5), (".5", 0.5), ("2.", 2), ("1,234,567", 1234567),
]  # fmt: skip
NO_NUMBERS = ["12 km", "1,2", "12,34", "1,23,456", "+-3", "(3", "3)", "1.2.3", "a", "$"]


@pytest.mark.parametrize(("text", "value"), NUMBERS)
def test_amounts_shares_and_thousands_are_numbers(text, value):
    assert number_in_text(text) == value


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_other_text_is_none(text):
    assert number_in_text(text) is None


@pytest.mark.parametrize("text", ["", "?", "-", "N/A", "Unknown", " nan "])
def test_signs_for_missing_values_are_known(text):
    assert np.isnan(number_in_text(text))


COLUMNS = [
    (["1", "2", "?"], True),
    (["$1", "$2", None], True),
    (["1", "2", "3"], False),  # somebody made names of them
    (["01", "02", "?"], False),
    (["?", "-", ""], False),
    (["1,000", "2,000", "1 km"], False),
]


@pytest.mark.parametrize(("values", "expected"), COLUMNS)
def test_a_column_of_text_is_numbers_or_names(values, expected):
    assert reads_as_numbers(pd.Series(values)) is expected


def test_a_continuous_column_of_text_becomes_numbers_or_is_refused_by_name():
    kind, numbers = as_numbers(pd.Series(["1,000", "?", None, "7"], name="paid"))
    assert kind == "number"
    np.testing.assert_array_equal(numbers, [1000, np.nan, np.nan, 7])
    assert as_numbers(pd.Series(["?", "-"]))[0] is None
    with pytest.raises(ValueError, match="column 'paid' holds text .* that is no number: '7 km'"):
        as_numbers(pd.Series(["1,000", "7 km"], name="paid"))
