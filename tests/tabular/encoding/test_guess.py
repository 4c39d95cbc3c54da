"""What the columns of a stranger's table are taken for, and why some are left out."""

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.encoding.guess import guess_columns

ROWS = 60


def table(**columns):
    return pd.DataFrame({"y": np.arange(ROWS) % 3, **columns})


KINDS = [
    ("State", ["HE", "TH", "BE"] * 20, "categorical"),
    ("Open", [True, False] * 30, "categorical"),
    ("Grade", pd.Categorical(["low", "high"] * 30), "categorical"),
    ("customer_id", np.arange(ROWS) % 7, "categorical"),
    ("customerID", np.arange(ROWS) % 7, "categorical"),
    ("Distance", np.linspace(0, 1, ROWS), "continuous"),
    ("paid", np.arange(ROWS)[::-1], "continuous"),
    ("Year", np.arange(1950, 1950 + ROWS), "continuous"),
    ("Promo", np.arange(ROWS) % 2, "continuous"),
    ("Wait", pd.to_timedelta(np.arange(ROWS), unit="h"), "continuous"),
    ("Maybe", pd.array([1, None, 3] * 20, dtype="Int64"), "continuous"),
    ("Paid", [f"${paid:,}" for paid in range(990, 990 + ROWS)], "continuous"),
    ("Power", ["?", "90", "120"] * 20, "continuous"),
    ("Zip", ["01067", "04103", "?"] * 20, "categorical"),
    ("Date", pd.date_range("2014-01-01", periods=ROWS), "dates"),
    ("Told", pd.date_range("2014-01-01", periods=ROWS).strftime("%d.%m.%Y"), "dates"),
    ("When", [day.date() for day in pd.date_range("2014-01-01", periods=ROWS)], "dates"),
]


@pytest.mark.parametrize(("name", "values", "kind"), KINDS)
def test_columns_are_known_by_name_type_and_values(name, values, kind):
    guess = guess_columns(table(**{name: values}), "y")
    assert getattr(guess, kind) == [name] and not guess.left_out


LEFT_OUT = [
    ("id", np.random.default_rng(0).permutation(ROWS), "names nearly every row anew"),
    ("code", [f"a{row}" for row in range(ROWS)], "names nearly every row anew"),
    ("number", np.arange(5, ROWS + 5), "counts the rows"),
    ("note", [f"this is what was said about row {row}" for row in range(ROWS)], "sentences"),
    ("length", [f"{row},000" if row else "12 km" for row in range(ROWS)], "numbers, but for text such as '12 km'"),
    ("same", [7] * ROWS, "all its values are 7"),
    ("empty", [None] * ROWS, "no value"),
    ("lists", [[1]] * ROWS, "list"),
]


@pytest.mark.parametrize(("name", "values", "reason"), LEFT_OUT)
def test_columns_are_left_out_with_a_reason(name, values, reason):
    guess = guess_columns(table(**{name: values, "x": np.linspace(0, 1, ROWS)}), "y")
    assert guess.continuous == ["x"] and reason in guess.left_out[name]
    assert f"left out     {name}: " in str(guess)


def test_the_target_and_other_columns_are_not_to_be_used():
    frame = table(weight=np.linspace(1, 2, ROWS), x=np.linspace(0, 1, ROWS))
    assert guess_columns(frame, "y", leave_out=["weight"]).continuous == ["x"]
    with pytest.raises(ValueError, match=r"(?s)no column is left to predict y from.*weight: all"):
        guess_columns(table(weight=1), "y")
    with pytest.raises(ValueError, match="no column 'z'"):
        guess_columns(frame, "z")
