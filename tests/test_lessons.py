"""The lessons on real pictures: the numbers that the library must reach, with the code of `benchmarks/`."""

import importlib.util
import pathlib
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest

import kerasfast as kf


def benchmark(name: str):
    path = pathlib.Path(__file__).resolve().parents[1] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_dogs_and_cats_reach_what_the_benchmark_says_and_unfreezing_keeps_it(data_dir, weights_dir, tmp_path):
    """On a fourth of the training and half of the validation pictures."""
    for split, share in (("train", 4), ("valid", 2)):
        for file in sorted((data_dir / "dogscats" / split).rglob("*.jpg"))[::share]:
            copy = tmp_path / "pictures" / file.relative_to(data_dir / "dogscats")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
    weights = weights_dir / "mobilenet_v1_0.75_224_no_top.weights.h5"
    backbone = kf.Backbone.from_keras(keras.applications.MobileNet, alpha=0.75, weights=weights)
    results = benchmark("dogs_cats").run(tmp_path / "pictures", backbone, tmp_path)
    # All three are 0.99 here; sums over threads vary by a picture or two (0.005 each).
    assert results["head"] >= 0.98
    assert results["unfrozen"] >= 0.98
    assert results["tta"] >= 0.975


@pytest.mark.filterwarnings("ignore:.*blow_down:UserWarning")
def test_planet_climbs_with_the_size_of_its_pictures(data_dir, weights_dir, tmp_path):
    """The short form of benchmarks/planet.py, which goes on to 256 pixels and 0.89."""
    weights = weights_dir / "mobilenet_v2_0.35_224_no_top.weights.h5"
    backbone = kf.Backbone.from_keras(keras.applications.MobileNetV2, alpha=0.35, weights=weights)
    stages = [(64, 3, 0.2, 2, 0.1), (128, 3, 0.2, 2, 0.1)]
    results = benchmark("planet").run(data_dir / "planet", backbone, tmp_path, stages)
    assert results["f2_64"] > results["constant_f2"] + 0.05
    assert results["f2_128"] > results["f2_64"]
    assert results["tta_f2"] >= 0.85


def test_unfreezing_half_a_network_does_not_collapse_as_in_plain_keras(data_dir, weights_dir, tmp_path):
    """The notes' Keras code on lesson 1: RMSprop at its own rate on half of a network with averages that move by 1%."""
    weights = weights_dir / "mobilenet_v1_0.25_224_no_top.weights.h5"
    data = kf.ImageData.from_folders(data_dir / "dogscats", transforms=kf.transforms_side_on(96), batch_size=32)
    source = replace(
        data.source,
        train=data.source.train.take(np.arange(0, 1600, 4)),
        valid=data.source.valid.take(np.arange(0, 400, 2)),
    )
    data = replace(data, source=source, path=tmp_path)
    plain = plain_keras(data, weights)
    ours = discriminative(data, weights)
    assert ours["after"] >= ours["before"] - 0.03
    assert ours["after"] >= plain["after"] + 0.05, (ours, plain)


def plain_keras(data: kf.ImageData, weights: pathlib.Path) -> dict[str, float]:
    keras.utils.set_random_seed(42)
    base = keras.applications.MobileNet(alpha=0.25, include_top=False, weights=weights, input_shape=(None, None, 3))
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


def discriminative(data: kf.ImageData, weights: pathlib.Path) -> dict[str, float]:
    keras.utils.set_random_seed(42)
    backbone = kf.Backbone.from_keras(keras.applications.MobileNet, alpha=0.25, weights=weights)
    learn = kf.ImageLearner.pretrained(backbone, data, hidden=(512,), precompute=True)
    before = learn.fit(0.01, 3).history["val_accuracy"][-1]
    learn.freeze_to(-2)
    after = learn.fit([1e-4, 1e-3, 1e-2], 1, cycle_len=1).history["val_accuracy"][-1]
    return {"before": before, "after": after}
