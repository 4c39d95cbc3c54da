# %% What `fit(resume=True)` costs: the same fits with and without it, in turn
"""Usage: python benchmarks/resuming.py [--repeats 5] [--only head network table]

Each contender is one learner that fits again and again, without and with `resume=True`, so that both see the machine as
it is; a ratio is that of a pair. Its state goes to a temporary folder. Processor time counts all threads.
"""

import argparse
import contextlib
import io
import pathlib
import statistics
import tempfile
from collections.abc import Callable

import keras
import tables
from timing import cost, print_versions
from training_step import batches, convnet, head, rows

import kerasfast as kf


def image_learner(model: keras.Model, shape: tuple[int, ...], count: int, folder: str, **options) -> kf.Learner:
    """Return a learner on random batches of 64."""
    data = kf.Datasets(batches(*rows(shape, count)))
    return kf.Learner(model, data, loss="sparse_categorical_crossentropy", metrics=["accuracy"], path=folder, **options)


def table_learner(count: int, folder: str) -> kf.TableLearner:
    """Return a learner of a table with 22 columns of codes and 18 of numbers."""
    data = kf.TableData.from_arrays(
        *tables.table(count), valid_fraction=0, cardinalities=tables.CARDINALITIES, batch_size=tables.BATCH
    )
    return kf.TableLearner.entity_embeddings(data, [1000, 500], metrics=[], path=folder)


def pair(learn: kf.Learner, epochs: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return a fit that keeps nothing and one that keeps its state."""

    def fit(resume: bool) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            learn.fit(1e-3, 1, cycle_len=epochs, resume=resume)

    return lambda: fit(False), lambda: fit(True)


def head_pair(folder: str) -> tuple[Callable[[], object], Callable[[], object]]:
    return pair(image_learner(head(1024), (1024,), 12_800, folder, steps_per_execution=32), 20)


def network_pair(folder: str) -> tuple[Callable[[], object], Callable[[], object]]:
    return pair(image_learner(convnet(64), (64, 64, 3), 1_280, folder), 4)


def table_pair(folder: str) -> tuple[Callable[[], object], Callable[[], object]]:
    return pair(table_learner(50_000, folder), 4)


CONTENDERS = {
    "head": ("a head on 12,800 stored activations, 20 epochs", head_pair),
    "network": ("all layers of MobileNet(alpha=0.25) at 64, 1,280 pictures, 4 epochs", network_pair),
    "table": ("a table of 50,000 rows, [1000, 500], 4 epochs", table_pair),
}


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    print_versions()
    print("\n| | without s | files written | processor, median (least, most) | clock, median (least, most) |")
    print("|---|---|---|---|---|")
    for title, make in (CONTENDERS[name] for name in options.only):
        with tempfile.TemporaryDirectory() as folder:
            plain, kept = make(folder)
            rounds = [(cost(plain), cost(kept)) for _ in range(options.repeats + 1)][1:]
            written = len(list(pathlib.Path(folder).rglob("*.resume.npz")))
        cells = [f"{statistics.median(one.clock for one, _ in rounds):.3g}", str(written)]
        for kind in ("processor", "clock"):
            ratios = sorted(getattr(with_, kind) / getattr(without, kind) for without, with_ in rounds)
            cells.append(f"{statistics.median(ratios):.3f} ({ratios[0]:.3f}, {ratios[-1]:.3f})")
        print(f"| {title} | {' | '.join(cells)} |", flush=True)
