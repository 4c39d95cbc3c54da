"""Feather and parquet files give back the table that was written."""

import sys

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.frames import read_frame, write_frame

pytest.importorskip("pyarrow")


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "number": np.array([1, 2, 3], np.int32),
            "real": np.array([0.1, np.nan, 3.0], np.float32),
            "text": ["a", None, "ü"],
            "flag": [True, False, True],
            "date": pd.DatetimeIndex(["2015-07-31", None, "2015-08-01"]).as_unit("ns"),
            "zone": pd.date_range("2015-07-31", periods=3, tz="Europe/Berlin").as_unit("us"),
            "level": pd.Categorical(["low", "high", None], categories=["low", "high"], ordered=True),
            "maybe": pd.array([1, None, 3], dtype="Int64"),
        }
    )


@pytest.mark.parametrize("ending", [".feather", ".parquet", ".pq", ".PARQUET"])
def test_a_table_returns_with_its_types(table, tmp_path, ending):
    path = write_frame(table, tmp_path / f"table{ending}")
    pd.testing.assert_frame_equal(read_frame(str(path)), table)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", [".feather", ".parquet"])
def test_only_the_wanted_columns_are_read(table, tmp_path, ending):
    path = write_frame(table, tmp_path / f"table{ending}")
    assert list(read_frame(path, ["text", "number"]).columns) == ["text", "number"]
    with pytest.raises(ValueError, match=r"no columns \['nothing'\]"):
        read_frame(path, ["nothing"])


def test_parquet_keeps_the_index_and_feather_refuses_to_lose_it(table, tmp_path):
    chosen = table[table["flag"]]
    pd.testing.assert_frame_equal(read_frame(write_frame(chosen, tmp_path / "a.parquet")), chosen)
    with pytest.raises(ValueError, match="reset_index"):
        write_frame(chosen, tmp_path / "a.feather")


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_else(table, tmp_path):
    path = write_frame(table, tmp_path / "table.parquet")
    with pytest.raises(Exception, match="mixed|convert|bytes"):
        write_frame(pd.DataFrame({"mixed": [1, "one", object()]}), path)
    pd.testing.assert_frame_equal(read_frame(path), table)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("columns", "name", "message"),
    [
        (["a", "a"], "x.parquet", r"repeat: \['a'\]"),
        ([1, 2], "x.parquet", r"must be text .*\[1, 2\]"),
        (["a", "b"], "x.csv", "must end in one of"),
    ],
)
def test_unfit_names_are_refused(tmp_path, columns, name, message):
    with pytest.raises(ValueError, match=message):
        write_frame(pd.DataFrame([[1, 2]], columns=columns), tmp_path / name)


def test_a_missing_file_and_a_missing_pyarrow_are_named(table, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="absent.parquet"):
        read_frame(tmp_path / "absent.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for act in (lambda: read_frame(tmp_path / "x.feather"), lambda: write_frame(table, tmp_path / "x.feather")):
        with pytest.raises(ImportError, match=r"pip install 'kerasfast\[tabular\]'"):
            act()
