"""Networks with normalisation folded into convolutions, against the networks themselves."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasfast.vision.networks.folding import _foldable, folding


class Noise(layers.Layer):
    """Its default is that of training."""

    def call(self, inputs, training=True):
        return inputs + keras.random.normal(keras.ops.shape(inputs)) if training else inputs


def normal(x, **options):
    return layers.BatchNormalization(**options)(x)


@pytest.fixture(scope="module")
def model():
    """Folded: the first six; not: activated, grouped, read twice, called twice, float16."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    x = layers.ReLU(6.0)(normal(layers.Conv2D(8, 3, 2, padding="same", use_bias=False)(inputs)))
    x = layers.ReLU()(normal(layers.DepthwiseConv2D(3, depth_multiplier=2)(x), scale=False))
    x = normal(layers.Conv2D(8, 3, dilation_rate=2, padding="same")(x), center=False, epsilon=0.1)
    x = normal(layers.DepthwiseConv2D(3, 2, padding="same", use_bias=False)(x), axis=3)
    x = keras.Sequential([keras.Input((None, None, 8)), layers.Conv2D(8, 1), layers.BatchNormalization()])(x)
    x = normal(layers.Conv2D(8, (1, 3))(Noise()(x)))
    x = normal(layers.Conv2D(8, 1, activation="relu")(x))
    x = normal(layers.Conv2D(8, 1, groups=2)(x))
    twice = layers.Conv2D(8, 1)(x)
    x = layers.Add()([normal(twice), twice])
    shared = layers.Conv2D(8, 1)
    x = normal(shared(normal(shared(x))))
    x = normal(layers.Conv2D(8, 1, dtype="mixed_float16")(x), dtype="mixed_float16")
    outputs = layers.Dense(3, dtype="float32")(layers.GlobalAveragePooling2D(dtype="float32")(x))
    model = keras.Model(inputs, outputs)
    random = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    return model


def test_predictions_are_those_of_the_model_for_any_count_and_follow_its_weights(model):
    predict = folding(model, [None, 16, 20, 3])
    pixels = np.random.default_rng(1).integers(0, 256, (5, 16, 20, 3), np.uint8)
    for batch in (pixels, pixels[:2], pixels[:1]):
        np.testing.assert_allclose(predict(tf.constant(batch)), model(batch, training=False), rtol=2e-3)
    norm = next(layer for layer in model.layers if isinstance(layer, layers.BatchNormalization))
    before, weights = predict(tf.constant(pixels)).numpy(), norm.get_weights()
    norm.set_weights([weight * 2 for weight in weights])
    after = predict(tf.constant(pixels)).numpy()
    np.testing.assert_allclose(after, model(pixels, training=False), rtol=2e-3)
    assert not np.allclose(before, after, rtol=1e-2)
    norm.set_weights(weights)


def test_only_what_is_a_plain_convolution_read_by_its_normalisation_alone_is_folded(model):
    assert len(_foldable(model)) == 5 and len(_foldable(next(m for m in model.layers if "sequential" in m.name))) == 1
