import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.parts import FileParts

pytest.importorskip("pyarrow")


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
