"""The course's table functions against plain loops that say what they mean."""

import calendar
import datetime

import numpy as np
import pandas as pd
import pytest

from kerasfast.fastai import structured
from kerasfast.fastai.structured import (
    add_datepart,
    apply_cats,
    combine_date,
    fix_missing,
    get_nn_mappers,
    get_sample,
    numericalize,
    proc_df,
    rf_feat_importance,
    scale_vars,
    train_cats,
)


def table(rows=8, seed=0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": rng.normal(10, 3, rows),
            "rooms": rng.integers(1, 5, rows),
            "open": rng.random(rows) > 0.5,
            "state": rng.choice(["HE", "TH", "BY"], rows),
            "sales": rng.normal(100, 10, rows),
        }
    )
    frame.loc[[1, 4], "size"] = np.nan
    return frame


def test_add_datepart_changes_its_frame_as_the_calendar_says():
    days = pd.to_datetime(["2014-12-29", "2015-01-31", "2016-02-29", "2016-06-30"])
    frame = pd.DataFrame({"SaleDate": days, "x": range(4)})
    assert add_datepart(frame, "SaleDate") is None
    assert "SaleDate" not in frame
    for row, day in zip(frame.to_dict("records"), days.to_pydatetime(), strict=True):
        _year, week, weekday = day.isocalendar()
        tomorrow = day + datetime.timedelta(days=1)
        expected = {
            "SaleYear": day.year, "SaleMonth": day.month, "SaleWeek": week, "SaleDay": day.day,
            "SaleDayofweek": weekday - 1, "SaleDayofyear": day.timetuple().tm_yday,
            "SaleIs_month_end": tomorrow.month != day.month, "SaleIs_month_start": day.day == 1,
            "SaleIs_year_end": tomorrow.year != day.year,
            "SaleElapsed": calendar.timegm(day.timetuple()),
        }  # fmt: skip
        assert expected == {name: row[name] for name in expected}


def test_add_datepart_keeps_the_parsed_date_and_may_run_again():
    frame = pd.DataFrame({"when": ["2015-07-31 13:05:09", "2015-08-01 00:00:00"]})
    for _ in range(2):  # as when a notebook's cell is run twice
        add_datepart(frame, "when", drop=False, time=True)
    assert frame["when"].dt.year.tolist() == [2015, 2015]
    assert frame[["whenHour", "whenMinute", "whenSecond"]].iloc[0].tolist() == [13, 5, 9]


def test_cats_of_training_are_those_of_the_test_frame():
    train, test = table(), pd.DataFrame({"state": ["TH", "XX", "BY"], "other": ["a", "b", "c"]})
    train_cats(train)
    apply_cats(test, train)
    assert train["state"].cat.ordered and train["state"].cat.categories.tolist() == ["BY", "HE", "TH"]
    assert test["state"].cat.codes.tolist() == [2, -1, 0]
    assert not isinstance(test["other"].dtype, pd.CategoricalDtype)
    assert train["size"].dtype == np.float64


def test_train_cats_takes_text_with_gaps():
    frame = pd.DataFrame({"state": ["b", None, "a"]})
    train_cats(frame)
    assert frame["state"].cat.codes.tolist() == [1, -1, 0]


def test_apply_cats_does_not_care_for_the_index():
    train, test = table(), table().iloc[3:].set_index("rooms")
    train_cats(train)
    apply_cats(test, train)
    assert test["state"].tolist() == train["state"].iloc[3:].tolist()


@pytest.mark.parametrize(("column", "fillers", "flag", "filled"), [
    ([1, np.nan, 3, 8], {}, [False, True, False, False], [1, 3, 3, 8]),
    ([1, np.nan, 3, 8], {"x": 500}, [False, True, False, False], [1, 500, 3, 8]),
    ([1.0, 2, 3, 8], {"x": 500}, [False] * 4, [1, 2, 3, 8]),
    ([1.0, 2, 3, 8], {}, None, [1, 2, 3, 8]),
])  # fmt: skip
def test_fix_missing(column, fillers, flag, filled):
    frame = pd.DataFrame({"x": column})
    returned = fix_missing(frame, frame["x"], "x", fillers)
    assert returned is fillers
    assert frame["x"].tolist() == filled
    assert frame.get("x_na", pd.Series(dtype=bool)).tolist() == (flag or [])


def test_numericalize_counts_from_one_and_leaves_small_columns():
    frame = pd.DataFrame({"state": pd.Categorical(["b", None, "a"], ordered=True)})
    numericalize(frame, frame["state"], "codes", None)
    assert frame["codes"].tolist() == [2, 0, 1]
    numericalize(frame, frame["state"], "few", 2)
    assert "few" not in frame


def naive_proc(frame, target, fillers=None, scales=None):
    """The meaning of proc_df(do_scale=True), value by value."""
    columns, learned = {}, dict(fillers or {})
    for name in [name for name in frame if name != target]:
        values = frame[name].tolist()
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            levels = list(frame[name].cat.categories)
            columns[name] = [levels.index(value) + 1 if value in levels else 0 for value in values]
            continue
        gaps = [value != value for value in values]
        if name in learned or (any(gaps) and fillers is None):
            learned.setdefault(name, float(np.median([v for v in values if v == v])))
            columns[name + "_na"] = gaps
        columns[name] = [learned.get(name) if gap else value for value, gap in zip(values, gaps, strict=True)]
    scales = scales or {
        name: (float(np.mean(columns[name])), float(np.std(columns[name])) or 1.0)
        for name in columns if name.removesuffix("_na") in frame and not isinstance(
            frame[name.removesuffix("_na")].dtype, pd.CategoricalDtype)
    }  # fmt: skip
    for name, (mean, deviation) in scales.items():
        columns[name] = [(value - mean) / deviation for value in columns[name]]
    return columns, learned, scales


def test_proc_df_is_the_naive_loop_on_training_and_test():
    train, test = table(), table(5, seed=1).fillna(7.0)
    train_cats(train)
    apply_cats(test, train)
    before = train.copy()
    x, y, nas, mapper = proc_df(train, "sales", do_scale=True)
    expected, learned, scales = naive_proc(train, "sales")
    pd.testing.assert_frame_equal(train, before)
    assert nas == pytest.approx(learned)
    assert y.tolist() == train["sales"].tolist()
    assert sorted(x) == sorted(expected)
    for name in expected:
        np.testing.assert_allclose(x[name].astype(float), expected[name], err_msg=name)
    test_x, _, test_nas, _ = proc_df(test, "sales", do_scale=True, na_dict=nas, mapper=mapper)
    expected, _, _ = naive_proc(test, "sales", learned, scales)
    assert list(test_x) == list(x) and test_nas == nas
    for name in expected:
        np.testing.assert_allclose(test_x[name].astype(float), expected[name], err_msg=name)


def test_proc_df_returns_three_things_and_leaves_its_arguments():
    frame = table()
    train_cats(frame)
    skipped, ignored = ["open"], ["rooms"]
    x, y, nas = proc_df(frame, "state", skip_flds=skipped, ignore_flds=ignored, max_n_cat=5)
    assert x.columns[0] == "rooms" and "open" not in x and "state" not in x
    assert (skipped, ignored) == (["open"], ["rooms"])
    assert y.tolist() == frame["state"].cat.codes.tolist()
    assert nas == {"size": frame["size"].median()}
    assert proc_df(frame)[1] is None


def test_proc_df_flags_no_gap_that_training_did_not_know():
    train, test = table(), table()
    train_cats(train), train_cats(test)
    nas = proc_df(train, "sales")[2]
    test["rooms"] = [np.nan, *range(7)]
    x = proc_df(test, "sales", na_dict=nas)[0]
    assert "rooms_na" not in x and x["rooms"].notna().all()


def test_proc_df_makes_columns_of_few_categories_and_takes_samples():
    frame = table(30)
    train_cats(frame)
    np.random.seed(1)
    x, y, _ = proc_df(frame, "sales", max_n_cat=3, subset=10, preproc_fn=lambda df: df.pop("open"))
    assert len(x) == len(y) == 10 and "open" not in x
    names = ["state_BY", "state_HE", "state_TH", "state_nan"]
    assert x[names].sum(axis=1).tolist() == [1] * 10
    assert y.tolist() == frame.loc[x.index, "sales"].tolist()


def test_proc_df_names_columns_that_are_not_ready():
    with pytest.raises(ValueError, match="'state' is neither .* call `train_cats`"):
        proc_df(table(), "sales")
    with pytest.raises(ValueError, match="'day' is neither .* call `add_datepart`"):
        proc_df(pd.DataFrame({"day": pd.to_datetime(["2015-01-01"])}))


def test_scale_vars_says_what_the_test_frame_lacks():
    frame = table().drop(columns="state")
    mapper = scale_vars(frame, None)
    with pytest.raises(ValueError, match=r"lacks columns that training had: \['rooms'\]"):
        scale_vars(table().drop(columns="rooms"), mapper)


def test_mappers_for_networks():
    frame = table()
    frame["state"] = frame["state"].where(frame.index != 2)
    codes, scales = get_nn_mappers(frame, ["state", "rooms"], ["size"])
    assert frame["size"].notna().all() and frame["state"][2] == "#NA#"
    levels = sorted(frame["state"].unique())
    assert codes.transform(frame)[:, 0].tolist() == [levels.index(value) for value in frame["state"]]
    scaled = scales.transform(frame)
    assert scaled.shape == (8, 1) and abs(scaled.mean()) < 1e-9 and scaled.std() == pytest.approx(1)
    with pytest.raises(ValueError, match="training did not show: \\['XX'\\]"):
        codes.transform(frame.assign(state="XX"))


def test_combine_date():
    dates = combine_date([2015, 2016], [2, 12], [28, 31], hours=[1, 23], seconds=5, nanoseconds=[0, 7])
    expected = ["2015-02-28T01:00:05.000000000", "2016-12-31T23:00:05.000000007"]
    assert dates.astype(str).tolist() == expected
    assert str(combine_date(2015, 3)) == "2015-03-01"


def test_get_sample_keeps_the_order_and_the_frame():
    frame = table(20)
    np.random.seed(0)
    sample = get_sample(frame, 5)
    assert len(sample) == 5 and sample.index.is_monotonic_increasing
    sample["rooms"] = 0
    assert frame["rooms"].any()


def test_forests():
    from sklearn.ensemble import RandomForestRegressor

    frame = table(40)
    train_cats(frame)
    x, y, _ = proc_df(frame.assign(sales=frame["rooms"] * 10.0), "sales")
    forest = RandomForestRegressor(5, random_state=0).fit(x, y)
    importance = rf_feat_importance(forest, x)
    assert importance["cols"].iloc[0] == "rooms" and importance["imp"].is_monotonic_decreasing
    assert structured.draw_tree(forest.estimators_[0], x).axes[0].texts


def test_plot_sizes():
    import matplotlib

    with matplotlib.rc_context():
        structured.set_plot_sizes(12, 14, 16)
        assert matplotlib.rcParams["axes.labelsize"] == 14 and matplotlib.rcParams["font.size"] == 12
