"""The training rows of files: learned from and counted in one pass, streamed afterwards."""

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.batching import Batching
from kerasfast.tabular.data import TableData
from kerasfast.tabular.encoding import TableEncoder
from kerasfast.tabular.parts import FileParts
from kerasfast.tabular.rows import RowEncoder
from kerasfast.tabular.splits import IndexSplit
from kerasfast.tabular.targets import TargetStatistics
from kerasfast.tabular.training_rows import TrainingRows

pytest.importorskip("pyarrow")
COLUMNS = ["kind", "y"]


@pytest.fixture
def path(tmp_path):
    frame = pd.DataFrame({"kind": np.arange(100) % 7, "y": np.arange(100, dtype=float)})
    frame.to_parquet(tmp_path / "table.parquet", row_group_size=30)
    return tmp_path / "table.parquet"


@pytest.mark.parametrize("held", [None, [3, 40, 99]])
def test_a_pass_counts_and_splits_the_rows(path, held):
    split, statistics = held and IndexSplit.checked(held, 100), TargetStatistics("y", None, False)
    rows = TrainingRows(FileParts(path, COLUMNS), split, statistics, None)
    seen = pd.concat(rows)
    expected = sorted(set(range(100)) - set(held or []))
    assert list(seen["y"]) == expected and rows.count == len(expected)
    encode = RowEncoder(TableEncoder(["kind"], []).fit(seen), statistics.target())
    view, rest = rows.view(encode, Batching(10), 50), rows.rest(encode, Batching(10))
    assert list(view.targets[:, 0]) == expected and len(view) == len(expected)
    assert rest is None if held is None else list(rest.targets[:, 0]) == held


@pytest.mark.parametrize(("make", "read"), [(TableData.from_files, str), (TableData.from_frame, pd.read_parquet)])
def test_a_split_without_validation_rows_is_refused(path, make, read):
    with pytest.raises(ValueError, match="leaves 100 rows for training and 0 for validation"):
        make(read(path), "y", categorical=["kind"], valid_fraction=0.001)
