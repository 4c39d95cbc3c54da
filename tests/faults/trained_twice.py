"""Train on pictures and a table, and print a digest of all weights: python trained_twice.py FOLDER."""

import hashlib
import pathlib
import sys

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from kill_training import draw

import kerasfast as kf


def digest_of(model: keras.Model) -> str:
    """Return a hash of all weights, to the bit."""
    digest = hashlib.blake2b(digest_size=16)
    for variable in model.weights:
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    return digest.hexdigest()


def main(folder: pathlib.Path) -> None:
    """Train both, and print their digests."""
    keras.utils.set_random_seed(7)
    tf.config.experimental.enable_op_determinism()
    draw(folder)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same")(keras.layers.Rescaling(1 / 255)(inputs))
    backbone = kf.Backbone.from_model(keras.Model(inputs, keras.layers.BatchNormalization()(x)), size=32)
    data = kf.ImageData.from_folders(folder, transforms=kf.transforms_side_on(32, max_zoom=1.2), batch_size=8)
    learn = kf.ImageLearner.pretrained(backbone, data, hidden=(8,), dropout=0.3)
    learn.unfreeze()
    learn.fit(0.01, 1, cycle_len=2)

    rng = np.random.default_rng(0)
    table = {"text": rng.choice(list("abcd"), 400), "number": rng.normal(size=400), "target": rng.normal(size=400)}
    rows = kf.TableData.from_frame(pd.DataFrame(table), "target", categorical=["text"], continuous=["number"])
    tables = kf.TableLearner.entity_embeddings(rows, [16], dropout=0.2, embedding_dropout=0.1)
    tables.fit(0.01, 2)
    print(digest_of(learn.model), digest_of(tables.model))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
