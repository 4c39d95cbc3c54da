"""ResNet-18 and -34 against a NumPy reference of torch's layers, on a file with torch's names."""

import json
import struct

import numpy as np
import pytest

from kerasfast.vision.networks.resnet import resnet18, resnet34
from kerasfast.vision.networks.torch_checkpoints import CheckpointError

BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}
BUILD = {"resnet18": resnet18, "resnet34": resnet34}


def torch_shapes(name):
    """The names and shapes of torchvision's state dict, classifier and counters included."""
    shapes = {"conv1.weight": (64, 3, 7, 7), **norm_shapes("bn1", 64)}
    channels = 64
    for stage, repeats in enumerate(BLOCKS[name]):
        filters = 64 * 2**stage
        for block in range(repeats):
            prefix = f"layer{stage + 1}.{block}"
            shapes |= {
                f"{prefix}.conv1.weight": (filters, channels, 3, 3),
                **norm_shapes(f"{prefix}.bn1", filters),
                f"{prefix}.conv2.weight": (filters, filters, 3, 3),
                **norm_shapes(f"{prefix}.bn2", filters),
            }
            if channels != filters:
                shapes |= {
                    f"{prefix}.downsample.0.weight": (filters, channels, 1, 1),
                    **norm_shapes(f"{prefix}.downsample.1", filters),
                }
            channels = filters
    return shapes | {"fc.weight": (1000, 512), "fc.bias": (1000,)}


def norm_shapes(prefix, channels):
    parts = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (channels,))
    return {f"{prefix}.{part}": shape for part, shape in (parts | {"num_batches_tracked": ()}).items()}


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


def write(path, state):
    header, position = {}, 0
    for name, tensor in state.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [position, position + tensor.nbytes],
        }
        position += tensor.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(tensor.tobytes() for tensor in state.values()))
    return path


def convolve(x, weight, stride, padding):
    """torch.nn.Conv2d on (channels, height, width), by the definition."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("chwij,ocij->ohw", windows, weight, optimize=True)


def normalize(x, state, prefix):
    weight, bias, mean, variance = (
        state[f"{prefix}.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(variance + 1e-5) * weight + bias


def reference(x, state, name):
    x = np.maximum(normalize(convolve(x, state["conv1.weight"], 2, 3), state, "bn1"), 0)
    x = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    x = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::2].max(axis=(3, 4))
    for stage, repeats in enumerate(BLOCKS[name]):
        for block in range(repeats):
            prefix, stride = f"layer{stage + 1}.{block}", 2 if stage and not block else 1
            y = np.maximum(
                normalize(convolve(x, state[f"{prefix}.conv1.weight"], stride, 1), state, f"{prefix}.bn1"), 0
            )
            y = normalize(convolve(y, state[f"{prefix}.conv2.weight"], 1, 1), state, f"{prefix}.bn2")
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


def test_a_file_of_the_other_depth_is_refused(tmp_path, rng):
    with pytest.raises(CheckpointError, match="missing: layer1.2.conv1.weight"):
        resnet34(weights=write(tmp_path / "resnet18.safetensors", random_state("resnet18", rng)))
