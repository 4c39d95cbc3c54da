# %% What fine-tuning does to statistics and scores
"""Usage: python benchmarks/fine_tuning.py [SET ...] [--backbone NAME] [--seed N] [--out DIR] [--work DIR]

Trains whole networks from a solved head with the statistics of BatchNormalization held, moving, re-estimated at the end
or adapted before, keeps the validation predictions of every epoch in `--out`, and judges rules of choice on the halves
of the validation sets that made no choice. Needs `KERASFAST_DATA` and `KERASFAST_WEIGHTS` as `accuracy.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from accuracy_kerasfast import backbone, picture_data
from accuracy_pictures import lay_out
from accuracy_scores import score

import kerasfast as kf
from kerasfast.training.averaging import estimate_statistics
from kerasfast.vision.fitting.fine_tuning import epochs_of, group_rates

SETS = {"breeds": 96, "dogscats_200": 96, "dogscats_30": 96, "planet": 96, "silhouettes": 64}  # pixels a side
VARIANTS = {"held 3e-4": 3e-4, "held 1e-3": 1e-3, "moving 3e-4": 3e-4, "adapted 3e-4": 3e-4}
DIVISIONS = 200


# %% Training
def predictions(name: str, size: int, variant: str, options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Predictions (1 + epochs, n, classes) of the validation set and its targets; the first are those of the start."""
    pictures = lay_out(name, options.seed, options.work)
    data = picture_data(pictures, options.seed).at_size(size).in_memory()
    keras.utils.set_random_seed(options.seed)
    learn = kf.ImageLearner.pretrained(backbone(options.backbone), data, optimizer=keras.optimizers.Adam)
    learn.fit_head()
    found = [learn.predict()]
    inputs = lambda: (pixels for pixels, _ in data.train.dataset())
    if variant.startswith("adapted"):
        learn.unfreeze()
        estimate_statistics(learn.network.features, inputs())
        learn.freeze()
        learn.fit_head()
    learn.unfreeze()
    learn.bn_freeze(not variant.startswith("moving"))
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: found.append(learn.predict()))
    epochs = epochs_of(int(data.train.dataset().cardinality()))
    learn.fit_one_cycle(group_rates(VARIANTS[variant], 3), epochs, callbacks=[keep])
    if variant.startswith("moving"):
        estimate_statistics(learn.network.features, inputs())
        found.append(learn.predict())
    return np.array(found), data.valid.targets


# %% Rules of choice
def losses(targets: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The loss of each row (n,)."""
    found = np.clip(found, 1e-7, 1 - 1e-7)
    if targets.ndim == 1:
        return -np.log(found[np.arange(len(targets)), targets])
    return -np.mean(targets * np.log(found) + (1 - targets) * np.log(1 - found), axis=1)


def quality(targets: np.ndarray, found: np.ndarray) -> float:
    """Accuracy of classes, F2 of tags."""
    return score("accuracy", targets, found.argmax(1)) if targets.ndim == 1 else score("f2", targets, found)


def no_worse(metrics: np.ndarray, means: np.ndarray, margin: float) -> int:
    """The lowest loss, lower than the start's by a margin, whose metric is no worse than the start's."""
    good = [i for i in range(1, len(means)) if means[i] <= means[0] * (1 - margin) and metrics[i] >= metrics[0]]
    return min(good, key=lambda i: means[i], default=0)


RULES: dict[str, Callable[[np.ndarray, np.ndarray], int]] = {
    "the last epoch": lambda metrics, means: len(means) - 1,
    "the best metric": lambda metrics, means: max(range(len(means)), key=lambda i: (metrics[i], -means[i])),
    "the lowest loss": lambda metrics, means: int(np.argmin(means)),
    "the lowest loss, metric no worse": lambda metrics, means: no_worse(metrics, means, 0.0),
    "the same, lower by a twentieth": lambda metrics, means: no_worse(metrics, means, 0.05),
}


def gains(found: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """The mean gain over the start on the half that made no choice, by the rule."""
    random, every = np.random.default_rng(0), np.array([losses(targets, one) for one in found])
    totals = dict.fromkeys(RULES, 0.0)
    for _ in range(DIVISIONS):
        order = random.permutation(len(targets))
        first, second = np.array_split(order, 2)
        metrics = [np.array([quality(targets[half], one[half]) for one in found]) for half in (first, second)]
        for name, rule in RULES.items():
            chosen = rule(metrics[0], every[:, first].mean(axis=1))
            totals[name] += (metrics[1][chosen] - metrics[1][0]) / DIVISIONS
    return totals


# %% The runs
def main(options: argparse.Namespace) -> None:
    """Train what is not in the folder yet and print the tables."""
    options.out.mkdir(parents=True, exist_ok=True)
    judged: dict[str, list[dict[str, float]]] = {variant: [] for variant in VARIANTS}
    for name in options.sets or SETS:
        for variant in VARIANTS:
            file = options.out / f"{name}-{options.backbone}-{options.seed}-{variant.replace(' ', '-')}.npz"
            if not file.exists():
                with contextlib.redirect_stdout(io.StringIO()):
                    found, targets = predictions(name, SETS[name], variant, options)
                np.savez(file, predictions=found, targets=targets)
                keras.utils.clear_session()
            found, targets = (np.load(file)[part] for part in ("predictions", "targets"))
            print(name, variant, *(f"{quality(targets, one):.3f}" for one in found), flush=True)
            judged[variant].append(gains(found, targets))
    for variant, several in judged.items():
        for rule in RULES:
            values = [one[rule] for one in several]
            print(f"{variant}, {rule}: mean {np.mean(values):+.4f}, worst {np.min(values):+.4f}")


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}")
    parser.add_argument("--backbone", default="mobilenet_v2_0.35")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("fine-tuning"), help="where predictions are kept")
    parser.add_argument("--work", type=Path, default=Path("accuracy-pictures"), help="where pictures are laid out")
    main(parser.parse_args())
