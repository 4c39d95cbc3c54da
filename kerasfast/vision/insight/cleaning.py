"""What is wrong with a data set of pictures: labels that are probably wrong, pictures that are in two splits."""

from typing import TYPE_CHECKING

import numpy as np

from kerasfast.interpretation.duplicates import near_duplicates
from kerasfast.interpretation.label_errors import label_errors, out_of_fold
from kerasfast.interpretation.numbers import doubtful_numbers
from kerasfast.interpretation.peers import linear_peer
from kerasfast.vision.insight.origin import Origin
from kerasfast.vision.pipeline.views import View

if TYPE_CHECKING:
    import pandas as pd


def picture_label_errors(origin: Origin, *, folds: int = 5, seed: int = 42) -> "pd.DataFrame":
    """Return what `Interpretation.label_errors` does."""
    data, activations = _needed(origin)
    views = {"train": data.fixed, "valid": data.valid}
    features = np.concatenate([activations(view) for view in views.values()])
    targets = np.concatenate([view.targets for view in views.values()])

    def predict(kept: np.ndarray, held: np.ndarray) -> np.ndarray:
        return linear_peer(features[kept], targets[kept], features[held], data.target_kind, len(data.classes))

    judge = doubtful_numbers if data.target_kind == "regression" else label_errors
    frame = judge(targets, out_of_fold(targets, predict, folds=folds, seed=seed), data.classes)
    splits = np.repeat(list(views), [len(view) for view in views.values()])
    starts = np.repeat([0, len(data.fixed)], [len(view) for view in views.values()])
    files = np.concatenate([view.files for view in views.values()])
    rows = frame.index.to_numpy()
    frame.insert(0, "split", splits[rows])
    frame.insert(1, "file", files[rows])
    frame.index = frame.index.__class__(rows - starts[rows], name="row")
    return frame


def picture_duplicates(origin: Origin, held: View, *, least: float) -> "pd.DataFrame":
    """Return what `Interpretation.near_duplicates` does."""
    data, activations = _needed(origin)
    train = data.fixed
    frame = near_duplicates(activations(held), activations(train), least=least)
    rows, others = frame["row"].to_numpy(), frame["other"].to_numpy()
    frame["file"], frame["training_file"] = held.files[rows], train.files[others]
    if held.targets is not None:
        same = np.equal(held.targets[rows], train.targets[others])
        frame["same_label"] = same if same.ndim == 1 else same.all(axis=1)
    return frame.rename(columns={"other": "training_row"})


def _needed(origin: Origin) -> tuple:
    if origin.data is None or origin.activations is None:
        raise ValueError(
            "This needs the training pictures and the network's activations of them; make the report by "
            "`learn.interpret()`."
        )
    return origin.data, origin.activations
