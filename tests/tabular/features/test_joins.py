"""join_df: the rows and columns of a left join, and what its checks refuse."""

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.features.joins import join_df


@pytest.fixture
def sales() -> pd.DataFrame:
    return pd.DataFrame({"Store": [2, 1, 2, 3], "Sales": [10, 20, 30, 40], "file": list("abcd")}, index=[9, 8, 7, 6])


@pytest.fixture
def stores() -> pd.DataFrame:
    return pd.DataFrame({"Store": [1, 2, 3], "State": ["HE", "TH", "NW"], "file": list("xyz")})


def test_keeps_left_rows_in_order_and_suffixes_shared_columns(sales, stores):
    joined = join_df(sales, stores, "Store")
    assert list(joined.columns) == ["Store", "Sales", "file", "State", "file_y"]
    assert joined["State"].tolist() == ["TH", "HE", "TH", "NW"]
    assert joined["file"].tolist() == list("abcd")
    assert joined.index.tolist() == [0, 1, 2, 3]
    assert list(join_df(sales, stores, "Store", suffix="_right").columns)[-1] == "file_right"


def test_leaves_both_tables_as_they_were(sales, stores):
    before = sales.copy(deep=True), stores.copy(deep=True)
    joined = join_df(sales, stores, "Store")
    joined["Sales"] = 0
    pd.testing.assert_frame_equal(sales, before[0])
    pd.testing.assert_frame_equal(stores, before[1])


def test_joins_on_columns_of_other_names_and_on_several(sales):
    names = pd.DataFrame({"id": [3, 2], "who": ["a", "b"], "what": ["three", "two"]})
    assert join_df(sales, names, "Store", "id")["what"].fillna("-").tolist() == ["two", "-", "two", "three"]
    both = join_df(sales, names, ["Store", "file"], ["id", "who"])
    assert both["what"].isna().all()


def test_a_missing_key_matches_nothing():
    left = pd.DataFrame({"key": [1.0, np.nan]})
    right = pd.DataFrame({"key": [1.0, np.nan, np.nan], "value": [10.0, 20.0, 30.0]})
    joined = join_df(left, right, "key", check=["rows", "duplicates"])
    np.testing.assert_array_equal(joined["value"], [10.0, np.nan])
    with pytest.raises(ValueError, match="1 rows .* no match for .*key"):
        join_df(left, right, "key", check="unmatched")


def test_checks_name_the_repeated_key(sales, stores):
    twice = pd.concat([stores, stores.iloc[[1]]])
    assert len(join_df(sales, twice, "Store")) == 6
    for check in (True, "rows", ["duplicates"]):
        with pytest.raises(ValueError, match=r"occur more than once .*Store.*'2'"):
            join_df(sales, twice, "Store", check=check)


def test_a_repeated_key_that_no_row_uses_fails_only_the_duplicates_check(sales, stores):
    extra = pd.concat([stores, pd.DataFrame({"Store": [9, 9]})])
    assert len(join_df(sales, extra, "Store", check=["rows", "unmatched"])) == 4
    with pytest.raises(ValueError, match="'9'"):
        join_df(sales, extra, "Store", check=True)


def test_unmatched_check_counts_rows_and_keys(sales, stores):
    with pytest.raises(ValueError, match=r"2 rows .*\(1 different keys\).*Store.*'2'"):
        join_df(sales, stores[stores["Store"] != 2], "Store", check="unmatched")


@pytest.mark.parametrize(
    ("key", "held"),
    [(["1", "2", "3"], "text"), (pd.to_datetime(["2015-01-01"] * 3), "date"), (pd.Categorical(list("abc")), "text")],
)
def test_keys_of_different_types_are_refused_by_name(sales, stores, key, held):
    with pytest.raises(ValueError, match=f"'Store' holds number .*'Store' holds {held}"):
        join_df(sales, stores.assign(Store=key), "Store")


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_dates_of_different_units_match(unit):
    days = pd.to_datetime(["2015-01-01", "2015-01-02"])
    left, right = (
        pd.DataFrame({"Date": days.as_unit("ns")}),
        pd.DataFrame({"Date": days.as_unit(unit), "value": [1, 2]}),
    )
    assert join_df(left, right, "Date", check=True)["value"].tolist() == [1, 2]


def test_category_and_text_keys_match(stores):
    left = pd.DataFrame({"State": pd.Categorical(["TH", "HE", "TH"])})
    assert join_df(left, stores, "State", check=True)["Store"].tolist() == [2, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"left_on": "Shop"}, r"left table has no column \['Shop'\]"),
        ({"left_on": "Store", "right_on": "Shop"}, r"right table has no column \['Shop'\]"),
        ({"left_on": ["Store", "file"], "right_on": ["Store"]}, "received 2 and 1"),
        ({"left_on": []}, "received 0 and 0"),
        ({"left_on": "Store", "check": "row"}, r"unknown check \['row'\]"),
    ],
)
def test_wrong_arguments_are_named(sales, stores, arguments, message):
    with pytest.raises(ValueError, match=message):
        join_df(sales, stores, **arguments)


def test_two_columns_of_the_key_name_are_refused(sales, stores):
    twice = pd.concat([sales, sales[["Store"]]], axis=1)
    with pytest.raises(ValueError, match="more than one column named .*Store"):
        join_df(twice, stores, "Store")


def test_a_suffix_that_makes_two_columns_of_one_name_is_refused(sales, stores):
    with pytest.raises(ValueError, match=r"two columns named \['file_y'\]"):
        join_df(sales.assign(file_y=1), stores, "Store")
    with pytest.raises(ValueError, match=r"two columns named \['file'\]"):
        join_df(sales, stores, "Store", suffix="")


def test_an_index_of_the_keys_name_does_no_harm(sales, stores):
    joined = join_df(sales.set_index("Store", drop=False), stores.set_index("Store", drop=False), "Store", check=True)
    pd.testing.assert_frame_equal(joined, join_df(sales, stores, "Store"))


def test_empty_tables_join(sales, stores):
    assert list(join_df(sales.iloc[:0], stores, "Store", check=True).columns)[-1] == "file_y"
    assert join_df(sales, stores.iloc[:0], "Store")["State"].isna().all()
