# %% Planet: progressive resizing 64 -> 128 -> 256, then test-time augmentation against the plain prediction
"""Usage: python benchmarks/planet.py DATA [--backbone NAME] [--weights FILE]

DATA holds train_v2.csv and train-jpg/. `--backbone mobilenet_v2 --weights FILE` takes MobileNetV2(alpha=0.35).
"""

import pathlib
import time
from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np

import kerasfast as kf

# size, cycles of the head, its rate, cycles of the network, its largest rate; every cycle twice as long as the last
STAGES = [(64, 3, 0.2, 3, 0.1), (128, 3, 0.2, 3, 0.1), (256, 3, 0.1, 3, 0.05)]


def run(
    folder: str, backbone: str | kf.Backbone, work: str, stages: Sequence[tuple] = STAGES, *, accelerate: bool = False
) -> dict[str, float]:
    """Return samples-F2 after each stage, plain and with TTA, the best constant's, and the seconds."""
    keras.utils.set_random_seed(42)
    begin = time.perf_counter()
    rows = len((pathlib.Path(folder) / "train_v2.csv").read_text().splitlines()) - 1
    data = kf.ImageData.from_csv(
        folder,
        "train_v2.csv",
        folder="train-jpg",
        suffix=".jpg",
        valid_indices=kf.validation_indices(rows),
        transforms=kf.transforms_top_down(stages[0][0], max_zoom=1.05),
    )
    data = replace(data, path=pathlib.Path(work))
    results, learn = {}, None
    for size, *plan in stages:
        started = time.perf_counter()
        sized = data.at_size(size).resize(int(size * 1.3), "tmp")
        if learn is None:
            learn = kf.ImageLearner.pretrained(
                backbone, sized, hidden=(512,), metrics=[kf.f2()], precompute=True, accelerate=accelerate
            )
        else:
            learn.set_data(sized, precompute=True)
        results[f"f2_{size}"] = train(learn, *plan)
        results[f"seconds_{size}"] = time.perf_counter() - started
    started = time.perf_counter()
    views, targets = learn.tta()
    results["tta_seconds"] = time.perf_counter() - started
    results["plain_f2"] = kf.best_threshold(targets, views[0], thresholds=THRESHOLDS)[1]
    results["tta_f2"] = kf.best_threshold(targets, views.mean(axis=0), thresholds=THRESHOLDS)[1]
    tags, _ = kf.best_constant(data.train.targets)
    results["constant_f2"] = kf.fbeta_score(targets, np.tile(tags, (len(targets), 1)))
    results["total_seconds"] = time.perf_counter() - begin
    return results


THRESHOLDS = np.arange(0.17, 0.24, 0.01)  # the course's grid


def train(learn: kf.ImageLearner, head_cycles: int, head_rate: float, cycles: int, rate: float) -> float:
    """Train the head on stored activations, then the whole network; return the last validation F2."""
    learn.fit(head_rate, head_cycles, cycle_len=1, cycle_mult=2)
    learn.precompute = False
    learn.unfreeze()
    return learn.fit([rate / 9, rate / 3, rate], cycles, cycle_len=1, cycle_mult=2).history["val_f2"][-1]


# %%
if __name__ == "__main__":
    from command import main

    application = keras.applications.MobileNetV2
    main(__doc__, run, {"mobilenet_v2": lambda file: kf.Backbone.from_keras(application, alpha=0.35, weights=file)})
