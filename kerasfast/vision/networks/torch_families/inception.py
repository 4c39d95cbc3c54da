"""Inception-v4, with torch's names of its weights."""

import os
import re
from collections.abc import Sequence

import keras
from keras import layers

from kerasfast.vision.networks.torch_checkpoints import load_tensors, read_checkpoint

_EPSILON = 1e-3  # of the networks that were trained, in TensorFlow, where torch's weights come from
_TOP = [f"{layer}.{part}" for layer in ("classif", "last_linear", "head.fc") for part in ("weight", "bias")]
_ACROSS, _DOWN = (1, 7), (7, 1)

# A convolution is (filters, kernel), with "/2" without padding and in steps of two, with "v" without padding.
Step = tuple[int, int | tuple[int, int]] | tuple[int, int | tuple[int, int], str]


def inception_v4(*, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build Inception-v4 without its classifier.

    Args:
        weights: A `.safetensors` or `.pth` file with the names of timm, Cadene or the course (`features.0.conv.weight`,
            ...), or None for random weights. A classifier in the file is left out.

    Returns:
        A functional model from pixels scaled to -1 to 1, of shape (batch, height, width, 3) and any size from 75, to
        (batch, about height / 32, about width / 32, 1536).

    Source: Szegedy et al., Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning, 2016.
    """
    inputs = keras.Input((None, None, 3), name="pixels")
    x = _convolve(inputs, (32, 3, "/2"), "features_0")
    x = _convolve(x, (32, 3, "v"), "features_1")
    x = _convolve(x, (64, 3), "features_2")
    x = _joined("features_3", _shrunk(x, "features_3"), _convolve(x, (96, 3, "/2"), "features_3_conv"))
    x = _branches(
        x, "features_4", [(64, 1), (96, 3, "v")], [(64, 1), (64, _ACROSS), (64, _DOWN), (96, 3, "v")]
    )  # fmt: skip
    x = _joined("features_5", _convolve(x, (192, 3, "/2"), "features_5_conv"), _shrunk(x, "features_5"))
    for number in range(6, 10):
        x = _branches(
            x, f"features_{number}", [(96, 1)], [(64, 1), (96, 3)], [(64, 1), (96, 3), (96, 3)], pooled=96
        )  # fmt: skip
    x = _branches(x, "features_10", [(384, 3, "/2")], [(192, 1), (224, 3), (256, 3, "/2")], shrunk=True)
    for number in range(11, 18):
        x = _branches(
            x, f"features_{number}", [(384, 1)], [(192, 1), (224, _ACROSS), (256, _DOWN)],
            [(192, 1), (192, _DOWN), (224, _ACROSS), (224, _DOWN), (256, _ACROSS)], pooled=128,
        )  # fmt: skip
    x = _branches(
        x, "features_18", [(192, 1), (192, 3, "/2")], [(256, 1), (256, _ACROSS), (320, _DOWN), (320, 3, "/2")],
        shrunk=True,
    )  # fmt: skip
    for number in range(19, 22):
        x = _spread(x, f"features_{number}")
    model = keras.Model(inputs, x, name="inception_v4")
    if weights is not None:
        load(model, weights)
    return model


def load(model: keras.Model, weights: str | os.PathLike) -> None:
    """Give a network that `inception_v4` built the weights of a file, whose branches may be called blocks."""
    tensors = {re.sub(r"\.block(\d)", r".branch\1", key): value for key, value in read_checkpoint(weights).items()}
    load_tensors(_torch_layers(model), tensors, source=weights, unused=_TOP)


def _branches(
    x: keras.KerasTensor, name: str, *branches: Sequence[Step], pooled: int = 0, shrunk: bool = False
) -> keras.KerasTensor:
    """Return branches of convolutions side by side; with `pooled` filters of the average, or `shrunk` maxima, last."""
    made = []
    for number, steps in enumerate(branches):
        y = x
        for place, step in enumerate(steps):
            y = _convolve(y, step, f"{name}_branch{number}" + (f"_{place}" if len(steps) > 1 else ""))
        made.append(y)
    if pooled:
        y = layers.AveragePooling2D(3, 1, padding="same", name=f"{name}_average")(x)
        made.append(_convolve(y, (pooled, 1), f"{name}_branch{len(branches)}_1"))
    return _joined(name, *made, *([_shrunk(x, name)] if shrunk else []))


def _spread(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Return a block of the last kind, whose branches end in a row and a column side by side."""
    across, down = (1, 3), (3, 1)
    first = _convolve(x, (256, 1), f"{name}_branch0")
    y = _convolve(x, (384, 1), f"{name}_branch1-0")
    second = [_convolve(y, (256, across), f"{name}_branch1-1a"), _convolve(y, (256, down), f"{name}_branch1-1b")]
    z = _convolve(x, (384, 1), f"{name}_branch2-0")
    z = _convolve(_convolve(z, (448, down), f"{name}_branch2-1"), (512, across), f"{name}_branch2-2")
    third = [_convolve(z, (256, across), f"{name}_branch2-3a"), _convolve(z, (256, down), f"{name}_branch2-3b")]
    average = layers.AveragePooling2D(3, 1, padding="same", name=f"{name}_average")(x)
    return _joined(name, first, *second, *third, _convolve(average, (256, 1), f"{name}_branch3_1"))


def _convolve(x: keras.KerasTensor, step: Step, name: str) -> keras.KerasTensor:
    filters, kernel, how = step if len(step) == 3 else (*step, "")
    x = layers.Conv2D(
        filters, kernel, strides=2 if how == "/2" else 1, padding="valid" if how else "same", use_bias=False,
        kernel_initializer="he_normal", name=f"{name}_conv",
    )(x)  # fmt: skip
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _shrunk(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.MaxPooling2D(3, 2, name=f"{name}_maximum")(x)


def _joined(name: str, *parts: keras.KerasTensor) -> keras.KerasTensor:
    return layers.Concatenate(name=f"{name}_join")(list(parts))


def _torch_layers(model: keras.Model):
    """Yield each layer with weights beside its torch name: `features_19_branch1-0_bn` is `features.19.branch1_0.bn`."""
    for layer in model.layers:
        if layer.weights:
            yield layer, layer.name.replace("_", ".").replace("-", "_")
