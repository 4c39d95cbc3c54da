"""Memory and speed of tables streamed from parquet, against the number of rows: learning the columns and one epoch's batches.

    python benchmarks/streaming.py [--rows 100000 1000000 5000000]

Each size runs in a process of its own; memory is the peak above what the imports need. Nothing is trained.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

GROUP = 100_000
CATEGORICAL, CONTINUOUS = [f"c{i}" for i in range(12)], [f"v{i}" for i in range(8)]


def write_table(path: pathlib.Path, rows: int) -> None:
    """Write random rows, a row group at a time."""
    import numpy as np
    import pyarrow
    import pyarrow.parquet

    random, writer = np.random.default_rng(0), None
    for _ in range(0, rows, GROUP):
        columns = {name: random.integers(0, 50 * (i + 1), GROUP) for i, name in enumerate(CATEGORICAL)}
        columns |= {name: random.normal(size=GROUP) for name in [*CONTINUOUS, "y"]}
        table = pyarrow.table(columns)
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def measure(path: str) -> dict[str, float]:
    """Return what one pass to learn and one epoch need."""
    import tensorflow as tf

    import kerasfast as kf

    tf.constant(0)
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    imports, start = peak(), time.perf_counter()
    data = kf.TableData.from_files(path, "y", categorical=CATEGORICAL, continuous=CONTINUOUS, valid_fraction=0)
    learned = time.perf_counter()
    rows = sum(int(batch[1].shape[0]) for batch in data.train.dataset())
    return {"rows": rows, "learn": learned - start, "epoch": time.perf_counter() - learned, "mib": peak() - imports}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 5_000_000])
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    print(f"{'rows':>12}{'file MiB':>10}{'peak MiB':>10}{'learn s':>10}{'epoch s':>10}{'rows/s':>12}")
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "table.parquet"
            write_table(path, rows)
            command = [sys.executable, __file__, "--measure", str(path)]
            found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            size = path.stat().st_size / 2**20
        speed = found["rows"] / found["epoch"]
        print(f"{rows:12,}{size:10.0f}{found['mib']:10.0f}{found['learn']:10.1f}{found['epoch']:10.1f}{speed:12,.0f}")


if __name__ == "__main__":
    main()
