"""Small pictures of two colours in class folders, a small network, and the course's names."""

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import kerasfast as kf
from kerasfast.fastai.conv_learner import ConvLearner, ImageClassifierData, tfms_from_model, transforms_side_on

COLOURS = {"blue": (40, 60, 200), "red": (200, 50, 40)}


def write_picture(path, colour, rng, size=(40, 32)):
    noise = rng.integers(-30, 30, (size[1], size[0], 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype("uint8")).save(path, quality=95)


@pytest.fixture(scope="session")
def backbone() -> kf.Backbone:
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
            keras.layers.Conv2D(12, 3, strides=2, padding="same", activation="relu"),
            keras.layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
        ]
    )
    return kf.Backbone.from_model(keras.Model(network.inputs, network.outputs, name="small"), preprocess="tf")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """train/ and valid/ with class folders, test/ without."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for split, count in (("train", 12), ("valid", 5)):
        for name, colour in COLOURS.items():
            for index in range(count):
                write_picture(root / split / name / f"{name}{index:02d}.jpg", colour, rng)
    for index in range(4):
        write_picture(root / "test" / f"{index}.jpg", list(COLOURS.values())[index % 2], rng)
    return root


@pytest.fixture(scope="session")
def tagged(tmp_path_factory):
    """all/ with tagged pictures, tags.csv (names without ending, not sorted), more/ to predict."""
    root, rng = tmp_path_factory.mktemp("tagged"), np.random.default_rng(1)
    rows = []
    for index in reversed(range(20)):
        tags = [name for bit, name in enumerate(COLOURS) if (index % 3 + 1) >> bit & 1]
        write_picture(root / "all" / f"p{index:02d}.jpg", np.mean([COLOURS[tag] for tag in tags], axis=0), rng)
        rows.append((f"p{index:02d}", " ".join(tags)))
    pd.DataFrame(rows, columns=["image_name", "tags"]).to_csv(root / "tags.csv", index=False)
    write_picture(root / "more" / "x.jpg", COLOURS["red"], rng)
    return root


@pytest.fixture
def make_data(pictures, backbone, tmp_path):
    """Make single-label data whose models/ and tmp/ lie in a folder of the test's own."""

    def make(size=16, **arguments):
        np.random.seed(0)
        tfms = tfms_from_model(backbone, size, aug_tfms=transforms_side_on, max_zoom=1.1)
        for name in ("train", "valid", "test"):
            (tmp_path / name).exists() or (tmp_path / name).symlink_to(pictures / name)
        return ImageClassifierData.from_paths(f"{tmp_path}/", tfms=tfms, **{"bs": 6, "test_name": "test", **arguments})

    return make


@pytest.fixture
def learn(make_data, backbone):
    keras.utils.set_random_seed(0)
    return ConvLearner.pretrained(backbone, make_data(), xtra_fc=[8])
