"""EfficientNet-Lite0 with the weights of the package: what it calls real cats and dogs, and how it pads."""

import numpy as np
import pytest
from PIL import Image

from kerasfast.vision import backbones
from kerasfast.vision.networks.efficientnet_lite import efficientnet_lite0

DOGS, CATS = slice(151, 269), slice(281, 286)
COUNT = 40
LIMITS = {"dogs": -0.21, "cats": -0.93}  # the right network reaches -0.203 and -0.902


@pytest.fixture(scope="module")
def weights():
    available, where = backbones.get("efficientnet_lite0").weights_available()
    if not available:
        pytest.skip(f"ImageNet weights not installed: {where}")
    return where


def centre_crop(path):
    """Scale the shorter side to 256 and cut the 224 in the middle, as the weights were tested."""
    image = Image.open(path).convert("RGB")
    scale = 256 / min(image.size)
    width, height = round(image.width * scale), round(image.height * scale)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - 224) // 2, (height - 224) // 2
    return np.asarray(image.crop((left, top, left + 224, top + 224)), "float32")


def test_names_real_dogs_and_cats(data_dir, weights):
    model = efficientnet_lite0(include_top=True, weights=weights)
    probability = {}
    for kind in ("dogs", "cats"):
        files = sorted((data_dir / "dogscats" / "valid" / kind).iterdir())[:COUNT]
        pictures = np.stack([centre_crop(file) for file in files])
        probability[kind] = model.predict((pictures - 127) / 128, batch_size=20, verbose=0)
    assert np.mean([151 <= c < 269 for c in probability["dogs"].argmax(1)]) >= 0.95
    assert np.mean([281 <= c < 286 for c in probability["cats"].argmax(1)]) >= 0.75
    # Symmetric padding or torch's epsilon still name most pictures right, but with less confidence.
    assert np.log(probability["dogs"][:, DOGS].sum(1)).mean() > LIMITS["dogs"]
    assert np.log(probability["cats"][:, CATS].sum(1)).mean() > LIMITS["cats"]


@pytest.mark.slow
def test_the_backbone_computes_what_the_network_does_before_its_classifier(weights, rng):
    pixels = rng.uniform(0, 255, (2, 64, 96, 3)).astype("float32")
    expected = efficientnet_lite0(weights=weights)((pixels - 127) / 128)
    backbone = backbones.get("efficientnet_lite0").create()
    assert backbone.output.shape == (None, None, None, 1280)
    np.testing.assert_allclose(backbone(pixels), expected, atol=1e-4)


@pytest.mark.slow
def test_strided_layers_pad_less_before_than_after_whatever_the_size():
    model = efficientnet_lite0()
    pads = {layer.name: layer.padding for layer in model.layers if layer.name.endswith("_pad")}
    assert pads.pop("stage3_block3_depthwise_pad") == ((1, 2), (1, 2))
    assert pads.pop("stage6_block11_depthwise_pad") == ((1, 2), (1, 2))
    assert list(pads.values()) == [((0, 1), (0, 1))] * 3


def test_has_the_published_number_of_parameters():
    model = efficientnet_lite0(include_top=True)
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == 4_652_008
