# %% How the cost of tables grows: with the number of rows, in memory and streamed, and with the batch
"""Usage: python benchmarks/scaling_tables.py [--rows 100000 1000000 10000000] [--batches 64 128 512 2048 8192]

Tables of random numbers in parquet, 12 categorical and 8 continuous columns in row groups of 100,000, from the file to
a trained epoch. Each line is a process of its own:

- data s: reading and learning the columns; a streamed table stays on disk, any other goes into memory as a whole;
- first step s: making the learner, tracing and the first steps;
- feeding: an epoch's batches without training, and then an epoch of training; CPU time is that of all threads;
- peak MiB: the largest memory above what the imports need.
"""

import argparse
import json
import pathlib
import sys
import tempfile
import time

GROUP = 100_000
CATEGORICAL, CONTINUOUS = [f"c{i}" for i in range(12)], [f"v{i}" for i in range(8)]
HEADINGS = [
    "rows", "batch", "table", "file MiB", "data s", "first step s", "feeding cpu us/row", "epoch s", "epoch cpu us/row",
    "rows/s", "peak MiB",
]  # fmt: skip


def write_table(path: pathlib.Path, rows: int) -> None:
    """Write random rows, a row group at a time."""
    import numpy as np
    import pyarrow
    import pyarrow.parquet

    random, writer = np.random.default_rng(0), None
    for first in range(0, rows, GROUP):
        size = min(GROUP, rows - first)
        columns = {name: random.integers(0, 50 * (i + 1), size) for i, name in enumerate(CATEGORICAL)}
        columns |= {name: random.normal(size=size) for name in [*CONTINUOUS, "y"]}
        table = pyarrow.table(columns)
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def measure(path: str, batch: int, streamed: bool, hidden: list[int], repeats: int) -> dict[str, float]:
    """Return what one table costs from the file to a trained epoch, in seconds, rows and MiB."""
    import keras
    import pandas as pd
    import tensorflow as tf
    from timing import cost, median, peak_mib

    import kerasfast as kf

    kf.TableData, kf.TableLearner, tf.constant(0)  # imported when first named
    imports, begin = peak_mib(), time.perf_counter()
    columns = {"categorical": CATEGORICAL, "continuous": CONTINUOUS, "valid_fraction": 0, "batch_size": batch}
    if streamed:
        data = kf.TableData.from_files(path, "y", **columns)
    else:
        data = kf.TableData.from_frame(pd.read_parquet(path), "y", **columns)
    made = time.perf_counter()
    learn = kf.TableLearner.entity_embeddings(data, hidden, metrics=[])
    stop = lambda batch, logs: setattr(learn.model, "stop_training", True)
    learn.fit(1e-3, 1, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=stop)])
    begun = time.perf_counter()
    batches = data.train.dataset()
    feeding = cost(lambda: [None for _ in batches])
    epoch = median([cost(lambda: learn.fit(1e-3, 1)) for _ in range(repeats)])
    rows = int(data.train.dataset().cardinality()) * min(batch, len(data.train))
    return {
        "rows": rows, "data": made - begin, "first": begun - made, "feeding": feeding.processor,
        "epoch": epoch.clock, "processor": epoch.processor, "mib": peak_mib() - imports,
    }  # fmt: skip


def print_line(path: pathlib.Path, rows: int, batch: int, streamed: bool, hidden: list[int], repeats: int) -> None:
    """Measure in a process of its own."""
    from timing import ask

    options = ["--measure", path, "--batches", batch, "--hidden", *hidden, "--repeats", repeats]
    found = ask(sys.executable, __file__, *options, *(["--streamed"] if streamed else []))
    micro = lambda seconds: f"{seconds / found['rows'] * 1e6:.3g}"
    cells = [
        f"{rows:,}", batch, "streamed" if streamed else "in memory", f"{path.stat().st_size / 2**20:.0f}",
        f"{found['data']:.1f}", f"{found['first']:.1f}", micro(found["feeding"]), f"{found['epoch']:.1f}",
        micro(found["processor"]), f"{found['rows'] / found['epoch']:,.0f}", f"{found['mib']:.0f}",
    ]  # fmt: skip
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--in-memory", type=int, default=1_000_000, help="the most rows that are not only streamed")
    parser.add_argument("--batches", type=int, nargs="*", default=[64, 128, 512, 2048, 8192])
    parser.add_argument("--batch-rows", type=int, default=100_000, help="rows of the table cut into these batches")
    parser.add_argument("--hidden", type=int, nargs="+", default=[200, 100])
    parser.add_argument("--repeats", type=int, default=3, help="epochs of which the median counts, by batch")
    parser.add_argument("--measure", help="measure one table in this process, as JSON")
    parser.add_argument("--streamed", action="store_true", help="with --measure")
    options = parser.parse_args()
    if options.measure:
        settings = options.batches[0], options.streamed, options.hidden, options.repeats
        print(json.dumps(measure(options.measure, *settings)))
        sys.exit()
    from timing import print_versions

    print_versions(("tensorflow", "keras", "numpy", "pandas", "pyarrow"))
    with tempfile.TemporaryDirectory() as work:
        path = pathlib.Path(work) / "table.parquet"
        print(f"\n| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}")
        for rows in options.rows:
            write_table(path, rows)
            for streamed in (False, True) if rows <= options.in_memory else (True,):
                print_line(path, rows, 128, streamed, options.hidden, 1)
        write_table(path, options.batch_rows)
        for batch in options.batches:
            print_line(path, options.batch_rows, batch, False, options.hidden, options.repeats)
