"""Feather and parquet files give back the table that was written, whole or part by part."""

import sys

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.pipeline.table_files import FileParts, read_frame, write_frame

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


@pytest.fixture
def frame(rng):
    rows = 1000
    return pd.DataFrame(
        {
            "text": rng.choice(["a", "b", None], rows),
            "number": rng.normal(size=rows),
            "whole": np.arange(rows),
            "date": pd.date_range("2015-01-01", periods=rows),
            "kind": pd.Categorical(rng.choice(["x", "y"], rows)),
        },
        index=pd.RangeIndex(5, rows + 5, name="row"),
    )


def read_all(source, columns=None):
    pieces = [piece for part in source.parts for piece in source.read(part, columns)]
    assert [first for first, _ in pieces] == np.cumsum([0, *[len(piece) for _, piece in pieces[:-1]]]).tolist()
    return pd.concat([piece for _, piece in pieces], ignore_index=True)


def write(frame, path):
    if path.suffix == ".feather":
        frame.reset_index(drop=True).to_feather(path, chunksize=300)
    else:
        frame.to_parquet(path, row_group_size=300)
    return path


@pytest.mark.parametrize("ending", ["parquet", "pq", "feather"])
def test_the_parts_make_the_table(tmp_path, frame, ending):
    source = FileParts(write(frame, tmp_path / f"table.{ending}"), list(frame))
    assert [(part.first, part.rows) for part in source.parts] == [(0, 300), (300, 300), (600, 300), (900, 100)]
    assert source.rows == 1000
    pd.testing.assert_frame_equal(
        read_all(source), frame.reset_index(drop=True), check_dtype=False, check_categorical=False
    )
    assert list(read_all(source, ["whole"])) == ["whole"]


def test_several_files_count_on(tmp_path, frame):
    for name, part in (("b.parquet", frame[600:]), ("a.feather", frame[:600])):
        write(part, tmp_path / name)
    listed = FileParts([tmp_path / "a.feather", tmp_path / "b.parquet"], ["whole"])
    assert read_all(listed)["whole"].tolist() == list(range(1000))
    assert FileParts(tmp_path, ["whole"]).rows == 1000


def test_large_parts_come_in_pieces(tmp_path):
    pd.DataFrame({"x": np.arange(150_000)}).to_parquet(tmp_path / "t.parquet")
    source = FileParts(tmp_path / "t.parquet", ["x"])
    pieces = [len(piece) for _, piece in source.read(source.parts[0])]
    assert len(source.parts) == 1 and max(pieces) <= 65_536 and sum(pieces) == 150_000


@pytest.mark.parametrize(
    ("name", "columns", "error", "message"),
    [
        ("nothing.parquet", ["x"], FileNotFoundError, "is not there"),
        ("empty_folder", ["x"], FileNotFoundError, "has no parquet or feather file"),
        ("table.csv", ["x"], ValueError, "must end in one of"),
        ("table.parquet", ["x", "z"], ValueError, r"no columns \['z'\]"),
        ("no_rows.parquet", ["x"], ValueError, "has no rows"),
        ([], ["x"], ValueError, "no file was given"),
    ],
)
def test_files_that_cannot_be_read_are_named(tmp_path, name, columns, error, message):
    (tmp_path / "empty_folder").mkdir()
    (tmp_path / "table.csv").write_text("x\n1\n")
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "table.parquet")
    pd.DataFrame({"x": [1]})[:0].to_parquet(tmp_path / "no_rows.parquet")
    with pytest.raises(error, match=message):
        FileParts([] if name == [] else tmp_path / name, columns)


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_damaged_files_are_named_whatever_pyarrow_says(tmp_path, ending):
    file = tmp_path / f"t.{ending}"
    write_frame(pd.DataFrame({"x": np.arange(2000.0)}), file)
    whole = file.read_bytes()
    for content in (b"", whole[:200], whole[:-20], b"<html>" * 100):
        file.write_bytes(content)
        for read in (read_frame, lambda path: read_all(FileParts(path, ["x"]))):
            with pytest.raises(ValueError, match=f"t.{ending}' is no {ending} file, or is damaged"):
                read(file)


def test_values_that_changed_on_the_disk_are_seen_by_their_checksum(tmp_path):
    file = tmp_path / "t.parquet"
    write_frame(pd.DataFrame({"x": np.random.default_rng(0).random(2000)}), file)
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="t.parquet' is no parquet file, or is damaged"):
        read_frame(file)
    with pytest.raises(ValueError, match="t.parquet' is no parquet file, or is damaged"):
        read_all(FileParts(file, ["x"]))
