"""The report of a small image learner, from its pictures to the page."""

import keras
import numpy as np
import pytest

import kerasfast as kf

SIDE = 32


@pytest.fixture(scope="module")
def learn(tmp_path_factory):
    """Dark and bright pictures; three of those held out have the wrong label."""
    random, layers = np.random.default_rng(0), keras.layers
    targets = np.arange(80) % 2
    pixels = random.integers(0, 90, (80, SIDE, SIDE, 3))
    pixels += 120 * targets[:, None, None, None]
    targets[77:] = 1 - targets[77:]
    valid = (pixels[60:].astype("uint8"), targets[60:])
    data = kf.ImageData.from_arrays(
        (pixels[:60].astype("uint8"), targets[:60]), valid, classes=["dark", "bright"], transforms=kf.Transforms(SIDE),
        path=tmp_path_factory.mktemp("report"),
    )  # fmt: skip
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(8, 3, strides=4, padding="same")(layers.Rescaling(1 / 255)(inputs))
    backbone = kf.Backbone.from_model(
        keras.Model(inputs, layers.Conv2D(8, 1, activation="relu", name="late")(x)), split="late"
    )
    learn = kf.ImageLearner.pretrained(backbone, data)
    learn.fit(0.1, 2)
    return learn


@pytest.mark.slow
def test_the_page_tells_data_results_and_mistakes(learn, tmp_path):
    path = learn.interpret().report(tmp_path / "r.html", facts={"seed": "1"})
    text = path.read_text("utf-8")
    for part in (
        "60 training, 20 validation", "best constant answer", "logistic regression on 16 x 16 pixels",
        "features of this network", "Grad-CAM", "training and validation loss", "seed",
        "learn.export", "Confusion matrix", "By class",
    ):  # fmt: skip
        assert part in text, part
    assert text.count("data:image/jpeg") >= 8


def test_what_was_predicted_elsewhere_is_told_without_network_and_pictures(tmp_path):
    predictions = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    report = kf.Interpretation(predictions, np.array([0, 1, 1]), ["cat", "dog"], "single")
    text = report.report(tmp_path / "r.html").read_text("utf-8")
    assert "No training pictures" in text and "cat" in text and "Fewer than ten" in text


def test_tags_have_a_page_too(tmp_path, rng):
    truth = rng.integers(0, 2, (40, 3))
    predictions = np.clip(truth * 0.6 + rng.random((40, 3)) * 0.4, 0, 1)
    report = kf.Interpretation(predictions, truth, ["clear", "haze", "road"], "multi")
    text = report.report(tmp_path / "r.html", model="tags.kerasfast").read_text("utf-8")
    assert "By tag" in text and "kerasfast serve tags.kerasfast" in text and "F1" in text
