"""Heads: pooling, layers, and a model, features and head that share their weights."""

import keras
import numpy as np
import pytest

from kerasfast.vision.networks.heads import assemble, check_sides, concat_pool, head_layers
from kerasfast.vision.networks.registry import Backbone


@pytest.fixture(scope="module")
def backbone():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="early")(inputs)
    x = keras.layers.BatchNormalization(name="early_bn")(x)
    x = keras.layers.Conv2D(6, 3, strides=2, padding="same", activation="relu", name="late")(x)
    return Backbone.from_model(keras.Model(inputs, x, name="tiny"), preprocess="tf", split="late")


@pytest.fixture
def mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def pixels(rng):
    return rng.uniform(0, 255, (3, 20, 24, 3)).astype("float32")


def kinds(layers):
    return [type(layer).__name__ for layer in layers]


def test_concat_pool_gives_maxima_then_averages(rng):
    x = rng.normal(size=(2, 5, 4, 3)).astype("float32")
    inputs = keras.Input((None, None, 3))
    pooled = keras.Model(inputs, concat_pool(inputs))(x)
    np.testing.assert_allclose(pooled, np.concatenate([x.max((1, 2)), x.mean((1, 2))], 1), rtol=1e-5, atol=1e-6)


def test_concat_pool_does_not_overflow_in_half_precision(mixed_precision):
    inputs = keras.Input((None, None, 1), dtype="float16")
    pooled = keras.Model(inputs, concat_pool(inputs))(np.full((1, 64, 64, 1), 100, "float16"))
    assert pooled.dtype == "float32"
    np.testing.assert_allclose(pooled, [[100, 100]], rtol=1e-3)


def test_the_default_head_is_linear(backbone):
    assert kinds(head_layers(17, activation="sigmoid")) == ["BatchNormalization", "Dense"]
    network = assemble(backbone, 17, activation="sigmoid")
    assert kinds(network.head.layers[1:]) == ["BatchNormalization", "Dense"]
    assert kinds(network.features.layers)[-1] == "Concatenate"


def test_a_hidden_layer_makes_the_lessons_head():
    layers = head_layers(17, activation="sigmoid", hidden=(512,))
    assert kinds(layers) == ["BatchNormalization", "Dropout", "Dense", "ReLU", "BatchNormalization", "Dropout", "Dense"]
    assert [layer.rate for layer in layers if hasattr(layer, "rate")] == [0.25, 0.5]
    assert [(layer.units, layer.activation.__name__) for layer in layers if hasattr(layer, "units")] == [
        (512, "linear"),
        (17, "sigmoid"),
    ]
    assert all(type(layer.kernel_initializer).__name__ == "HeNormal" for layer in layers if hasattr(layer, "units"))
    assert {(layer.momentum, layer.epsilon) for layer in layers if hasattr(layer, "momentum")} == {(0.9, 1e-5)}


@pytest.mark.parametrize(
    ("hidden", "dropout", "expected"),
    [
        ((), 0.3, ["BatchNormalization", "Dropout", "Dense"]),
        ((8,), 0, ["BatchNormalization", "Dense", "ReLU", "BatchNormalization", "Dense"]),
        (
            (8, 4),
            (0, 0.1, 0),
            [
                "BatchNormalization",
                "Dense",
                "ReLU",
                "BatchNormalization",
                "Dropout",
                "Dense",
                "ReLU",
                "BatchNormalization",
                "Dense",
            ],
        ),
    ],
)
def test_hidden_layers_and_dropout(hidden, dropout, expected):
    assert kinds(head_layers(2, activation=None, hidden=hidden, dropout=dropout)) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"hidden": (512,), "dropout": (0.1, 0.2, 0.3)},
            "`dropout` has 3 values but the head has 2 dense layers; pass 1 or 2",
        ),
        ({"dropout": 1.0}, "`dropout` must be a number, 0 or more and below 1; received 1.0"),
        ({"dropout": -0.1}, "`dropout` must be a number, 0 or more and below 1; received -0.1"),
        ({"activation": "relu"}, "`activation` must be one of 'softmax', 'sigmoid', 'linear'; received 'relu'"),
        ({"units": 0}, "`units` must be a whole number"),
        ({"units": 2.5}, "`units` must be a whole number"),
        ({"hidden": (512, 0), "dropout": 0.1}, "`hidden` must be a whole number"),
    ],
)
def test_wrong_arguments_are_named(backbone, arguments, message):
    arguments = {"units": 3, "activation": "softmax"} | arguments
    units = arguments.pop("units")
    with pytest.raises(ValueError, match=message):
        head_layers(units, **arguments)
    with pytest.raises(ValueError, match=message):
        assemble(backbone, units, **arguments)


CUSTOM = {
    "list": lambda: [keras.layers.Conv2D(5, 1), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(3)],
    "sequential": lambda: keras.Sequential([keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(3)]),
    "model": lambda: keras.Model(
        i := keras.Input((None, None, 6)), keras.layers.Dense(3)(keras.layers.GlobalMaxPooling2D()(i))
    ),
    "function": lambda: lambda x: keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)),
}


@pytest.mark.parametrize("head", ["concat", "avg", "max", *CUSTOM])
def test_model_features_and_head_agree_and_share_their_layers(backbone, pixels, head):
    arguments = {"custom_head": CUSTOM[head]()} if head in CUSTOM else {"pool": head}
    network = assemble(backbone, 3, activation="softmax", **arguments)
    assert network.model.output.shape == (None, 3)
    np.testing.assert_allclose(network.model(pixels), network.head(network.features(pixels)), rtol=1e-5, atol=1e-6)
    assert len(network.head.weights) + len(network.features.weights) == len(network.model.weights)

    before = np.asarray(network.model(pixels))
    network.head.compile("sgd", "mse")
    network.head.fit(network.features(pixels), np.eye(3), verbose=0)
    assert np.abs(network.model(pixels) - before).max() > 1e-4
    np.testing.assert_allclose(network.model(pixels), network.head(network.features(pixels)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("pool", "channels"), [("concat", 12), ("avg", 6), ("max", 6)])
def test_pooling_sets_the_number_of_features(backbone, pool, channels):
    assert assemble(backbone, 2, activation="softmax", pool=pool).features.output.shape == (None, channels)


def test_split_names_the_first_layers_of_the_late_and_head_groups(backbone):
    network = assemble(backbone, 3, activation="softmax")
    names = [layer.name for layer in network.model.layers]
    assert network.split == ("late", "head_bn1")
    assert names.index("early_bn") < names.index("late") < names.index("head_bn1") < names.index("head_dense1")
    assert all(layer in network.head.layers for layer in network.model.layers[names.index("head_bn1") :])
    assert network.model.get_layer("late").output is network.model.get_layer("late").output


def test_custom_heads_are_flat_where_they_can_be(backbone):
    network = assemble(backbone, 3, activation=None, custom_head=CUSTOM["sequential"]())
    assert not any(isinstance(layer, keras.Model) for layer in network.model.layers)
    assert network.features.output.shape == (None, None, None, 6)
    assert network.split[1] == next(layer.name for layer in network.model.layers if "pooling" in layer.name)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            lambda: [keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(4)],
            r"ends in shape \(None, 4\) but 3 outputs",
        ),
        (lambda: [keras.layers.GlobalMaxPooling2D()], r"ends in shape \(None, 6\) but 3"),
    ],
)
def test_custom_heads_that_do_not_fit_say_so(backbone, head, message):
    with pytest.raises(ValueError, match=message):
        assemble(backbone, 3, activation=None, custom_head=head())
    with pytest.raises(ValueError, match="`pool` must be one of 'concat', 'avg', 'max'; received 'sum'"):
        assemble(backbone, 3, activation=None, pool="sum")


def test_a_custom_head_without_parameters_says_so(backbone):
    with pytest.raises(ValueError, match="no parameters to train"):
        assemble(backbone, 6, activation=None, custom_head=[keras.layers.GlobalMaxPooling2D()])


@pytest.mark.parametrize("custom", [None, "list"])
def test_outputs_are_float32_under_mixed_precision(mixed_precision, pixels, custom):
    raw = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(4, 3, strides=2, name="a"),
            keras.layers.Conv2D(6, 3, strides=2, name="b"),
        ]
    )
    network = assemble(
        Backbone.from_model(raw, preprocess="torch"), 3, activation="softmax", custom_head=custom and CUSTOM[custom]()
    )
    assert network.model.get_layer("b").compute_dtype == "float16"
    assert network.model(pixels).dtype == network.head(network.features(pixels)).dtype == "float32"
    np.testing.assert_allclose(network.model(pixels), network.head(network.features(pixels)), rtol=1e-2, atol=1e-2)


def test_the_whole_model_is_saved_and_loaded(backbone, pixels, tmp_path):
    model = assemble(backbone, 3, activation="softmax").model
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(
        keras.models.load_model(tmp_path / "model.keras")(pixels), model(pixels), rtol=1e-5, atol=1e-6
    )


def test_pictures_too_small_for_a_network_are_refused_with_a_size_that_is_not():
    x = inputs = keras.Input((None, None, 3))
    for _ in range(4):
        x = keras.layers.Conv2D(2, 3, strides=2, padding="valid")(x)
    network = keras.Model(inputs, x, name="steep_features")
    check_sides(network, (32, 40))
    for sides in ((28, 28), (8, 64)):
        with pytest.raises(ValueError, match=r"steep needs pictures of \d+ pixels a side; received .*`data.at_size\("):
            check_sides(network, sides)
