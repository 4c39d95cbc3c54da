"""A training as a user writes it, for the tests that kill it: python resumed_program.py FOLDER.

It prints "training" when the first fit is about to begin, and at the end a JSON line: a digest of all weights, and the
curves.
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
from PIL import Image

COLOURS = {"blue": (40, 60, 200), "red": (200, 50, 40)}


def draw(root: pathlib.Path) -> None:
    """Write pictures of two colours into class folders, once."""
    if (root / "done").exists():
        return
    for split, count in (("train", 24), ("valid", 8)):
        for name, colour in COLOURS.items():
            (root / split / name).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                noise = np.random.default_rng([index, len(split), len(name)]).normal(0, 40, size=(36, 44, 3))
                pixels = np.clip(np.array(colour) + noise, 0, 255).astype("uint8")
                Image.fromarray(pixels).save(root / split / name / f"{index}.jpg")
    (root / "done").touch()


def main(folder: pathlib.Path) -> None:
    """Draw, train in four fits that go on where they were killed, and print the result."""
    import keras
    import tensorflow as tf

    import kerasfast as kf

    draw(folder / "pictures")
    keras.utils.set_random_seed(0)
    # Else TensorFlow's convolutions on several cores differ in the last bit from run to run, killed or not.
    tf.config.experimental.enable_op_determinism()
    layers = keras.layers
    inputs = keras.Input((None, None, 3))
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    for width in (8, 16):
        x = layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    backbone = kf.Backbone.from_model(keras.Model(inputs, x), size=32, name="tiny")
    transforms = kf.transforms_side_on(32, max_zoom=1.1)
    data = kf.ImageData.from_folders(folder / "pictures", transforms=transforms, batch_size=8)
    learn = kf.ImageLearner.pretrained(backbone, data, hidden=(8,), precompute=True, path=folder)
    print("training", flush=True)
    histories = [learn.fit(0.02, 2, cycle_len=1, cycle_mult=2, resume=True)]
    learn.precompute = False
    histories.append(learn.fit(0.01, 1, resume=True))
    learn.unfreeze()
    histories.append(learn.fit([0.001, 0.003, 0.01], 2, cycle_len=1, cycle_mult=2, resume=True))
    histories.append(learn.fit_one_cycle(0.003, 2, resume=True))
    digest = hashlib.blake2b(digest_size=16)
    for variable in [*learn.model.weights, *learn.model.optimizer.variables]:
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    curves = [history.history for history in histories]
    print(json.dumps({"digest": digest.hexdigest(), "curves": curves, "predictions": learn.predict().tolist()}))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
