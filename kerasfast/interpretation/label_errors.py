"""Which labels are probably wrong, by predictions of rows that were not learned from."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kerasfast.basics.arguments import whole
from kerasfast.interpretation.classes import one_hot


def label_errors(targets: Any, predictions: Any, classes: Sequence[str]) -> pd.DataFrame:
    """Return the rows whose label is probably wrong, the likeliest errors first.

    A row is sure of a class that is as likely as it is, on average, among the rows that bear its name: what counts as
    sure is learned from each class, so that a class of low probabilities is not suspected as a whole. The sure rows
    tell which share of a label belongs to another class; so many rows are returned, those that prefer it the most. Of
    tags each is a question of its own, yes or no. The predictions must come from models that did not learn from the
    row, such as `cross_validate(...).predictions`: what was learned by heart looks right.

    Args:
        targets: (n,) class indices, or (n, tags) of 0 and 1.
        predictions: (n, classes) probabilities.
        classes: A name per class.

    Returns:
        Frame by row with `label`, `suggested` and their `probability_of_label` and `probability`; of tags a row for
        each `tag` that may be wrong.

    Raises:
        ValueError: When shapes differ, or the targets are no classes or tags.

    Source: Northcutt, Jiang and Chuang, "Confident learning", 2021.

    Example:
        >>> likely = np.array([[0.9, 0.1], [0.8, 0.2], [0.95, 0.05], [0.2, 0.8], [0.1, 0.9]])
        >>> label_errors([0, 0, 1, 1, 1], likely, ["cat", "dog"])[["label", "suggested"]]
          label suggested
        row
        2     dog       cat
    """
    truth, predictions = one_hot(targets, predictions, classes)
    names = np.array(classes, dtype=object)
    if np.ndim(targets) == 1:
        rows, labels, suggested = _suspects(np.asarray(targets), predictions)
        order = np.argsort(predictions[rows, labels] - predictions[rows, suggested], kind="stable")
        rows, labels, suggested = rows[order], labels[order], suggested[order]
        about = {
            "label": names[labels], "suggested": names[suggested],
            "probability_of_label": predictions[rows, labels], "probability": predictions[rows, suggested],
        }  # fmt: skip
        return pd.DataFrame(about, index=pd.Index(rows, name="row"))
    found = []
    for column, tag in enumerate(names):
        likely = np.stack([1 - predictions[:, column], predictions[:, column]], axis=1)
        found += [
            (row, tag, label, likely[row])
            for row, label, _ in zip(*_suspects(truth[:, column].astype(int), likely), strict=True)
        ]
    found.sort(key=lambda one: one[3][one[2]])
    words = np.array(["no", "yes"], dtype=object)
    about = {
        "tag": [tag for _, tag, _, _ in found], "label": [words[label] for _, _, label, _ in found],
        "suggested": [words[1 - label] for _, _, label, _ in found],
        "probability_of_label": [float(likely[label]) for _, _, label, likely in found],
        "probability": [float(likely[1 - label]) for _, _, label, likely in found],
    }  # fmt: skip
    return pd.DataFrame(about, index=pd.Index([row for row, _, _, _ in found], name="row", dtype=int))


def out_of_fold(
    targets: np.ndarray, predict: Callable[[np.ndarray, np.ndarray], np.ndarray], *, folds: int = 5, seed: int = 42
) -> np.ndarray:
    """Return what models say of rows that each of them did not learn from, (n, outputs).

    Args:
        targets: (n,) class indices, whose shares each fold keeps, or (n, tags).
        predict: From positions to learn from and positions to predict, to (m, outputs).
        folds: How many models.
        seed: Of the folds.
    """
    count = len(targets)
    folds = min(whole("folds", folds, least=2), count)
    order = np.random.default_rng(seed).permutation(count)
    if np.ndim(targets) == 1:
        order = order[np.argsort(targets[order], kind="stable")]
    fold_of = np.empty(count, int)
    fold_of[order] = np.arange(count) % folds
    parts = [(np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)) for fold in range(folds)]
    said = [(held, predict(kept, held)) for held, kept in parts]
    predictions = np.empty((count, said[0][1].shape[1]))
    for held, part in said:
        predictions[held] = part
    return predictions


def _suspects(labels: np.ndarray, predictions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, their labels and the classes that are likelier.

    Rows that are sure of a class tell which share of each label belongs to each other class; so many rows of that label
    are taken, those first that prefer the other class the most.
    """
    count, classes = predictions.shape
    own = predictions[np.arange(count), labels]
    counts = np.bincount(labels, minlength=classes)
    sure = np.bincount(labels, weights=own, minlength=classes) / np.maximum(counts, 1)
    sure[counts == 0] = np.inf
    candidates = np.where(predictions >= sure, predictions, -1.0)
    confident, best = candidates.max(axis=1) >= 0, candidates.argmax(axis=1)
    agree = np.bincount(labels[confident & (best == labels)], minlength=classes)
    all_sure = np.bincount(labels[confident], minlength=classes)
    wanted = np.rint(counts * (1 - agree / np.maximum(all_sure, 1)) * (all_sure > 0)).astype(int)
    others = np.where(np.arange(classes) == labels[:, None], -np.inf, predictions)
    suggested = others.argmax(axis=1)
    lead = others.max(axis=1) - own
    found = []
    for label in np.flatnonzero(wanted):
        rows = np.flatnonzero(labels == label)
        found.append(rows[np.argsort(-lead[rows], kind="stable")[: wanted[label]]])
    rows = np.sort(np.concatenate(found)) if found else np.zeros(0, int)
    return rows, labels[rows], suggested[rows]
