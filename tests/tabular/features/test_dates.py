"""add_date_parts against Python's own calendar, for every unit, with missing dates."""

import calendar
import datetime

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.features.dates import FLAGS, NUMBERS, TIMES, add_date_parts, as_dates


def naive_parts(day: datetime.datetime) -> dict:
    """The parts by the standard library, one date at a time."""
    last = calendar.monthrange(day.year, day.month)[1]
    return {
        "Year": day.year,
        "Month": day.month,
        "Week": day.isocalendar()[1],
        "Day": day.day,
        "Dayofweek": day.weekday(),
        "Dayofyear": day.timetuple().tm_yday,
        "Is_month_end": day.day == last,
        "Is_month_start": day.day == 1,
        "Is_quarter_end": day.day == last and day.month % 3 == 0,
        "Is_quarter_start": day.day == 1 and day.month % 3 == 1,
        "Is_year_end": (day.month, day.day) == (12, 31),
        "Is_year_start": (day.month, day.day) == (1, 1),
        "Elapsed": (day - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1),
        "Hour": day.hour,
        "Minute": day.minute,
        "Second": day.second,
    }


@pytest.fixture
def days(rng) -> list[datetime.datetime]:
    start = datetime.datetime(1965, 1, 1)
    ends = [datetime.datetime(year, 12, 31, 23, 59, 59) for year in range(1966, 2030)]
    return ends + [start + datetime.timedelta(seconds=int(second)) for second in rng.integers(0, 2 * 10**9, 300)]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_every_part_equals_the_standard_librarys(days, unit):
    frame = pd.DataFrame({"SaleDate": pd.DatetimeIndex(days).as_unit(unit)}, index=np.arange(len(days)) + 7)
    parts = add_date_parts(frame, "SaleDate", time=True, drop=True)
    expected = pd.DataFrame([naive_parts(day) for day in days]).add_prefix("Sale")
    assert list(parts.columns) == ["Sale" + name for name in (*NUMBERS, *FLAGS, *TIMES, "Elapsed")]
    assert parts.index.equals(frame.index)
    pd.testing.assert_frame_equal(parts[expected.columns].reset_index(drop=True), expected, check_dtype=False)


def test_parts_are_compact_numbers_and_booleans(days):
    parts = add_date_parts(pd.DataFrame({"Date": days}), "Date")
    assert {str(parts[name].dtype) for name in NUMBERS} == {"int32"}
    assert {str(parts[name].dtype) for name in FLAGS} == {"bool"}
    assert str(parts["Elapsed"].dtype) == "int64"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_missing_date_gives_missing_numbers_and_false_flags(unit):
    dates = pd.DatetimeIndex(["2015-12-31", pd.NaT, "2016-01-01"]).as_unit(unit)
    parts = add_date_parts(pd.DataFrame({"Date": dates}), "Date")
    np.testing.assert_array_equal(parts["Year"], [2015, np.nan, 2016])
    np.testing.assert_array_equal(parts["Elapsed"], [1451520000, np.nan, 1451606400])
    assert parts["Is_year_end"].tolist() == [True, False, False]
    assert parts["Is_year_end"].dtype == bool


def test_all_dates_missing_and_no_rows_at_all():
    missing = add_date_parts(pd.DataFrame({"Date": pd.DatetimeIndex([pd.NaT, pd.NaT])}), "Date")
    assert missing["Week"].isna().all()
    assert len(add_date_parts(pd.DataFrame({"Date": pd.DatetimeIndex([])}), "Date").columns) == 14


@pytest.mark.parametrize(
    ("day", "week", "year"),
    [("2014-12-29", 1, 2014), ("2010-01-03", 53, 2010), ("2016-01-03", 53, 2016), ("2015-07-31", 31, 2015)],
)
def test_week_is_the_iso_week_and_year_the_calendar_year(day, week, year):
    parts = add_date_parts(pd.DataFrame({"Date": [day]}), "Date")
    assert (parts["Week"][0], parts["Year"][0]) == (week, year)


def test_text_dates_are_parsed_and_the_callers_frame_is_not_changed():
    frame = pd.DataFrame({"date": ["31.07.2015", None, "01.08.2015"], "x": [1, 2, 3]})
    before = frame.copy(deep=True)
    parts = add_date_parts(frame, "date", date_format="%d.%m.%Y")
    pd.testing.assert_frame_equal(frame, before)
    assert pd.api.types.is_datetime64_any_dtype(parts["date"])
    np.testing.assert_array_equal(parts["Month"], [7, np.nan, 8])
    assert "date" not in add_date_parts(frame, "date", date_format="%d.%m.%Y", drop=True)


@pytest.mark.parametrize(
    "values",
    [
        [datetime.date(2015, 7, 31)] * 2,
        pd.Categorical(["2015-07-31"] * 2),
        pd.PeriodIndex(["2015-07-31"] * 2, freq="D"),
        pd.DatetimeIndex(["2015-07-31"] * 2, tz="Europe/Berlin"),
    ],
    ids=["date objects", "category", "period", "time zone"],
)
def test_other_kinds_of_dates_are_understood(values):
    parts = add_date_parts(pd.DataFrame({"Date": values}), "Date")
    assert parts["Dayofyear"].tolist() == [212, 212]


def test_elapsed_of_a_time_zone_counts_from_1970_utc():
    dates = pd.DatetimeIndex(["2015-07-31 01:00"], tz="Europe/Berlin")
    assert add_date_parts(pd.DataFrame({"Date": dates}), "Date")["Elapsed"][0] == 1438300800 - 3600


def test_dates_outside_the_nanosecond_range_work():
    parts = add_date_parts(pd.DataFrame({"Date": np.array(["9999-12-31", "1600-02-29"], "datetime64[s]")}), "Date")
    assert parts["Year"].tolist() == [9999, 1600]
    assert parts["Elapsed"].tolist() == [253402214400, -11670998400]


def test_numbers_are_refused_because_their_unit_is_unknown():
    with pytest.raises(TypeError, match="'Date' holds numbers"):
        add_date_parts(pd.DataFrame({"Date": [20150731]}), "Date")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"Date": ["2015-07-31", "yesterday"]}, "'Date' holds values that are no dates"),
        ({"Day": [1]}, "no column 'Date'"),
        ({"Date": ["2015-07-31"], "Year": [1]}, r"columns \['Year'\] already"),
    ],
)
def test_bad_input_names_the_column(frame, message):
    with pytest.raises(ValueError, match=message):
        add_date_parts(pd.DataFrame(frame), "Date")


def test_rows_may_share_an_index_label():
    frame = pd.DataFrame({"Date": ["2015-07-31", "2014-07-31"]}, index=["same", "same"])
    assert add_date_parts(frame, "Date")["Year"].tolist() == [2015, 2014]


def test_prefix_replaces_the_columns_name():
    parts = add_date_parts(pd.DataFrame({"Date": ["2015-07-31"]}), "Date", prefix="sold_")
    assert parts["sold_Year"].tolist() == [2015]


def test_as_dates_keeps_the_unit():
    frame = pd.DataFrame({"Date": pd.DatetimeIndex(["2015-07-31"]).as_unit("ms")})
    assert as_dates(frame, "Date").dt.unit == "ms"
