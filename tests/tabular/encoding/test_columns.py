"""Every kind of column: encoded, decoded, stored, or refused by name."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.encoding.encoder import TableEncoder

COLUMNS = {
    "bool": [True, False, True],
    "nullable bool": pd.array([True, None, False], dtype="boolean"),
    "int": [3, 1, 2],
    "nullable int": pd.array([3, None, 2**53 + 1], dtype="Int64"),
    "float": [0.1, np.nan, 1e-17],
    "decimal": np.array([decimal.Decimal("1.5"), None, decimal.Decimal("2")], dtype=object),
    "text": ["b", "1", None],
    "odd text": ["ü\n", "", "\u2028"],
    "numbers as text": ["10", "9", "1"],
    "date": pd.DatetimeIndex(["2015-01-02 03:04:05.678901", None, "1960-01-01"]),
    "far date": np.array(["9999-12-31", "NaT", "0001-01-01"], "datetime64[s]"),
    "date object": np.array([datetime.date(2015, 1, 2), None, datetime.date(2014, 1, 1)], dtype=object),
    "zone": pd.DatetimeIndex(["2015-01-02", None, "2014-01-01"], tz="Europe/Berlin"),
    "duration": pd.to_timedelta(["2D", None, "1h"]),
    "interval": pd.cut([1, 5, 9], 3),
    "period": pd.PeriodIndex(["2015-01", "2014-01", "2013-01"], freq="M"),
    "category": pd.Categorical([3, 1, None], categories=[3, 2, 1], ordered=True),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_every_kind_of_category_survives_json_exactly(name):
    frame = pd.DataFrame({"x": COLUMNS[name]})
    encoder = TableEncoder(["x"], [], max_levels=5, separate_missing=True).fit(frame)
    loaded = TableEncoder.from_json(encoder.to_json())
    assert loaded.to_json() == encoder.to_json()
    pd.testing.assert_index_equal(loaded.levels("x"), encoder.levels("x"))
    codes = encoder.transform(frame)[0]
    assert (codes > 0).all()
    np.testing.assert_array_equal(loaded.transform(frame)[0], codes)
    back = loaded.inverse_transform(codes)["x"]
    expected = frame["x"].astype(str) if name in ("interval", "period") else frame["x"]
    for got, wanted in zip(back, expected, strict=True):
        assert (pd.isna(got) and pd.isna(wanted)) or got == wanted or got == pd.Timestamp(wanted)


def as_number(value: object) -> float:
    """Seconds for dates and durations, the value itself for numbers."""
    if isinstance(value, pd.Timedelta):
        return value.total_seconds()
    return value.timestamp() if isinstance(value, pd.Timestamp) else float(value)


CONTINUOUS = ["bool", "nullable bool", "int", "float", "decimal", "date", "far date", "zone", "duration", "category"]


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_columns_of_every_kind_come_back_to_float32_accuracy(name):
    frame = pd.DataFrame({"x": COLUMNS[name]})
    encoder = TableEncoder([], ["x"]).fit(frame)
    _, values = encoder.transform(frame)
    loaded = TableEncoder.from_json(encoder.to_json())
    np.testing.assert_array_equal(loaded.transform(frame)[1], values)
    back = loaded.inverse_transform(values=values)["x"]
    np.testing.assert_array_equal(back.isna(), frame["x"].isna())
    got, wanted = (np.array([as_number(value) for value in column.dropna()]) for column in (back, frame["x"]))
    np.testing.assert_allclose(got, wanted, atol=1e-6 * np.abs(wanted).max())


def test_numbers_texts_and_dates_that_look_alike_stay_apart():
    numbers, texts = (pd.DataFrame({"x": values}) for values in ([10, 9], ["10", "9"]))
    encoder = TableEncoder.from_json(TableEncoder(["x"], []).fit(numbers).to_json())
    assert encoder.levels("x").tolist() == [9, 10]
    with pytest.raises(ValueError, match="'x' held number values .* holds text values"):
        encoder.transform(texts)
    encoder = TableEncoder.from_json(TableEncoder(["x"], []).fit(texts).to_json())
    assert encoder.levels("x").tolist() == ["10", "9"]


def test_whole_numbers_match_whether_they_are_stored_as_int_float_or_nullable():
    encoder = TableEncoder(["x"], []).fit(pd.DataFrame({"x": np.array([2008, 2009], np.int16)}))
    for values in ([2009.0, np.nan], pd.array([2009, None], dtype="Int64"), np.array([2009, None], object)):
        assert encoder.transform(pd.DataFrame({"x": values}))[0].ravel().tolist() == [2, 0]


def test_booleans_and_their_numbers_match():
    encoder = TableEncoder(["x"], ["y"]).fit(pd.DataFrame({"x": [True, False], "y": [True, False]}))
    codes, values = encoder.transform(pd.DataFrame({"x": [0, 1, 2], "y": [0, 1, 0]}))
    assert codes.ravel().tolist() == [1, 2, 0]
    assert values.ravel().tolist() == [-1, 1, -1]


def test_dates_match_in_any_unit():
    dates = pd.DatetimeIndex(["2015-01-01", "2015-01-02"])
    encoder = TableEncoder(["x"], ["y"]).fit(pd.DataFrame({"x": dates.as_unit("ns"), "y": dates.as_unit("s")}))
    codes, values = encoder.transform(pd.DataFrame({"x": dates.as_unit("s"), "y": dates.as_unit("ns")}))
    assert codes.ravel().tolist() == [1, 2]
    assert values.ravel().tolist() == [-1, 1]


BAD_TRAINING = {
    "absent": ({"drop": "State"}, r"no columns \['State'\]"),
    "all missing category": ({"State": None}, "'State' has no value in any of 6 rows"),
    "all missing number": ({"Distance": np.nan}, "'Distance' has no value in any of 6 rows"),
    "infinite number": ({"Distance": np.inf}, "'Distance' has 6 infinite"),
    "infinite category": ({"Store": [1, np.inf] * 3}, "'Store' has 1 infinite"),
    "text number": ({"Distance": "near"}, "'Distance' holds text"),
    "mixed category": ({"State": [0, "0"] * 3}, "'State' holds values of type int, str"),
    "lists": ({"State": [[1]] * 6}, "'State' holds values that cannot be categories"),
    "bytes": ({"State": [b"a"] * 6}, "'State' holds values of type bytes"),
    "complex": ({"Distance": 1j}, "'Distance' holds values of type complex"),
    "too large": ({"Distance": [1e300, -1e300] * 3}, "'Distance' has values too large"),
}


@pytest.mark.parametrize("case", BAD_TRAINING)
def test_bad_training_columns_are_named(train, case):
    change, message = BAD_TRAINING[case]
    frame = train.drop(columns=change["drop"]) if "drop" in change else train.assign(**change)
    with pytest.raises(ValueError, match=message):
        TableEncoder(["Store", "State"], ["Distance"]).fit(frame)


BAD_TEST = {
    "absent": ({"drop": ["State", "Promo"]}, r"no columns \['State', 'Promo'\]"),
    "numbers for text": ({"State": 5}, "'State' held text values .* holds number values"),
    "text for numbers": ({"Store": "2"}, "'Store' held number values .* holds text values"),
    "text for dates": ({"Day": "2015-01-01"}, "'Day' held date values .* holds text values .*to_datetime"),
    "dates for booleans": ({"Holiday": pd.Timestamp("2015-01-01")}, "'Holiday' held boolean values .* date values"),
    "time zone": ({"Day": pd.Timestamp("2015-01-01", tz="UTC")}, "'Day' held date values .* with time zone"),
    "text continuous": ({"Distance": "near"}, "'Distance' holds text"),
    "dates for numbers": ({"Distance": pd.Timestamp("2015-01-01")}, "'Distance' held number values .* date values"),
    "infinite": ({"Promo": -np.inf}, "'Promo' has 6 infinite"),
    "too large": ({"Promo": 1e300}, "'Promo' has values too large"),
}


@pytest.mark.parametrize("case", BAD_TEST)
def test_bad_test_columns_are_named(train, encoder, case):
    change, message = BAD_TEST[case]
    frame = train.drop(columns=change["drop"]) if "drop" in change else train.assign(**change)
    with pytest.raises(ValueError, match=message):
        encoder.transform(frame)
