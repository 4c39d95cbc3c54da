import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.pipeline.splits import DateSplit, FractionSplit, IndexSplit, choose_split, with_all_classes

LARGE = 150_000


def in_parts(split, frame, sizes):
    masks, first = [], 0
    for size in sizes:
        masks.append(split.mask(frame.iloc[first : first + size], first))
        first += size
    return np.concatenate(masks)


@pytest.mark.parametrize(
    "split",
    [
        FractionSplit(0.25, 3, LARGE),
        IndexSplit.checked([5, 70_000, -1, 0], LARGE),
        DateSplit.checked(("Date", "2015-01-02", "2015-01-02 05:00")),
    ],
)
def test_a_table_in_parts_has_the_same_validation_rows(split):
    frame = pd.DataFrame({"Date": pd.date_range("2015-01-01", periods=LARGE, freq="s")})
    whole = split.mask(frame, 0)
    np.testing.assert_array_equal(in_parts(split, frame, [1, 65_535, 0, 70_000, LARGE - 135_536]), whole)
    assert 0 < whole.sum() < LARGE


def test_indices_choose_their_rows():
    mask = IndexSplit.checked([3, -1, 0], 6).mask(pd.DataFrame(index=range(6)), 0)
    assert np.flatnonzero(mask).tolist() == [0, 3, 5]


def test_a_fraction_is_exact_and_decided_by_the_seed():
    frame = pd.DataFrame(index=range(50))
    masks = [FractionSplit(0.2, seed, 50).mask(frame, 0) for seed in (1, 1, 2)]
    assert [mask.sum() for mask in masks] == [10, 10, 10]
    assert (masks[0] == masks[1]).all() and (masks[0] != masks[2]).any()


def test_dates_include_both_days_and_leave_rows_without_a_date_to_training():
    days = pd.DatetimeIndex(["2014-07-31 23:59", "2014-08-01 00:00", "2014-09-17 18:00", "2014-09-18 00:00", None])
    split = DateSplit.checked(("Date", "2014-08-01", "2014-09-17"))
    assert split.mask(pd.DataFrame({"Date": days}), 0).tolist() == [False, True, True, False, False]
    zoned = pd.DataFrame({"Date": days.tz_localize("Europe/Berlin")})
    assert split.mask(zoned, 0).tolist() == [False, True, True, False, False]


def test_a_fifth_of_the_rows_unless_said_otherwise():
    assert choose_split(100, None, None, None, 0).fraction == 0.2
    assert choose_split(100, None, 0, None, 0) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"indices": [1, 1]}, "row 1 twice"),
        ({"indices": [10]}, "below 10; received 10..10"),
        ({"indices": [-11]}, "below 10; received -1..-1"),
        ({"indices": []}, "list of row numbers"),
        ({"indices": [0.5]}, "list of row numbers"),
        ({"fraction": 1.0}, "and below 1"),
        ({"fraction": True}, "and below 1"),
        ({"dates": ("Date", "2015-01-02", "2015-01-01")}, "must go forwards"),
        ({"dates": ("Date", "soon", "later")}, "first day, last day"),
        ({"dates": ("Date",)}, "first day, last day"),
        ({"dates": ("Date", "2015-01-01T00:00Z", "2015-01-02")}, "both have a time zone, or neither"),
        ({"seed": -1}, "`seed`"),
    ],
)
def test_choices_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        choose_split(10, **{"indices": None, "fraction": None, "dates": None, "seed": 0} | arguments)


def test_days_with_a_time_zone_need_a_column_with_one():
    split = DateSplit.checked(("Date", "2015-01-01T00:00Z", "2015-01-02T00:00Z"))
    days = pd.DatetimeIndex(["2015-01-01 01:00", "2015-01-03 12:00"])
    assert split.mask(pd.DataFrame({"Date": days.tz_localize("UTC")}), 0).tolist() == [True, False]
    with pytest.raises(ValueError, match="'Date' has no time zone, but `valid_dates` has"):
        split.mask(pd.DataFrame({"Date": days}), 0)


@pytest.mark.parametrize(
    ("frame", "message"), [({"x": [1]}, "no date column 'Date'"), ({"Date": ["2015"]}, "no dates")]
)
def test_a_date_column_must_be_there_and_hold_dates(frame, message):
    with pytest.raises(ValueError, match=message):
        DateSplit.checked(("Date", "2015-01-01", "2015-01-01")).mask(pd.DataFrame(frame), 0)


def test_a_class_of_one_row_is_trained_on(capsys):
    frame = pd.DataFrame({"kind": ["a", "b"] * 20 + ["rare", "scarce"]})
    for seed in range(8):
        split = with_all_classes(choose_split(42, None, 0.5, None, seed), frame, "kind")
        held = split.mask(frame, 0)
        assert set(frame["kind"][~held]) == {"a", "b", "rare", "scarce"} and held.sum() >= 19
    assert "none is held out: " in capsys.readouterr().out
    given = choose_split(42, [40, 41], None, None, 0)
    assert with_all_classes(given, frame, "kind") is given
