"""Views in memory and from files: the same rows, shuffled, masked and weighted alike, with bounded memory."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.encoding.targets import Target
from kerasfast.tabular.pipeline.batching import EVALUATION_ROWS, Batching, Masking
from kerasfast.tabular.pipeline.rows import RowEncoder
from kerasfast.tabular.pipeline.splits import FractionSplit
from kerasfast.tabular.pipeline.table_files import FileParts
from kerasfast.tabular.pipeline.views import StreamView, TableView

ROWS = 2500


def table(rows=ROWS):
    random = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "row": np.arange(rows, dtype=float),
            "kind": random.integers(0, 40, rows),
            "size": np.where(random.random(rows) < 0.2, np.nan, random.normal(size=rows)),
            "weight": random.integers(1, 4, rows),
        }
    )


@pytest.fixture(scope="module")
def frame():
    return table()


@pytest.fixture(scope="module")
def encode(frame):
    return RowEncoder(TableEncoder(["kind"], ["size"]).fit(frame), Target(("row",), "regression"), "weight")


@pytest.fixture(scope="module", params=["memory", "stream"])
def make(request, frame, encode, tmp_path_factory):
    """A function from `Batching` to a view of the same 2500 rows."""
    if request.param == "memory":
        return lambda batching: TableView(encode(frame), batching)
    pytest.importorskip("pyarrow")
    path = tmp_path_factory.mktemp("stream") / "table.parquet"
    frame.to_parquet(path, row_group_size=400)
    source = FileParts(path, list(frame))
    return lambda batching: StreamView(source, encode, batching, ROWS, shuffle_rows=1000)


def passed(dataset):
    """Return all that one pass over a dataset gives, joined."""
    batches = list(dataset)
    inputs = {name: np.concatenate([batch[0][name] for batch in batches]) for name in batches[0][0]}
    return inputs, np.concatenate([batch[1] for batch in batches]), np.concatenate([batch[2] for batch in batches])


def test_an_ordered_view_gives_the_rows_in_order(make, frame, encode):
    view = make(Batching(64))
    inputs, targets, weights = passed(view.dataset())
    rows = encode(frame)
    np.testing.assert_array_equal(inputs["codes"], rows.codes)
    np.testing.assert_array_equal(inputs["values"], rows.values)
    np.testing.assert_array_equal(targets[:, 0], frame["row"])
    np.testing.assert_array_equal(weights, frame["weight"])
    np.testing.assert_array_equal(view.targets, targets)
    assert len(view) == ROWS and int(view.dataset().cardinality()) == -(-ROWS // EVALUATION_ROWS)


@pytest.mark.parametrize("batch_size", [64, 1000, 9000])
def test_a_shuffled_view_gives_whole_batches_of_different_rows(make, frame, batch_size):
    dataset = make(Batching(batch_size, shuffle=True)).dataset()
    sizes = [len(batch[1]) for batch in dataset]
    expected = min(batch_size, ROWS)
    assert sizes == [expected] * (ROWS // expected) == [expected] * int(dataset.cardinality())
    _inputs, targets, weights = passed(dataset)
    order = targets[:, 0].astype(int)
    assert len(set(order)) == len(order) and (np.diff(order) < 0).any()
    np.testing.assert_array_equal(weights, frame["weight"][order])


def test_rows_stay_together_when_shuffled(make, frame, encode):
    inputs, targets, _ = passed(make(Batching(64, shuffle=True)).dataset())
    rows, order = encode(frame), targets[:, 0].astype(int)
    np.testing.assert_array_equal(inputs["codes"], rows.codes[order])
    np.testing.assert_array_equal(inputs["values"], rows.values[order])


def test_an_epoch_is_the_same_however_it_is_reached(make, encode):
    batching = Batching(64, True, 7, Masking.of(encode.encoder))
    dataset = make(batching).dataset()
    first, second = passed(dataset), passed(dataset)
    again = passed(make(batching).dataset(1))
    assert (first[1] != second[1]).any()
    np.testing.assert_array_equal(second[1], again[1])
    np.testing.assert_array_equal(second[0]["codes"], again[0]["codes"])
    np.testing.assert_array_equal(second[0]["values"], again[0]["values"])
    assert (passed(make(Batching(64, True, 8)).dataset())[1] != first[1]).any()


def test_masking_hides_the_share_of_codes_and_of_flagged_values(make, frame, encode):
    masking = Masking(0.25, *list(vars(Masking.of(encode.encoder)).values())[1:])
    inputs, targets, _ = passed(make(Batching(64, True, 7, masking)).dataset())
    plain, order = encode(frame), targets[:, 0].astype(int)
    hidden = inputs["codes"] != plain.codes[order]
    assert hidden.mean() == pytest.approx(0.25, abs=0.03) and not inputs["codes"][hidden].any()
    known = plain.values[order, 1] == 0
    changed = inputs["values"][known, 1] == 1
    assert changed.mean() == pytest.approx(0.25, abs=0.03)
    np.testing.assert_allclose(inputs["values"][known, 0][changed], encode.encoder.encoded_fills[0])
    np.testing.assert_array_equal(inputs["values"][known][~changed], plain.values[order][known][~changed])


def test_views_that_are_not_for_training_are_not_masked(make, frame, encode):
    view = make(Batching(64, False, 7, Masking.of(encode.encoder)))
    np.testing.assert_array_equal(passed(view.dataset())[0]["codes"], encode(frame).codes)


def test_a_sample_has_different_rows(make):
    sample = make(Batching(64)).sample(300, seed=1)
    assert sample.count == 300 == len(set(sample.targets[:, 0]))
    assert make(Batching(64)).sample(10**6).count == ROWS


def test_a_stream_can_be_split(frame, encode, tmp_path):
    pytest.importorskip("pyarrow")
    frame.to_parquet(tmp_path / "table.parquet", row_group_size=400)
    source, split = FileParts(tmp_path / "table.parquet", list(frame)), FractionSplit(0.2, 1, ROWS)
    held = StreamView(source, encode, Batching(64), 500, split, validation=True).targets[:, 0]
    kept = StreamView(source, encode, Batching(64), 2000, split).targets[:, 0]
    np.testing.assert_array_equal(held, np.flatnonzero(split.mask(frame, 0)))
    assert sorted([*held, *kept]) == list(range(ROWS))


def test_a_pool_mixes_row_groups(frame, encode, tmp_path):
    pytest.importorskip("pyarrow")
    frame.to_parquet(tmp_path / "table.parquet", row_group_size=100)
    source = FileParts(tmp_path / "table.parquet", list(frame))
    view = StreamView(source, encode, Batching(50, shuffle=True), ROWS, shuffle_rows=1000)
    batch = next(iter(view.dataset()))
    assert len({int(row) // 100 for row in batch[1][:, 0].numpy()}) > 5


def test_streaming_needs_memory_for_the_pool_and_not_for_the_table(tmp_path):
    pytest.importorskip("pyarrow")
    rows = 600_000
    large = table(rows)
    large.to_parquet(tmp_path / "large.parquet", row_group_size=20_000)
    encoder = TableEncoder(["kind"], ["size"]).fit(large[:1000])
    encode = RowEncoder(encoder, Target(("row",), "regression"))
    del large
    source = FileParts(tmp_path / "large.parquet", encode.columns)
    view = StreamView(source, encode, Batching(128, shuffle=True), rows, shuffle_rows=2**15)
    tracemalloc.start()
    try:
        seen = sum(chunk.count for chunk, _ in view._chunks(0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seen == rows // 128 * 128
    assert peak < 6e6  # 600,000 encoded rows of 16 bytes are 9.6e6, and their frame four times that
