import keras
import numpy as np
import pytest
from keras import layers

from kerasfast.vision.networks.graphs import pieces
from kerasfast.vision.networks.registry import get


@pytest.mark.slow
def test_a_resnet_comes_in_the_pieces_that_torch_calls_its_children():
    model = get("resnet18").create(weights=None)
    parts = pieces(model)
    assert len(parts) == 8  # conv1, bn1, relu, maxpool, layer1 .. layer4
    assert [part.output.shape[-1] for part in parts] == [64, 64, 64, 64, 64, 128, 256, 512]
    x = np.random.default_rng(0).integers(0, 255, (1, 64, 64, 3)).astype("float32")
    y = x
    for part in parts:
        y = part(y)
    np.testing.assert_allclose(y, model(x), rtol=1e-5)
    assert parts[-1].layers[-2] in model.layers  # shared, not copied


def test_what_follows_the_last_block_comes_one_by_one():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same")(layers.Rescaling(2.0)(inputs))
    x = layers.Add()([x, layers.Conv2D(4, 3, padding="same")(x)])
    outputs = layers.Dense(2)(layers.Flatten()(x))
    kinds = [type(part.layers[-1]).__name__ for part in pieces(keras.Model(inputs, outputs))]
    assert kinds == ["Conv2D", "Add", "Flatten", "Dense"]
