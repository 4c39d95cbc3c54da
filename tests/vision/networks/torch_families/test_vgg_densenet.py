"""VGG with normalisation and dense networks against a NumPy reference of torch's layers."""

import functools

import numpy as np
import pytest
from torch_reference import convolve, norm_shapes, normalize, pool, write

from kerasfast.vision.networks.torch_families.vgg_densenet import dense_network, densenet161, vgg16_bn

small_densenet = functools.partial(dense_network, "small", 8, 4, (1, 2))


def random_arrays(shapes, rng):
    """Random weights that neither fade nor explode."""
    state = {}
    for key, shape in shapes.items():
        deviation = np.sqrt(2 / np.prod(shape[1:])) if len(shape) == 4 else 0.1
        mean = 1.0 if key.endswith("running_var") or ("norm" in key and key.endswith("weight")) else 0.0
        state[key] = np.asarray(rng.normal(mean, deviation, shape), "float32")
    return state


def dense_shapes():
    shapes = {"features.conv0.weight": (8, 3, 7, 7), **norm_shapes("features.norm0", 8)}
    for name, channels in (
        ("denseblock1.denselayer1", 8),
        ("denseblock2.denselayer1", 6),
        ("denseblock2.denselayer2", 10),
    ):
        prefix = f"features.{name}"
        shapes |= {
            **norm_shapes(f"{prefix}.norm.1", channels),
            f"{prefix}.conv.1.weight": (16, channels, 1, 1),
            **norm_shapes(f"{prefix}.norm.2", 16),
            f"{prefix}.conv.2.weight": (4, 16, 3, 3),
        }
    shapes |= {**norm_shapes("features.transition1.norm", 12), "features.transition1.conv.weight": (6, 12, 1, 1)}
    return shapes | norm_shapes("features.norm3", 14) | {"classifier.weight": (5, 14), "classifier.bias": (5,)}


def dense_reference(x, state):
    def activated(x, name):
        return np.maximum(normalize(x, state, f"features.{name}"), 0)

    def layer(x, name):
        y = convolve(activated(x, f"{name}.norm.1"), state[f"features.{name}.conv.1.weight"], 1, 0)
        y = convolve(activated(y, f"{name}.norm.2"), state[f"features.{name}.conv.2.weight"], 1, 1)
        return np.concatenate([x, y])

    x = activated(convolve(x, state["features.conv0.weight"], 2, 3), "norm0")
    x = pool(np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf), 3, 2, np.max)
    x = layer(x, "denseblock1.denselayer1")
    x = pool(convolve(activated(x, "transition1.norm"), state["features.transition1.conv.weight"], 1, 0), 2, 2, np.mean)
    return activated(layer(layer(x, "denseblock2.denselayer1"), "denseblock2.denselayer2"), "norm3")


@pytest.mark.parametrize("sides", [(64, 48), (37, 52)])
def test_a_dense_network_equals_the_reference_under_torchvisions_first_names(tmp_path, rng, sides):
    state = random_arrays(dense_shapes(), rng)
    model = small_densenet(weights=write(tmp_path / "weights.safetensors", state))
    x = rng.normal(size=(3, *sides)).astype("float32")
    expected = dense_reference(x, state).transpose(1, 2, 0)
    np.testing.assert_allclose(model(x.transpose(1, 2, 0)[None])[0], expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.slow
def test_densenet161_has_torchs_parameters():
    assert densenet161().count_params() == 26_691_936  # torchvision's features with their statistics


@pytest.mark.slow
def test_vgg_equals_the_reference(tmp_path, rng):
    shapes, number, channels = {}, 0, 3
    for filters, repeats in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(repeats):
            shapes |= {f"features.{number}.weight": (filters, channels, 3, 3), f"features.{number}.bias": (filters,)}
            shapes |= norm_shapes(f"features.{number + 1}", filters)
            number, channels = number + 3, filters
        number += 1
    shapes |= {"classifier.0.weight": (2, 2), "classifier.0.bias": (2,)}
    state = random_arrays(shapes, rng)
    expected = x = rng.normal(size=(3, 32, 49)).astype("float32")
    for number in range(44):
        if f"features.{number}.running_var" in state:
            state[f"features.{number}.weight"] += 1.0
            expected = np.maximum(normalize(expected, state, f"features.{number}"), 0)
        elif f"features.{number}.weight" in state:
            bias = state[f"features.{number}.bias"][:, None, None]
            expected = convolve(expected, state[f"features.{number}.weight"], 1, 1) + bias
        elif f"features.{number - 1}.weight" not in state:
            expected = pool(expected, 2, 2, np.max)
    model = vgg16_bn(weights=write(tmp_path / "weights.safetensors", state))
    expected = expected.transpose(1, 2, 0)
    np.testing.assert_allclose(model(x.transpose(1, 2, 0)[None])[0], expected, atol=1e-4 * np.abs(expected).max())
