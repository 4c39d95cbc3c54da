"""Train the lessons on real pictures with the code of `benchmarks/` and print the results as JSON.

usage: python tests/lessons_on_pictures.py dogs_and_cats|planet|half_a_network
Reads the folders that KERASFAST_DATA and KERASFAST_WEIGHTS name.
"""

import importlib.util
import json
import os
import pathlib
import shutil
import sys
import tempfile
from dataclasses import replace

import keras
import numpy as np

import kerasfast as kf

DATA, WEIGHTS = (pathlib.Path(os.environ[name]) for name in ("KERASFAST_DATA", "KERASFAST_WEIGHTS"))
SMALLEST = "mobilenet_v1_0.25_224_no_top.weights.h5"


def benchmark(name: str):
    path = pathlib.Path(__file__).resolve().parents[1] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def dogs_and_cats(folder: pathlib.Path) -> dict[str, float]:
    """On a fourth of the training and half of the validation pictures."""
    for split, share in (("train", 4), ("valid", 2)):
        for file in sorted((DATA / "dogscats" / split).rglob("*.jpg"))[::share]:
            copy = folder / "pictures" / file.relative_to(DATA / "dogscats")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
    weights = WEIGHTS / "mobilenet_v1_0.75_224_no_top.weights.h5"
    backbone = kf.Backbone.from_keras(keras.applications.MobileNet, alpha=0.75, weights=weights)
    return benchmark("dogs_cats").run(folder / "pictures", backbone, folder)


def planet(folder: pathlib.Path) -> dict[str, float]:
    """The short form of benchmarks/planet.py, which goes on to 256 pixels and 0.89."""
    weights = WEIGHTS / "mobilenet_v2_0.35_224_no_top.weights.h5"
    backbone = kf.Backbone.from_keras(keras.applications.MobileNetV2, alpha=0.35, weights=weights)
    stages = [(64, 3, 0.2, 2, 0.1), (128, 3, 0.2, 2, 0.1)]
    return benchmark("planet").run(DATA / "planet", backbone, folder, stages)


def half_a_network(folder: pathlib.Path) -> dict[str, dict[str, float]]:
    """The notes' Keras code on lesson 1: RMSprop at its own rate on half of a network with averages that move by 1%."""
    data = kf.ImageData.from_folders(DATA / "dogscats", transforms=kf.transforms_side_on(96), batch_size=32)
    source = replace(
        data.source,
        train=data.source.train.take(np.arange(0, 1600, 4)),
        valid=data.source.valid.take(np.arange(0, 400, 2)),
    )
    data = replace(data, source=source, path=folder)
    return {"plain": plain_keras(data), "ours": discriminative(data)}


def plain_keras(data: kf.ImageData) -> dict[str, float]:
    keras.utils.set_random_seed(42)
    base = keras.applications.MobileNet(
        alpha=0.25, include_top=False, weights=WEIGHTS / SMALLEST, input_shape=(None, None, 3)
    )
    inputs = keras.Input((96, 96, 3))
    x = keras.layers.GlobalAveragePooling2D()(base(keras.layers.Rescaling(1 / 127.5, -1)(inputs)))
    x = keras.layers.Dense(1024, activation="relu")(x)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    train, valid, accuracy = data.train.dataset(), data.valid.dataset(), {}
    base.trainable = False
    for name, epochs in (("before", 3), ("after", 1)):
        model.compile("rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(train, validation_data=valid, epochs=epochs, shuffle=False, verbose=0)
        accuracy[name] = history.history["val_accuracy"][-1]
        base.trainable = True
        for layer in base.layers[: len(base.layers) // 2]:
            layer.trainable = False
    return accuracy


def discriminative(data: kf.ImageData) -> dict[str, float]:
    keras.utils.set_random_seed(42)
    backbone = kf.Backbone.from_keras(keras.applications.MobileNet, alpha=0.25, weights=WEIGHTS / SMALLEST)
    learn = kf.ImageLearner.pretrained(backbone, data, hidden=(512,), precompute=True)
    before = learn.fit(0.01, 3).history["val_accuracy"][-1]
    learn.freeze_to(-2)
    after = learn.fit([1e-4, 1e-3, 1e-2], 1, cycle_len=1).history["val_accuracy"][-1]
    return {"before": before, "after": after}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        results = {run.__name__: run for run in (dogs_and_cats, planet, half_a_network)}[sys.argv[1]](
            pathlib.Path(folder)
        )
    print(json.dumps(results, default=float))
