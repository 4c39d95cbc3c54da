"""The score of the Planet competition and its data, as the course's planet.py has them."""

import os
from typing import Any

import numpy as np

from kerasfast.fastai.dataset import ImageClassifierData, get_cv_idxs
from kerasfast.fastai.transforms import (
    AddPadding,
    CropType,
    RandomDihedral,
    RandomLighting,
    RandomRotate,
    RandomZoom,
    tfms_from_model,
)
from kerasfast.metrics.tags import best_threshold

__all__ = ["f2", "get_data", "get_data_pad", "get_data_zoom", "opt_th"]

LABELS, TRAIN, TEST = "train_v2.csv", "train-jpg", "test-jpg"


def f2(preds, targs, start: float = 0.17, end: float = 0.24, step: float = 0.01) -> float:
    """Return the samples-averaged F2 of the best threshold in `np.arange(start, end, step)`."""
    return _best(preds, targs, start, end, step)[1]


def opt_th(preds, targs, start: float = 0.17, end: float = 0.24, step: float = 0.01) -> float:
    """Return the threshold that gives the best `f2`."""
    return _best(preds, targs, start, end, step)[0]


def _best(preds, targs, start: float, end: float, step: float) -> tuple[float, float]:
    return best_threshold(np.asarray(targs), np.asarray(preds), beta=2, thresholds=np.arange(start, end, step))


def get_data(path: str | os.PathLike, tfms: tuple, bs: int, n: int, cv_idx: int) -> ImageClassifierData:
    """Return the competition's data with one fold for validation.

    Args:
        path: Folder with `train_v2.csv`, `train-jpg/` and, where the test set is wanted, `test-jpg/`.
        tfms: Pair of transforms.
        bs: Pictures per batch.
        n: Number of labelled pictures.
        cv_idx: Which fold, from 0.
    """
    test = TEST if os.path.isdir(os.path.join(path, TEST)) else None
    labels = os.path.join(path, LABELS)
    val_idxs = get_cv_idxs(n, cv_idx)
    return ImageClassifierData.from_csv(path, TRAIN, labels, bs, tfms, val_idxs, ".jpg", test_name=test)


def get_data_zoom(f_model: Any, path: str | os.PathLike, sz: int, bs: int, n: int, cv_idx: int) -> ImageClassifierData:
    """Return the data at a size, turned, lit and zoomed by up to 1.1 in training."""
    augmentation = [RandomDihedral(), RandomZoom(0.1), RandomLighting(0.05, 0.05)]
    return get_data(path, tfms_from_model(f_model, sz, augmentation, crop_type=CropType.NO), bs, n, cv_idx)


def get_data_pad(f_model: Any, path: str | os.PathLike, sz: int, bs: int, n: int, cv_idx: int) -> ImageClassifierData:
    """Return the data at a size, turned, lit and shifted by up to a twelfth in training."""
    augmentation = [RandomRotate(9), RandomDihedral(), RandomLighting(0.05, 0.05), AddPadding(sz // 12)]
    return get_data(path, tfms_from_model(f_model, sz, augmentation), bs, n, cv_idx)
