"""Grad-CAM on networks of every build finds the part of the picture that makes the class."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf
from kerasfast.vision.insight.grad_cam import grad_cam, plot_grad_cam

layers = keras.layers


def body(inputs):
    """Two maps at a quarter of the sides: how red and how green a place is."""
    x = layers.Rescaling(1 / 255)(inputs)
    colours = layers.Conv2D(2, 1, use_bias=False, name="colours")(x)
    return layers.AveragePooling2D(4)(layers.ReLU()(colours))


def finished(model, scale=1.0):
    """Let the maps be red less blue and green less blue, and each class the sum of its map."""
    kernel = np.array([[1, 0], [0, 1], [-1, -1]], "float32")
    for layer in [*model.layers, *(inner for one in model.layers for inner in getattr(one, "layers", ()))]:
        if layer.name == "colours":
            layer.set_weights([kernel[None, None]])
        if layer.name == "out":
            layer.set_weights([scale * np.eye(2, dtype="float32"), np.zeros(2, "float32")])
    return model


def flat(end="softmax"):
    inputs = keras.Input((16, 16, 3))
    return keras.Model(inputs, layers.Dense(2, end, name="out")(layers.GlobalAveragePooling2D()(body(inputs))))


def nested():
    inner = keras.Input((16, 16, 3))
    inputs = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(keras.Model(inner, body(inner))(inputs))
    return keras.Model(inputs, layers.Dense(2, "softmax", name="out")(x))


def nested_with_pooling():
    inner = keras.Input((16, 16, 3))
    pooled = keras.Model(inner, layers.GlobalAveragePooling2D()(body(inner)))
    return keras.Sequential([keras.Input((16, 16, 3)), pooled, layers.Dense(2, "sigmoid", name="out")])


def nested_head():
    inputs, pooled = keras.Input((16, 16, 3)), keras.Input((2,))
    head = keras.Model(pooled, layers.Softmax()(layers.Dense(2, name="out")(pooled)))
    outputs = head(layers.GlobalAveragePooling2D()(body(inputs)))
    return keras.Model(inputs, layers.Activation("linear")(outputs))


BUILDS = {
    "flat": flat,
    "sigmoid": lambda: flat("sigmoid"),
    "logits": lambda: flat(None),
    "nested": nested,
    "pooled inside": nested_with_pooling,
    "nested head": nested_head,
}


@pytest.fixture
def halves():
    """Red above on the left, green below on the right."""
    pixels = np.zeros((16, 16, 3), "uint8")
    pixels[:8, :8, 0] = 255
    pixels[8:, 8:, 1] = 255
    return pixels


@pytest.mark.parametrize("build", BUILDS)
def test_heat_lies_where_the_class_is(build, halves):
    # So sure that softmax and sigmoid have no slope left in float32.
    model = finished(BUILDS[build](), scale=500.0)
    before = [len(layer.weights) for layer in model.layers], model.layers[-1].output
    red, green = (grad_cam(model, halves, index) for index in (0, 1))
    assert red.shape == (16, 16) and red.dtype == np.float32 and red.max() == 1
    assert red[:6, :6].min() > 0.7 and red[:, 10:].max() == 0
    np.testing.assert_allclose(green, red[::-1, ::-1], atol=1e-6)
    assert before[1] is model.layers[-1].output and before[0] == [len(layer.weights) for layer in model.layers]


def test_the_likeliest_class_is_taken_and_frozen_layers_do_not_matter(halves):
    model = finished(flat())
    halves[8:, 8:, 1] = 100
    model.trainable = False
    np.testing.assert_array_equal(grad_cam(model, halves), grad_cam(model, halves, 0))


def test_it_is_the_weighted_sum_of_the_maps(halves, rng):
    model = finished(flat())
    weights = rng.uniform(0.2, 1, size=(2, 2)).astype("float32")
    model.layers[-1].set_weights([weights, np.zeros(2, "float32")])
    maps = keras.Model(model.input, model.layers[-3].output).predict(halves[None], verbose=0)[0]
    expected = tf.image.resize(np.maximum(maps @ weights[:, 1:], 0), (16, 16))[..., 0].numpy()
    np.testing.assert_allclose(grad_cam(model, halves, 1), expected / expected.max(), atol=1e-5)


def test_learner_and_loaded_predictor_take_files_names_and_any_head(tmp_path, rng):
    pixels = rng.integers(0, 255, size=(6, 40, 48, 3), dtype=np.uint8)
    labels = np.array([0, 1] * 3)
    data = kf.ImageData.from_arrays(
        (pixels, labels), (pixels, labels), classes=["cat", "dog"], transforms=kf.transforms_basic(32), path=tmp_path
    )
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, strides=4, activation="relu")(layers.Rescaling(1 / 255)(inputs))
    backbone = kf.Backbone.from_model(keras.Model(inputs, layers.Conv2D(4, 3, padding="same")(x)), size=32)
    head = [layers.Conv2D(3, 1), layers.GlobalMaxPooling2D(), layers.Dense(2, "softmax")]
    learn = kf.ImageLearner.pretrained(backbone, data, custom_head=head)
    heat = grad_cam(learn, pixels[0], "dog")
    assert heat.shape == (32, 32) and 0 <= heat.min() <= heat.max() <= 1
    loaded = kf.ImagePredictor.load(learn.export(tmp_path / "pets.kerasfast"))
    np.testing.assert_allclose(grad_cam(loaded, pixels[0], "dog"), heat, atol=1e-5)
    axes = plot_grad_cam(loaded, pixels[0], "dog")
    assert axes.get_title(loc="left") == "dog" and axes.images[0].get_array().shape == (32, 32, 3)
    with pytest.raises(ValueError, match="target_class"):
        grad_cam(learn, pixels[0], "cow")


def test_what_does_not_suit_is_told(halves):
    with pytest.raises(ValueError, match="feature map"):
        grad_cam(keras.Sequential([keras.Input((16, 16, 3)), layers.Flatten(), layers.Dense(2)]), halves)
    model = flat()
    with pytest.raises(ValueError, match="target_class"):
        grad_cam(model, halves, 2)
    with pytest.raises(ValueError, match="height, width"):
        grad_cam(model, halves[None])
