"""Models that are killed while they are written, for `written`. The networks are small and their weights are many."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from damaged_models import folders
from PIL import Image

import kerasfast as kf


@functools.cache
def _model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((64,)), keras.layers.Dense(2000, "relu"), keras.layers.Dense(1)])


def _learner(folder: pathlib.Path) -> kf.Learner:
    rows = tf.data.Dataset.from_tensor_slices((np.ones((8, 64), "f4"), np.ones((8, 1), "f4"))).batch(8)
    return kf.Learner(_model(), kf.Datasets(rows), loss="mse", path=folder)


def weights(folder: pathlib.Path) -> Callable[[], Any]:
    """Return what saves weights over older ones."""
    learn = _learner(folder)
    return lambda: learn.save("w")


def torn_weights(folder: pathlib.Path) -> list[str]:
    """Load what is there."""
    try:
        _learner(folder).load("w", weights_only=True)
    except FileNotFoundError:
        return []
    except ValueError as error:
        return [f"torn weights: {error}"]
    return []


def wrong_weights(folder: pathlib.Path) -> list[str]:
    """Load what must be there."""
    _learner(folder).load("w", weights_only=True)
    return []


@functools.cache
def _predictor() -> kf.ImagePredictor:
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        data = folders(pathlib.Path(place))
        inputs = keras.Input((None, None, 3))
        layer = keras.layers.Conv2D(64, 7, strides=4, padding="same")
        backbone = kf.Backbone.from_model(keras.Model(inputs, layer(inputs)), size=32)
        return kf.ImageLearner.pretrained(backbone, data, path=place).predictor()


def bundle(folder: pathlib.Path) -> Callable[[], Any]:
    """Return what exports a model for pictures."""
    predictor = _predictor()
    return lambda: predictor.save(folder / "pets.kerasfast")


def torn_bundle(folder: pathlib.Path) -> list[str]:
    """Load what is there."""
    try:
        kf.ImagePredictor.load(folder / "pets.kerasfast")
    except FileNotFoundError:
        return []
    except ValueError as error:
        return [f"torn bundle: {error}"]
    return []


def wrong_bundle(folder: pathlib.Path) -> list[str]:
    """Load what must be there, and predict with it."""
    loaded = kf.ImagePredictor.load(folder / "pets.kerasfast")
    picture = Image.fromarray(np.zeros((40, 40, 3), np.uint8))
    same = np.array_equal(loaded.predict([picture]).iloc[:, -2:], _predictor().predict([picture]).iloc[:, -2:])
    return [] if same else ["another prediction"]
