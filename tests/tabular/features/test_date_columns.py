"""Dates as columns of a model: the same parts from dates and from text, in the one form that training showed."""

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.features.date_columns import DateColumn, date_format_of, made_columns

DAYS = pd.Series(pd.date_range("2014-01-01 06:00", periods=40, freq="29h"), name="Sold")


def frame_of(values):
    return pd.DataFrame({"Sold": values})


@pytest.mark.parametrize("form", [None, "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%Y-%m-%dT%H:%M"])
def test_text_gives_the_parts_of_its_dates(form):
    parts = DateColumn("Sold").parts(frame_of(DAYS if form is None else DAYS.dt.strftime(form)))
    assert list(parts) == made_columns(["Sold"])
    for name, expected in {
        "Year": DAYS.dt.year, "Month": DAYS.dt.month, "Day": DAYS.dt.day, "Dayofweek": DAYS.dt.weekday,
        "Dayofyear": DAYS.dt.day_of_year, "Hour": DAYS.dt.hour,
    }.items():  # fmt: skip
        np.testing.assert_array_equal(parts[f"Sold_{name}"], expected)


def test_the_form_is_learned_once():
    column = DateColumn("Sold")
    column.parts(frame_of(["31/01/2014", "01/02/2014"]))
    assert column.parts(frame_of(["01/02/2014"]))["Sold_Month"].tolist() == [2]
    with pytest.raises(ValueError, match="'Sold' holds values that are no dates"):
        column.parts(frame_of(["2014-02-01"]))
    with pytest.raises(ValueError, match="'Sold' holds text that is no date, or dates of several forms"):
        DateColumn("Sold").parts(frame_of(["2014-02-01", "1.2.2014"]))


def test_an_encoder_takes_dates_and_keeps_their_form(tmp_path):
    train = pd.DataFrame({"Sold": DAYS.dt.strftime("%d/%m/%Y"), "x": np.arange(40.0)})
    encoder = TableEncoder([], ["x"], dates=["Sold"]).fit(train)
    assert encoder.columns == ["x", "Sold"]
    assert list(encoder.cardinalities) == ["Sold_Month", "Sold_Dayofweek"]
    loaded = TableEncoder.load(encoder.save(tmp_path / "encoder.json"))
    for new in (train, pd.DataFrame({"Sold": ["03/02/2014", None], "x": [0.0, 1.0]})):
        for expected, found in zip(encoder.transform(new), loaded.transform(new), strict=True):
            np.testing.assert_array_equal(found, expected)
    codes, _ = loaded.transform(pd.DataFrame({"Sold": ["03/02/2014", None], "x": [0.0, 1.0]}))
    assert loaded.levels("Sold_Month")[codes[0, 0] - 1] == 2 and not codes[1].any()


@pytest.mark.parametrize(("texts", "form"), [(["a", "b"], None), ([], None), (["2014-01-01", None], "%Y-%m-%d")])
def test_a_form_is_found_where_all_text_has_it(texts, form):
    assert date_format_of(pd.Series(texts, dtype=object)) == form
