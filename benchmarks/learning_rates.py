# %% Whether the suggested learning rate can be trusted
"""Usage: python benchmarks/learning_rates.py [TASK ...] [--results FILE] [--work DIR]

For each task the validation loss of a fit at the rates of the finder, beside the best of nine rates, half a decade
apart. Tables are those of `accuracy_sets.py`; heads learn from the features that `accuracy.py` keeps in its `--work`
folder and are left out without them. Results go to a file of JSON lines at once; an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from accuracy_sets import TABLES

import kerasfast as kf
from kerasfast.vision.fitting.features import FeatureView
from kerasfast.vision.networks.heads import head_layers

RATES = np.geomspace(10**-3.5, 10**0.5, 9)
MOST_ROWS = 4000
Make = Callable[[], kf.Learner]


# %% The tasks: a learner, made anew with the same weights, and the epochs of its fit
def head(pictures: str, backbone: str, rows: int | None, hidden: tuple[int, ...], adam: bool, work: Path) -> Make:
    """A head on stored features."""
    stored = dict(np.load(work / f"{pictures}-0" / f"pooled-{backbone}.npz"))
    chosen = np.random.default_rng(0).permutation(len(stored["train"]))[:rows]
    targets = {name: stored[f"{name}_targets"] for name in ("train", "valid")}
    several = targets["train"].ndim == 2
    units = targets["train"].shape[1] if several else int(targets["train"].max()) + 1

    def make() -> kf.Learner:
        keras.utils.set_random_seed(1)
        x = inputs = keras.Input(stored["train"].shape[1:])
        for layer in head_layers(units, activation="sigmoid" if several else "softmax", hidden=hidden):
            x = layer(x)
        train = FeatureView(stored["train"][chosen], targets["train"][chosen], 64, shuffle=True)
        data = kf.Datasets(train, FeatureView(stored["valid"], targets["valid"], 256))
        loss = "binary_crossentropy" if several else "sparse_categorical_crossentropy"
        optimizer = keras.optimizers.Adam if adam else lambda: keras.optimizers.SGD(momentum=0.9)
        steps = min(32, max(1, len(chosen) // 64))
        return kf.Learner(keras.Model(inputs, x), data, loss=loss, optimizer=optimizer, steps_per_execution=steps)

    return make


def table(name: str) -> Make:
    """The lesson's kind of network, small, on a table."""
    task = TABLES[name]()
    train, test = task.split(0, MOST_ROWS)
    rows = pd.concat([train, test.head(MOST_ROWS // 2)], ignore_index=True)

    def make() -> kf.Learner:
        keras.utils.set_random_seed(1)
        data = kf.TableData.from_frame(
            rows, task.target, categorical=task.categorical, continuous=task.continuous,
            target_kind="regression" if task.kind == "regression" else "single",
            valid_indices=np.arange(len(train), len(rows)),
        )  # fmt: skip
        return kf.TableLearner.entity_embeddings(data, [200, 100])

    return make


LITE, MOBILE = "efficientnet_lite0", "mobilenet_v2_0.35"
HEADS = {
    "dogs and cats, 30": (("dogscats_30", LITE, None, (), False), 8),
    "dogs and cats, 200": (("dogscats_200", MOBILE, None, (), False), 5),
    "breeds": (("breeds", LITE, None, (), False), 5),
    "digit pictures, 100, [512]": (("digit_pictures", MOBILE, 100, (512,), False), 5),
    "silhouettes, [512], Adam": (("silhouettes", MOBILE, None, (512,), True), 5),
    "planet": (("planet", MOBILE, None, (), False), 5),
    "planet, [128]": (("planet", LITE, None, (128,), False), 3),
    "drawn tiles, Adam": (("drawn_tiles", MOBILE, None, (), True), 5),
}
EPOCHS = {
    "diabetes": 10, "breast_cancer": 3, "concrete": 5, "titanic": 5, "digits": 3, "wine": 10, "penguins": 5,
    "sacramento": 5, "churn": 3, "credit": 3,
}  # fmt: skip


# %% The comparison
def measured(make: Make, epochs: int) -> dict[str, float]:
    """Losses at the finder's rates and the best of the sweep, with their rates, and seconds."""
    learn = make()
    learn.lr_find(trials=False, steps=10)  # compiles
    start = [variable.numpy() for variable in (*learn.model.variables, *learn.model.optimizer.variables)]

    def loss_at(rate: float) -> float:
        keras.utils.set_random_seed(7)
        for variable, value in zip((*learn.model.variables, *learn.model.optimizer.variables), start, strict=True):
            variable.assign(value)
        found = learn.fit(rate, 1, cycle_len=epochs).history["val_loss"][-1]
        return float(found) if np.isfinite(found) else float("inf")

    sweep = {float(rate): loss_at(rate) for rate in RATES}
    best = min(sweep, key=sweep.get)
    found = {"steps": len(learn.recorder.losses), "best_rate": best, "best_loss": sweep[best]}
    for name, options in {"guess": {"trials": False}, "known": {"epochs": epochs}, "default": {}}.items():
        loss_at(1e-6)
        started = time.perf_counter()
        rate = learn.lr_find(**options).suggestion
        found |= {f"{name}_seconds": time.perf_counter() - started, f"{name}_rate": rate, f"{name}_loss": loss_at(rate)}
    return found


def line(record: dict) -> str:
    """A row of the table."""
    cells = [f"{record['task']} ({record['epochs']} epochs, {record['steps']} steps)", f"{record['best_rate']:.1e}"]
    for name in ("guess", "known", "default"):
        worse = record[f"{name}_loss"] / record["best_loss"] - 1
        cells.append(f"{record[f'{name}_rate']:.1e}, {worse:+.0%}")
    return f"| {' | '.join(cells)} |"


def main(options: argparse.Namespace) -> None:
    """Run what is not in the file yet and print the table."""
    lines = options.results.read_text().splitlines() if options.results.exists() else []
    records = {record["task"]: record for record in map(json.loads, lines)}
    for name in options.tasks or [*EPOCHS, *HEADS]:
        if name in records:
            continue
        try:
            make = head(*HEADS[name][0], options.work) if name in HEADS else table(name)
        except FileNotFoundError as error:
            print(f"{name} is left out: {error}", flush=True)
            continue
        epochs = HEADS[name][1] if name in HEADS else EPOCHS[name]
        with contextlib.redirect_stdout(io.StringIO()):
            records[name] = {"task": name, "epochs": epochs, **measured(make, epochs)}
        with options.results.open("a") as file:
            file.write(json.dumps(records[name]) + "\n")
        print(line(records[name]), flush=True)
        keras.utils.clear_session()
    for name in ("guess", "known", "default"):
        worse = np.array([record[f"{name}_loss"] / record["best_loss"] - 1 for record in records.values()])
        print(f"{name}: median {np.median(worse):+.1%}, worst {worse.max():+.0%}, {np.sum(worse > 0.1)} over 10%")


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"of {', '.join([*EPOCHS, *HEADS])}")
    parser.add_argument("--results", type=Path, default=Path("learning-rates.jsonl"))
    parser.add_argument("--work", type=Path, default=Path("accuracy-pictures"), help="of `accuracy.py`")
    main(parser.parse_args())
