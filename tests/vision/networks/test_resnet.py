"""Residual networks against a NumPy reference of torch's layers, on a file with torch's names."""

import functools

import keras
import numpy as np
import pytest
from torch_reference import convolve, norm_shapes, normalize, pool, write

from kerasfast.vision.networks.resnet import bottleneck_resnet, resnet18, resnet34
from kerasfast.vision.networks.torch_checkpoints import CheckpointError

BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "small_resnext": (1, 2, 1, 1)}
GROUPS, WIDTH = 4, 8
small_resnext = functools.partial(
    bottleneck_resnet, "small_resnext", BLOCKS["small_resnext"], groups=GROUPS, width=WIDTH
)
BUILD = {"resnet18": resnet18, "resnet34": resnet34, "small_resnext": small_resnext}


def torch_shapes(name):
    """The names and shapes of torchvision's state dict, classifier and counters included."""
    shapes = {"conv1.weight": (64, 3, 7, 7), **norm_shapes("bn1", 64)}
    channels = 64
    for stage, repeats in enumerate(BLOCKS[name]):
        filters = 64 * 2**stage
        for block in range(repeats):
            prefix, inner = f"layer{stage + 1}.{block}", filters // 64 * WIDTH
            kernels = [(filters, channels, 3, 3), (filters, filters, 3, 3)]
            if name == "small_resnext":
                kernels = [(inner * GROUPS, channels, 1, 1), (inner * GROUPS, inner, 3, 3)]
                kernels.append((4 * filters, inner * GROUPS, 1, 1))
            for number, shape in enumerate(kernels, start=1):
                shapes |= {f"{prefix}.conv{number}.weight": shape, **norm_shapes(f"{prefix}.bn{number}", shape[0])}
            if channels != shape[0]:
                shapes |= {
                    f"{prefix}.downsample.0.weight": (shape[0], channels, 1, 1),
                    **norm_shapes(f"{prefix}.downsample.1", shape[0]),
                }
            channels = shape[0]
    return shapes | {"fc.weight": (1000, channels), "fc.bias": (1000,)}


def random_state(name, rng):
    state = {}
    for key, shape in torch_shapes(name).items():
        if len(shape) == 4:
            state[key] = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        elif key.endswith("running_var"):
            state[key] = rng.uniform(0.5, 1.5, shape)
        else:
            state[key] = rng.normal(1.0 if key.endswith("weight") else 0.0, 0.1, shape)
    return {key: np.asarray(value, "float32") for key, value in state.items()}


def reference(x, state, name):
    x = np.maximum(normalize(convolve(x, state["conv1.weight"], 2, 3), state, "bn1"), 0)
    x = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    x = pool(x, 3, 2, np.max)
    for stage, repeats in enumerate(BLOCKS[name]):
        for block in range(repeats):
            prefix, stride = f"layer{stage + 1}.{block}", 2 if stage and not block else 1
            y, kernels = x, 3 if f"{prefix}.conv3.weight" in state else 2
            for number in range(1, kernels + 1):
                weight = state[f"{prefix}.conv{number}.weight"]
                halves = number == kernels - 1  # the 3x3 convolution, the first of two or the second of three
                y = convolve(y, weight, stride if halves else 1, weight.shape[2] // 2)
                y = normalize(y, state, f"{prefix}.bn{number}")
                y = np.maximum(y, 0) if number < kernels else y
            if f"{prefix}.downsample.0.weight" in state:
                x = normalize(
                    convolve(x, state[f"{prefix}.downsample.0.weight"], stride, 0), state, f"{prefix}.downsample.1"
                )
            x = np.maximum(x + y, 0)
    return x


@pytest.mark.slow
@pytest.mark.parametrize("name", BLOCKS)
def test_equals_the_reference_at_odd_and_even_sizes(tmp_path, rng, name):
    state = random_state(name, rng)
    model = BUILD[name](weights=write(tmp_path / "weights.safetensors", state))
    for height, width in ((64, 64), (75, 50)):
        x = rng.normal(size=(3, height, width)).astype("float32")
        expected = reference(x, state, name).transpose(1, 2, 0)
        np.testing.assert_allclose(model(x.transpose(1, 2, 0)[None])[0], expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
def test_every_tensor_is_wanted_and_no_other(tmp_path, rng):
    state = random_state("resnet18", rng)
    del state["layer2.0.downsample.0.weight"]
    state["layer5.0.conv1.weight"] = np.zeros(1, "float32")
    state["bn1.bias"] = np.zeros(63, "float32")
    with pytest.raises(
        CheckpointError, match="missing: layer2.0.downsample.0.weight .*unexpected: layer5.0.conv1.weight"
    ):
        resnet18(weights=write(tmp_path / "bad.safetensors", state))
    state = random_state("resnet18", rng) | {"bn1.bias": np.zeros(63, "float32")}
    with pytest.raises(CheckpointError, match=r"bad.safetensors does not fit.*wrong shape: bn1.bias \(63,\)"):
        resnet18(weights=write(tmp_path / "bad.safetensors", state))


@pytest.mark.slow
def test_a_file_of_the_other_depth_is_refused(tmp_path, rng):
    with pytest.raises(CheckpointError, match="missing: layer1.2.conv1.weight"):
        resnet34(weights=write(tmp_path / "resnet18.safetensors", random_state("resnet18", rng)))


def test_grouped_convolutions_train_on_a_processor(rng):
    """Early versions of TensorFlow had no gradient of them (tensorflow #53631)."""
    x = rng.normal(size=(4, 6, 6, 8)).astype("float32")
    grouped = keras.layers.Conv2D(8, 3, groups=4, use_bias=False)
    model = keras.Sequential([keras.Input((6, 6, 8)), grouped])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    before = np.asarray(grouped.kernel)
    outputs = np.asarray(model(x))
    model.train_on_batch(x, np.zeros_like(outputs))
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    slope = np.einsum("nhwgcij,nhwgo->ijcgo", windows.reshape(4, 4, 4, 4, 2, 3, 3), outputs.reshape(4, 4, 4, 4, 2))
    expected = before - 2 / outputs.size * slope.reshape(3, 3, 2, 8)
    np.testing.assert_allclose(np.asarray(grouped.kernel), expected, rtol=1e-4, atol=1e-5)
