"""Files whose readers need TensorFlow, for `damaged_kinds`: each function writes one and returns what reads it."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from damaged_kinds import frame, pixels
from PIL import Image

import kerasfast as kf

Reader = Callable[[pathlib.Path], Any]


def folders(work: pathlib.Path) -> kf.ImageData:
    """Write a few pictures in class folders and return them as data."""
    for split in ("train", "valid"):
        for name in ("cats", "dogs"):
            (work / split / name).mkdir(parents=True)
            for index in range(4):
                picture = Image.fromarray(pixels(index + len(split + name)))
                picture.save(work / split / name / f"{index}.jpg", quality=90)
    return kf.ImageData.from_folders(work, transforms=kf.Transforms(32), batch_size=4)


def backbone_of() -> kf.Backbone:
    """Return a network of two layers."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3), name="pixels")
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="early")(inputs)
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="late")(x)
    return kf.Backbone.from_model(keras.Model(inputs, x, name="net"), size=32)


def _table() -> tuple[Any, kf.TableLearner]:
    table = frame().dropna()
    data = kf.TableData.from_frame(table, "number", categorical=["text"], continuous=["count"], batch_size=64)
    keras.utils.set_random_seed(0)
    return table, kf.TableLearner.entity_embeddings(data, hidden=[4])


def training_pictures(work: pathlib.Path) -> Reader:
    """A picture that is damaged after the data was made: training names it, or reads what a viewer shows."""
    data = folders(work)

    def read(file: pathlib.Path) -> Any:
        with kf.ImageLearner._guard(_Holder(data)):
            batch = np.concatenate([part[0].numpy() for part in data.fixed.dataset()])
        kf.open_image(file)  # what a viewer cannot show must not have been trained on
        return batch

    return read


class _Holder:
    """What `ImageLearner._guard` asks of a learner."""

    def __init__(self, data: kf.ImageData):
        self.data = data


def weights(work: pathlib.Path) -> Reader:
    """Saved weights, with the state of the optimizer."""
    rows = tf.data.Dataset.from_tensor_slices((np.ones((16, 3), "f4"), np.ones((16, 1), "f4"))).batch(8)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    learn = kf.Learner(model, kf.Datasets(rows), loss="mse", path=work)
    learn.fit(0.01, 1)
    learn.save("w")

    def read(file: pathlib.Path) -> Any:
        before = [value + 1 for value in model.get_weights()]
        model.set_weights(before)
        try:
            learn.load("w")
        except ValueError:
            if not all(map(np.array_equal, before, model.get_weights())):
                raise AssertionError("weights have changed although loading failed") from None
            raise
        return model.get_weights()

    return read


def resume(work: pathlib.Path) -> Reader:
    """What `fit(resume=True)` keeps."""
    rows = tf.data.Dataset.from_tensor_slices((np.ones((16, 3), "f4"), np.ones((16, 1), "f4"))).batch(8)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    learn = kf.Learner(model, kf.Datasets(rows), loss="mse", path=work)
    learn.fit(0.01, 1, resume=True)

    def read(file: pathlib.Path) -> Any:
        learn._kept_fits.clear()
        before = [value + 1 for value in model.get_weights()]
        model.set_weights(before)
        try:
            learn.fit(0.01, 1, resume=True)
        except ValueError:
            if not all(map(np.array_equal, before, model.get_weights())):
                raise AssertionError("weights have changed although going on failed") from None
            raise
        return model.get_weights()

    return read


def backbone(work: pathlib.Path) -> Reader:
    """A weights file of Keras's for a network of `keras.applications`."""
    from kerasfast.vision.networks.applications import load_file

    model = backbone_of().create()
    model.save_weights(work / "net.weights.h5")

    def read(file: pathlib.Path) -> Any:
        load_file(model, file, "net")
        return model.get_weights()

    return read


def store(work: pathlib.Path) -> Reader:
    """A file of stored activations: one that cannot be read is as good as absent."""
    from kerasfast.vision.fitting.features import FeatureStore

    folder = work / "features"
    FeatureStore(folder).add(["a", "b"], np.arange(8, dtype=np.float32).reshape(2, 4))
    (written,) = folder.glob("*.npz")
    (work / "store.npz").write_bytes(written.read_bytes())

    def read(file: pathlib.Path) -> Any:
        written.write_bytes(file.read_bytes())
        kept = FeatureStore(folder)
        return kept.rows(["a", "b"]) if not kept.missing(["a", "b"]) else np.arange(8, dtype=np.float32).reshape(2, 4)

    return read


def picture_bundle(work: pathlib.Path) -> Reader:
    """An exported model for pictures."""
    learn = kf.ImageLearner.pretrained(backbone_of(), folders(work), path=work)
    learn.export(work / "pets.kerasfast")
    batch = pixels()[None, :32, :32]

    def read(file: pathlib.Path) -> Any:
        loaded = kf.ImagePredictor.load(file)
        return [loaded.classes, np.asarray(loaded.model(batch))]

    return read


def table_bundle(work: pathlib.Path) -> Reader:
    """An exported model for tables."""
    table, learn = _table()
    learn.export(work / "sales.kerasfast")

    def read(file: pathlib.Path) -> Any:
        loaded = kf.TablePredictor.load(file)
        return np.asarray(loaded.model(loaded.inputs(table)))

    return read
