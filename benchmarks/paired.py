# %% Two checkouts of kerasfast, one against the other: the same work in turn, one process each
"""Usage: python benchmarks/paired.py EARLIER [--repeats 7] [--only pictures ...]

EARLIER is a checkout of another commit (`git worktree add EARLIER 350cd98`). One process imports it, one this checkout,
and they work in turn, so that both see the machine as it is. A figure is the median over the rounds, its ratio that of
the pairs. Processor time counts all threads; it says something on a busy machine too.
"""

import argparse
import contextlib
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable

HERE = pathlib.Path(__file__).resolve().parents[1]
WORK = {
    "convnet": "ten steps of 64 of `Learner.fit`, MobileNet(alpha=0.25) at 64",
    "head": "200 steps of a head on 64 stored activations",
    "first fit": "a new `Learner`: groups, compile, trace, one epoch of two steps",
    "finder": "`lr_find` over 40 steps of a small network",
    "pictures": "256 JPEGs of 500 x 375 to augmented batches at 224",
    "table": "an epoch of 20,000 rows, 22 columns with vectors and 18 numbers",
    "encoding": "20,000 rows of a data frame with text, dates and numbers to codes and values",
}


def jobs(folder: pathlib.Path) -> dict[str, Callable[[], object]]:
    """Return what is timed, prepared; written so that either checkout understands it."""
    import keras
    import numpy as np
    import pandas as pd
    import tables
    from training_step import batches, convnet, head, learner_epoch, rows

    import kerasfast as kf

    random = np.random.default_rng(0)

    def small_learner() -> kf.Learner:
        layers = [keras.layers.Dense(32, "relu"), keras.layers.BatchNormalization(), keras.layers.Dense(10, "softmax")]
        model = keras.Sequential([keras.Input((64,)), *layers])
        few = batches(*rows((64,), 128))
        return kf.Learner(model, kf.Datasets(few, few), loss="sparse_categorical_crossentropy", metrics=["accuracy"])

    transforms = kf.transforms_side_on(224, max_zoom=1.1)
    pictures = kf.ImageData.from_folders(folder, transforms=transforms, batch_size=64).train
    days = pd.Timestamp("2015-01-01") + pd.to_timedelta(random.integers(0, 900, 20_000), "D")
    frame = pd.DataFrame(
        {"shop": random.integers(0, 500, 20_000).astype(str), "day": days, "sales": random.random(20_000)}
    )
    frame["distance"] = np.where(random.random(20_000) < 0.1, np.nan, random.random(20_000))
    found = small_learner()
    return {
        "convnet": learner_epoch(convnet(64), batches(*rows((64, 64, 3), 640))),
        "head": learner_epoch(head(1024), batches(*rows((1024,), 64 * 200))),
        "first fit": lambda: small_learner().fit(0.01, 1),
        "finder": lambda: found.lr_find(steps=40),
        "pictures": lambda: sum(len(batch[1]) for batch in pictures.dataset(1)),
        "table": tables.kerasfast_epoch(20_000, [200, 100]),
        "encoding": lambda: kf.TableEncoder(["shop", "day"], ["distance"]).fit(frame).transform(frame),
    }


def work(folder: pathlib.Path) -> None:
    """Do each job that standard input names, and print its cost."""
    answers = os.fdopen(os.dup(1), "w")
    with contextlib.redirect_stdout(io.StringIO()):
        from timing import cost

        from kerasfast.version import __file__ as file

        ready = jobs(folder)
        print(json.dumps(str(pathlib.Path(file).parents[1])), file=answers, flush=True)
        for line in sys.stdin:
            found = cost(ready[line.strip()])
            print(json.dumps([found.processor, found.clock]), file=answers, flush=True)


def started(checkout: pathlib.Path, folder: pathlib.Path) -> subprocess.Popen:
    command = [sys.executable, __file__, str(folder), "--work"]
    environment = os.environ | {"PYTHONPATH": str(checkout), "TF_CPP_MIN_LOG_LEVEL": "2"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, text=True, env=environment, **pipes)
    answer = process.stdout.readline()
    if not answer or pathlib.Path(json.loads(answer)) != checkout:
        raise SystemExit(f"{checkout} could not be imported, or another kerasfast was; received {answer!r}.")
    return process


def asked(process: subprocess.Popen, job: str) -> list[float]:
    print(job, file=process.stdin, flush=True)
    return json.loads(process.stdout.readline())


def write_pictures(folder: pathlib.Path) -> None:
    import numpy as np
    from PIL import Image

    for index in range(256):
        coarse = np.random.default_rng(index).integers(0, 256, (12, 16, 3), np.uint8)
        for split in ("train", "valid")[: 2 if index < 4 else 1]:
            target = folder / split / "ab"[index % 2] / f"{index}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC).save(target, quality=92)


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("earlier", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", nargs="+", choices=WORK, default=list(WORK), metavar="JOB", help=", ".join(WORK))
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.earlier)
        raise SystemExit
    from timing import print_versions

    print_versions()
    print("\n| processor ms | before | now | now / before, median (least, most) |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        write_pictures(pathlib.Path(temporary))
        sides = [started(checkout, pathlib.Path(temporary)) for checkout in (options.earlier.resolve(), HERE)]
        for job, title in ((job, WORK[job]) for job in options.only):
            rounds = [[asked(side, job)[0] * 1e3 for side in sides] for _ in range(options.repeats + 1)][1:]
            before, now = (statistics.median(costs) for costs in zip(*rounds, strict=True))
            ratios = sorted(now / before for before, now in rounds)
            spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}, {ratios[-1]:.2f})"
            print(f"| {title} | {before:.4g} | {now:.4g} | {spread} |", flush=True)
        for side in sides:
            side.stdin.close()
            side.wait()
