"""One pass over the training rows of a table, in memory or in files, learns the encoder and the target."""

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.data import TableData
from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.encoding.targets import TargetStatistics
from kerasfast.tabular.pipeline.batching import Batching
from kerasfast.tabular.pipeline.learning import FrameParts, encode_frame, learn_rows
from kerasfast.tabular.pipeline.splits import IndexSplit
from kerasfast.tabular.pipeline.table_files import FileParts
from kerasfast.tabular.pipeline.views import StreamView


@pytest.fixture
def counted(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"kind": np.arange(100) % 7, "y": np.arange(100, dtype=float)})
    frame.to_parquet(tmp_path / "counted.parquet", row_group_size=30)
    return tmp_path / "counted.parquet"


@pytest.mark.parametrize("held", [None, [3, 40, 99]])
def test_a_pass_learns_from_the_training_rows_and_counts_them(counted, held):
    split, source = held and IndexSplit.checked(held, 100), FileParts(counted, ["kind", "y"])
    encode, count = learn_rows(source, split, TableEncoder(["kind"], []), TargetStatistics("y"), None)
    expected = sorted(set(range(100)) - set(held or []))
    assert count == len(expected) and encode.encoder.cardinalities == {"kind": 8} and encode.target.names == ("y",)
    assert list(StreamView(source, encode, Batching(10), count, split).targets[:, 0]) == expected


@pytest.mark.parametrize(("make", "read"), [(TableData.from_files, str), (TableData.from_frame, pd.read_parquet)])
def test_a_split_without_validation_rows_is_refused(counted, make, read):
    with pytest.raises(ValueError, match="leaves 100 rows for training and 0 for validation"):
        make(read(counted), "y", categorical=["kind"], valid_fraction=0.001)


def test_a_frame_in_pieces_gives_the_rows_of_the_whole(monkeypatch):
    frame = pd.DataFrame({"kind": np.arange(100) % 7, "y": np.arange(100, dtype=float)})
    split = IndexSplit.checked([3, 40, 99], 100)
    whole, _ = learn_rows(FrameParts(frame), split, TableEncoder(["kind"], []), TargetStatistics("y"), None)
    monkeypatch.setattr("kerasfast.tabular.pipeline.learning._PIECE", 30)
    encode, count = learn_rows(FrameParts(frame), split, TableEncoder(["kind"], []), TargetStatistics("y"), None)
    assert count == 97 and encode.encoder.to_json() == whole.encoder.to_json()
    assert encode.target.scale.low == (0.0,) and encode.target.scale.high == (98.0,)
    train, held = encode_frame(frame, encode, split)
    assert held.targets[:, 0].tolist() == [3, 40, 99]
    np.testing.assert_array_equal(train.codes, whole(frame).codes[np.setdiff1d(np.arange(100), [3, 40, 99])])
