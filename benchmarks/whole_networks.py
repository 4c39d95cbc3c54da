# %% What `fine_tune()` and test-time augmentation add to a solved head
"""Usage: python benchmarks/whole_networks.py [SET ...] [--backbones NAME,...] [--seeds 0,1] [--sides 64] [--minutes N]

README's three lines on small pictures of the sets of `accuracy.py`: `fit_head()`, `fine_tune()`, `tta()`, beside a
logistic regression on the average-pooled features of the same network. Predictions go to a file per run at once (with
those of every epoch, by which rules of choice are judged as in `fine_tuning.py`); an interrupted run goes on. Needs
`KERASFAST_DATA` and `KERASFAST_WEIGHTS` as `accuracy.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import time
from pathlib import Path

for variable, value in {"TF_CPP_MIN_LOG_LEVEL": "2", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}.items():
    os.environ.setdefault(variable, value)

import keras
import numpy as np
from accuracy_kerasfast import backbone, picture_data
from accuracy_peers import PICTURE_PEERS
from accuracy_pictures import lay_out
from fine_tuning import RULES, gains, quality

import kerasfast as kf
from kerasfast.vision.fitting.features import compute_features

SETS = ("dogscats_30", "dogscats_200", "breeds", "silhouettes", "digit_pictures", "planet")
BACKBONES = ("mobilenet_0.25", "mobilenet_v2_0.35", "efficientnet_lite0")
STAGES = ("logistic", "head", "fine_tune", "last epoch", "head, TTA", "TTA")


def run(name: str, network: str, seed: int, size: int, work: Path) -> dict[str, np.ndarray | float]:
    """Predictions (n, classes) of the validation pictures by stage, of all epochs, targets and seconds."""
    data = picture_data(lay_out(name, seed, work), seed).at_size(size).in_memory()
    keras.utils.set_random_seed(seed)
    learn, found = kf.ImageLearner.pretrained(backbone(network), data, path=work / "learners" / f"{name}-{seed}"), {}
    rows = [compute_features(learn.network.features, view) for view in (data.fixed, data.valid)]
    known, unseen = (values[:, values.shape[1] // 2 :] for values in rows)  # averages come after maxima
    found["logistic"] = PICTURE_PEERS["logistic"](known, data.fixed.targets, unseen, seed)
    learn.fit_head()
    found["head"], found["head, TTA"] = learn.predict(), learn.tta()[0].mean(axis=0)
    epochs = [found["head"]]
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(learn.predict()))
    started = time.perf_counter()
    learn.fine_tune(head_first=False, callbacks=[watch])
    found |= {"seconds": time.perf_counter() - started, "fine_tune": learn.predict(), "last epoch": epochs[-1]}
    return found | {"TTA": learn.tta()[0].mean(axis=0), "epochs": np.array(epochs), "targets": data.valid.targets}


def scores(found: dict[str, np.ndarray]) -> dict[str, float]:
    """Accuracy of classes, F2 of tags, by stage."""
    targets = found["targets"]
    one_hot = np.eye(found["head"].shape[1])
    rows = {name: found[name] for name in STAGES}
    return {name: quality(targets, one_hot[row] if row.ndim < 2 else row) for name, row in rows.items()}


def show(every: dict[tuple[str, str], list[dict[str, np.ndarray]]]) -> None:
    """Print a row of mean scores for each set and network, and what rules of choice gain on rows that made none."""
    print(f"\n| set, network (seeds) | {' | '.join(STAGES)} | seconds |\n|---{'|---' * (len(STAGES) + 1)}|")
    for (name, network), several in every.items():
        means = {stage: np.mean([scores(found)[stage] for found in several]) for stage in STAGES}
        seconds = np.mean([found["seconds"] for found in several])
        cells = " | ".join(f"{means[stage]:.4f}" for stage in STAGES)
        print(f"| {name}, {network} ({len(several)}) | {cells} | {seconds:.0f} |")
    runs = [found for several in every.values() for found in several]
    by_run = [scores(found) for found in runs]
    for stage in STAGES[2:]:
        for other in ("head", "logistic"):
            gain = np.array([row[stage] - row[other] for row in by_run])
            better, even, worse = np.sum(gain > 0.005), np.sum(np.abs(gain) <= 0.005), np.sum(gain < -0.005)
            print(f"{stage} - {other}: mean {gain.mean():+.4f}, worst {gain.min():+.4f}; {better} {even} {worse}")
    judged = [gains(found["epochs"], found["targets"]) for found in runs]
    for rule in RULES:
        values = [one[rule] for one in judged]
        print(f"{rule}: mean {np.mean(values):+.4f}, worst {np.min(values):+.4f}")


def main(options: argparse.Namespace) -> None:
    """Run what is not in the folder yet, while there is time, and print the table."""
    options.out.mkdir(parents=True, exist_ok=True)
    end, every = time.perf_counter() + 60 * options.minutes, {}
    for seed in options.seeds:
        for name in options.sets or SETS:
            for network in options.backbones:
                file = options.out / f"{name}-{network}-{seed}-{options.size}.npz"
                if not file.exists() and time.perf_counter() < end:
                    with contextlib.redirect_stdout(io.StringIO()):
                        found = run(name, network, seed, options.size, options.work)
                    np.savez(file, **found)
                    values = " ".join(f"{stage} {value:.3f}" for stage, value in scores(found).items())
                    print(name, network, seed, values, f"{found['seconds']:.0f} s", flush=True)
                    keras.utils.clear_session()
                if file.exists():
                    every.setdefault((name, network), []).append(dict(np.load(file)))
    if every:
        show(every)


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = lambda text: [word.strip() for word in text.split(",") if word.strip()]
    parser.add_argument(
        "sets", nargs="*", metavar="SET", help=f"of those of `accuracy.py`; by default {', '.join(SETS)}"
    )
    parser.add_argument("--backbones", type=words, default=list(BACKBONES))
    parser.add_argument("--seeds", type=lambda text: [int(word) for word in words(text)], default=[0, 1])
    parser.add_argument("--size", type=int, default=64, help="pixels a side")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin no further run after so many")
    parser.add_argument("--out", type=Path, default=Path("whole-networks"), help="where predictions are kept")
    parser.add_argument("--work", type=Path, default=Path("accuracy-pictures"), help="where pictures are laid out")
    main(parser.parse_args())
