"""add_elapsed and add_rolling against loops over the rows."""

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.features.elapsed import STATISTICS, add_elapsed, add_rolling


def naive_elapsed(frame: pd.DataFrame, event: str, direction: int) -> list[float]:
    """Days from each row to the nearest event of its store on one side, by looking at every other row."""
    found = []
    for row in frame.itertuples():
        days = [
            direction * (row.Date - other.Date).days
            for other in frame.itertuples()
            if other.Store == row.Store and getattr(other, event) and direction * (row.Date - other.Date).days >= 0
        ]
        found.append(min(days, default=np.nan))
    return found


def naive_rolling(frame: pd.DataFrame, column: str, window: int | str, direction: int, statistic: str) -> list[float]:
    """One window at a time, by rows or by days."""
    results = []
    for position, row in enumerate(frame.itertuples()):
        group = frame[frame["Store"] == row.Store].sort_values("Date", kind="stable", ascending=True)
        if isinstance(window, int):
            here = group.index.get_loc(frame.index[position])
            part = (
                group.iloc[max(here - window + 1, 0) : here + 1] if direction > 0 else group.iloc[here : here + window]
            )
        else:
            away = direction * (row.Date - group["Date"])
            part = group[(away >= pd.Timedelta(0)) & (away < pd.Timedelta(window))]
        values = part[column].dropna()
        results.append(getattr(values, statistic)() if len(values) else np.nan)
    return results


@pytest.fixture
def table(rng) -> pd.DataFrame:
    """Three stores with gaps and repeated days, in no order."""
    days = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 60, 90), unit="D")
    return pd.DataFrame(
        {
            "Store": rng.choice([7, 2, 5], 90),
            "Date": days,
            "Promo": rng.random(90) < 0.15,
            "Rare": (rng.random(90) < 0.03).astype(int),
            "Sales": np.where(rng.random(90) < 0.1, np.nan, rng.normal(size=90)),
        },
        index=rng.permutation(90) + 1000,
    )


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("event", ["Promo", "Rare"])
def test_elapsed_equals_a_loop_over_all_pairs(table, event, unit):
    table["Date"] = table["Date"].dt.as_unit(unit)
    result = add_elapsed(table, event, "Store", "Date")
    np.testing.assert_array_equal(result["After" + event], naive_elapsed(table, event, 1))
    np.testing.assert_array_equal(result["Before" + event], naive_elapsed(table, event, -1))
    assert result.index.equals(table.index)


def test_never_differs_from_today_unless_the_lessons_zero_is_asked_for(table):
    plain = add_elapsed(table, "Rare", "Store", "Date")
    assert plain["AfterRare"].isna().any() and plain["AfterRare"].eq(0).any()
    lesson = add_elapsed(table, "Rare", "Store", "Date", never=0)
    assert lesson["AfterRare"].dtype.kind == "i"
    np.testing.assert_array_equal(lesson["AfterRare"], plain["AfterRare"].fillna(0))
    assert add_elapsed(table, "Rare", "Store", "Date", never=-1)["BeforeRare"].min() == -1


def test_signed_counts_down_to_the_next_event_below_zero(table):
    plain, signed = (add_elapsed(table, "Promo", "Store", "Date", signed=signed) for signed in (False, True))
    np.testing.assert_array_equal(signed["BeforePromo"], -plain["BeforePromo"])
    np.testing.assert_array_equal(signed["AfterPromo"], plain["AfterPromo"])


def test_units_are_whole_and_truncated():
    frame = pd.DataFrame(
        {"at": pd.to_datetime(["2015-01-01 00:00", "2015-01-02 12:00", "2015-01-03 18:00"]), "event": [1, 0, 1]}
    )
    assert add_elapsed(frame, "event", None, "at")["Beforeevent"].tolist() == [0, 1, 0]
    assert add_elapsed(frame, "event", None, "at", signed=True)["Beforeevent"].tolist() == [0, -1, 0]
    assert add_elapsed(frame, "event", None, "at", unit="h")["Afterevent"].tolist() == [0, 36, 0]


def test_local_days_are_counted_across_a_clock_change():
    dates = pd.date_range("2015-03-28", periods=3, tz="Europe/Berlin")
    frame = pd.DataFrame({"Date": dates, "event": [1, 0, 0]})
    assert add_elapsed(frame, "event", None, "Date")["Afterevent"].tolist() == [0, 1, 2]


def test_groups_may_have_several_columns(table):
    split = table.assign(half=np.where(table["Store"] == 2, "a", "b"), Store=1)
    together = table.assign(Store=np.where(table["Store"] == 2, 1, 2))
    result = add_elapsed(split, "Promo", ["Store", "half"], "Date")
    np.testing.assert_array_equal(result["AfterPromo"], add_elapsed(together, "Promo", "Store", "Date")["AfterPromo"])


def test_an_index_of_the_groups_name_does_no_harm(table):
    indexed = add_elapsed(table.set_index("Store", drop=False), "Promo", "Store", "Date")
    np.testing.assert_array_equal(indexed["AfterPromo"], add_elapsed(table, "Promo", "Store", "Date")["AfterPromo"])


def test_prefixes_and_directions_can_be_chosen(table):
    result = add_elapsed(table, ["Promo", "Rare"], "Store", "Date", after="since_", before=None)
    assert list(result.columns)[5:] == ["since_Promo", "since_Rare"]


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("window", [1, 7, "7D"])
def test_rolling_equals_a_loop_over_the_windows(table, statistic, window):
    result = add_rolling(table, ["Promo", "Sales"], "Store", "Date", window=window, statistic=statistic)
    for column in ("Promo", "Sales"):
        for suffix, direction in (("_bw", 1), ("_fw", -1)):
            expected = np.array(naive_rolling(table, column, window, direction, statistic), float)
            if statistic == "count":
                expected = np.where(np.isnan(expected), 0, expected)
                rolled = result[column + suffix].fillna(0)
            else:
                rolled = result[column + suffix]
            np.testing.assert_allclose(rolled, expected, atol=1e-12, err_msg=column + suffix)


def test_rolling_sums_of_one_group_are_not_spoiled_by_huge_values_of_another():
    dates = pd.date_range("2015-01-01", periods=4)
    frame = pd.DataFrame({"g": np.repeat([1, 2], 4), "Date": [*dates, *dates], "x": [1e18] * 4 + [1e-6] * 4})
    back = add_rolling(frame, "x", "g", "Date", window=2)["x_bw"]
    np.testing.assert_allclose(back[4:], [1e-6, 2e-6, 2e-6, 2e-6], rtol=1e-12)


def test_min_periods_asks_for_full_windows(table):
    full = add_rolling(table, "Promo", "Store", "Date", window=7, min_periods=7)
    assert full["Promo_bw"].isna().sum() == 6 * 3


def test_time_windows_span_gaps_and_row_windows_do_not_see_them():
    frame = pd.DataFrame({"Date": pd.to_datetime(["2015-01-01", "2015-01-02", "2015-03-01"]), "x": [1, 1, 1]})
    assert add_rolling(frame, "x", None, "Date", window=7)["x_bw"].tolist() == [1, 2, 3]
    assert add_rolling(frame, "x", None, "Date", window="7D")["x_bw"].tolist() == [1, 2, 1]


@pytest.mark.parametrize(("add", "more"), [(add_elapsed, {}), (add_rolling, {"window": 7})])
def test_the_callers_frame_is_not_changed_and_empty_frames_work(table, add, more):
    before = table.copy(deep=True)
    result = add(table, "Promo", "Store", "Date", **more)
    result["Promo"] = False
    pd.testing.assert_frame_equal(table, before)
    empty = add(table.iloc[:0], "Promo", "Store", "Date", **more)
    assert empty.shape == (0, 7)
    assert add(table.iloc[:1], "Promo", "Store", "Date", **more).shape == (1, 7)


def test_rows_may_share_an_index_label(table):
    same = table.set_axis([0] * 90)
    away = (add_elapsed(frame, "Promo", "Store", "Date")["AfterPromo"] for frame in (same, table))
    np.testing.assert_array_equal(*away)
    rolled = (add_rolling(frame, "Promo", "Store", "Date", window=7)["Promo_bw"] for frame in (same, table))
    np.testing.assert_array_equal(*rolled)


@pytest.mark.parametrize(("add", "more"), [(add_elapsed, {}), (add_rolling, {"window": 7})])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"Promo": "0"}, TypeError, "'Promo' must be boolean or numeric"),
        ({"Date": pd.NaT}, ValueError, "'Date' has 1 missing"),
        ({"Store": np.nan}, ValueError, "'Store' has 1 missing"),
        ({"Date": 5}, TypeError, "'Date' holds numbers"),
    ],
)
def test_bad_columns_are_named(add, more, change, error, message):
    frame = pd.DataFrame({"Store": [1.0], "Date": pd.to_datetime(["2015-01-01"]), "Promo": [1.0]}).assign(**change)
    with pytest.raises(error, match=message):
        add(frame, "Promo", "Store", "Date", **more)


def test_missing_events_and_infinite_values_are_refused(table):
    with pytest.raises(ValueError, match="'Sales' has .* missing"):
        add_elapsed(table, "Sales", "Store", "Date")
    with pytest.raises(ValueError, match="'Sales' has 90 infinite"):
        add_rolling(table.assign(Sales=np.inf), "Sales", "Store", "Date", window=7)


@pytest.mark.parametrize("window", [0, -1, "0D", "-7D", "week", True, 2.5, None])
def test_impossible_windows_are_refused(table, window):
    with pytest.raises(ValueError, match="`window` must be"):
        add_rolling(table, "Promo", "Store", "Date", window=window)


def test_names_that_exist_and_unknown_options_are_refused(table):
    with pytest.raises(ValueError, match="'AfterPromo'.* already"):
        add_elapsed(table.assign(AfterPromo=1), "Promo", "Store", "Date")
    with pytest.raises(ValueError, match="unknown statistic 'median'"):
        add_rolling(table, "Promo", "Store", "Date", window=7, statistic="median")
    with pytest.raises(ValueError, match="unknown unit 'week'"):
        add_elapsed(table, "Promo", "Store", "Date", unit="week")
    with pytest.raises(ValueError, match="no column 'Holiday'"):
        add_elapsed(table, "Holiday", "Store", "Date")
