"""kerasfast's side of `accuracy.py`: README's lines with their defaults, nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from accuracy_pictures import Pictures
from accuracy_sets import Table

import kerasfast as kf


def table(task: Table, train: pd.DataFrame, test: pd.DataFrame, seed: int) -> np.ndarray:
    """README, Tables: an ensemble, trained for as long as it helps. The test rows are not seen before the end."""
    kind = "regression" if task.kind == "regression" else "single"
    keras.utils.set_random_seed(seed)
    data = kf.TableData.from_frame(
        train, task.target, categorical=task.categorical, continuous=task.continuous, log=task.log, target_kind=kind,
        valid_fraction=0, seed=seed,
    )  # fmt: skip
    learn = kf.TableLearner.ensemble(data)
    learn.train(seed=seed)
    return table_answers(task, learn.predict_frame(test))


def table_answers(task: Table, found: pd.DataFrame) -> np.ndarray:
    """What `predict_frame` gave, as the comparison wants it."""
    if task.kind == "regression":
        return found[task.target].to_numpy()
    if task.kind == "yes_no":
        return found[1 if 1 in found else "1"].to_numpy()
    return found.columns[found.to_numpy().argmax(axis=1)].to_numpy().astype(str)


def picture_data(pictures: Pictures, seed: int) -> kf.ImageData:
    """The pictures as README reads them, at a size that suits the set."""
    seen = kf.transforms_side_on if pictures.seen_from == "side" else kf.transforms_top_down
    zoom = 1.1 if pictures.seen_from == "side" else 1.05
    transforms = seen(pictures.size, max_zoom=zoom)
    if pictures.kind == "classes":
        return kf.ImageData.from_folders(pictures.root, transforms=transforms, seed=seed)
    return kf.ImageData.from_csv(
        pictures.root, "tags.csv", folder=pictures.folder, suffix=pictures.suffix, transforms=transforms,
        valid_indices=pictures.valid_rows, seed=seed,
    )  # fmt: skip


def head(backbone: kf.Backbone | str, data: kf.ImageData) -> kf.ImageLearner:
    """README, An image classifier: the head on stored activations."""
    learn = kf.ImageLearner.pretrained(backbone, data)
    learn.fit_head()
    return learn


def fine_tuned(backbone: kf.Backbone | str, data: kf.ImageData) -> kf.ImageLearner:
    """README, An image classifier: all of it."""
    learn = kf.ImageLearner.pretrained(backbone, data)
    learn.fine_tune()
    return learn


def backbone(name: str) -> kf.Backbone | str:
    """A backbone that needs no download: Lite0 from its package, the others from the folder `KERASFAST_WEIGHTS`."""
    if name == "efficientnet_lite0":
        return name
    network, alpha = name.rsplit("_", 1)
    function, prefix = {
        "mobilenet": (keras.applications.MobileNet, "mobilenet_v1"),
        "mobilenet_v2": (keras.applications.MobileNetV2, "mobilenet_v2"),
    }[network]
    folder = Path(os.environ["KERASFAST_WEIGHTS"])
    weights = folder / f"{prefix}_{alpha}_224_no_top.weights.h5"
    return kf.Backbone.from_keras(function, alpha=float(alpha), weights=weights)
