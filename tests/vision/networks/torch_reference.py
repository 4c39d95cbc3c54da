"""torch's layers in NumPy, and its state dicts as files."""

import json
import struct

import numpy as np


def norm_shapes(prefix, channels):
    parts = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (channels,))
    return {f"{prefix}.{part}": shape for part, shape in (parts | {"num_batches_tracked": ()}).items()}


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
    """torch.nn.Conv2d on (channels, height, width), by the definition, group by group."""
    groups = len(x) // weight.shape[1]
    if groups > 1:
        pairs = zip(np.split(x, groups), np.split(weight, groups), strict=True)
        return np.concatenate([convolve(*pair, stride, padding) for pair in pairs])
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("chwij,ocij->ohw", windows, weight, optimize=True)


def normalize(x, state, prefix):
    weight, bias, mean, variance = (
        state[f"{prefix}.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(variance + 1e-5) * weight + bias


def pool(x, size, stride, function):
    """Pool (channels, height, width) by a function of (array, axes)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
    return function(windows[:, ::stride, ::stride], (3, 4))
