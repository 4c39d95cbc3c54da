"""EfficientNet-Lite0 in Keras, with the ImageNet weights that a package on the Python index carries."""

import os
from collections.abc import Iterator

import keras
from keras import layers

from kerasfast.vision.networks.torch_checkpoints import load_tensors, read_checkpoint

# Tan and Le, 2019, table 1: repeats, kernel, stride, expansion, output channels of each stage.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_EPSILON = 1e-3  # as in the network the weights were trained in, not torch's 1e-5


def efficientnet_lite0(*, include_top: bool = False, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build EfficientNet-Lite0: EfficientNet-B0 with ReLU6 and without squeeze and excitation.

    Args:
        include_top: End in the 1000 ImageNet class probabilities instead of the last feature map.
        weights: A `.pth` or `.safetensors` file with the names of EfficientNet-PyTorch
            (`_blocks.0._depthwise_conv.weight`, ...), or None for random weights.
            The backbone of this name finds the ImageNet weights.

    Returns:
        A functional model from `(x - 127) / 128`, of shape (batch, height, width, 3) and any size, to
        (batch, height / 32, width / 32, 1280) or to (batch, 1000).

    Source: Liu et al., EfficientNet-Lite (TensorFlow blog, 2020); Tan and Le, EfficientNet, 2019.
    """
    inputs = keras.Input((None, None, 3), name="pixels")
    x = _convolve(inputs, 32, 3, 2, "stem")
    number = 0
    for stage, (repeats, kernel, stride, expansion, filters) in enumerate(_STAGES, start=1):
        for repeat in range(repeats):
            x = _block(x, kernel, stride if repeat == 0 else 1, expansion, filters, f"stage{stage}_block{number}")
            number += 1
    x = _convolve(x, 1280, 1, 1, "top")
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dropout(0.2, name="top_dropout")(x)
        x = layers.Dense(1000, activation="softmax", name="predictions")(x)
    model = keras.Model(inputs, x, name="efficientnet_lite0")
    if weights is not None:
        unused = () if include_top else ("_fc.weight", "_fc.bias")
        load_tensors(_torch_layers(model), read_checkpoint(weights), source=weights, unused=unused)
    return model


def _same(x: keras.KerasTensor, kernel: int, stride: int, name: str) -> tuple[keras.KerasTensor, str]:
    """Pad for a strided convolution as the reference does at its own size, and at every other one.

    TensorFlow's "same" would pad odd sides differently from even ones, and so shift the feature
    map by a pixel between training sizes.
    """
    if stride == 1:
        return x, "same"
    before = (kernel - stride) // 2
    after = kernel - stride - before
    return layers.ZeroPadding2D(((before, after), (before, after)), name=f"{name}_pad")(x), "valid"


def _normalize(x: keras.KerasTensor, name: str, *, activate: bool = True) -> keras.KerasTensor:
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activate else x


def _convolve(
    x: keras.KerasTensor, filters: int, kernel: int, stride: int, name: str, *, activate: bool = True
) -> keras.KerasTensor:
    x, padding = _same(x, kernel, stride, name)
    x = layers.Conv2D(
        filters, kernel, stride, padding, use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
    )(x)
    return _normalize(x, name, activate=activate)


def _block(
    x: keras.KerasTensor, kernel: int, stride: int, expansion: int, filters: int, name: str
) -> keras.KerasTensor:
    """Append one inverted residual block: expand, convolve each channel, project, add."""
    start, channels = x, x.shape[-1]
    if expansion > 1:
        x = _convolve(x, channels * expansion, 1, 1, f"{name}_expand")
    x, padding = _same(x, kernel, stride, f"{name}_depthwise")
    x = layers.DepthwiseConv2D(
        kernel, stride, padding, use_bias=False, depthwise_initializer="he_normal", name=f"{name}_depthwise_conv"
    )(x)
    x = _normalize(x, f"{name}_depthwise")
    x = _convolve(x, filters, 1, 1, f"{name}_project", activate=False)
    return layers.Add(name=f"{name}_add")([start, x]) if stride == 1 and channels == filters else x


def _torch_layers(model: keras.Model) -> Iterator[tuple[keras.layers.Layer, str]]:
    """Yield each layer with weights beside its name in EfficientNet-PyTorch."""
    outer = {
        "stem_conv": "_conv_stem",
        "stem_bn": "_bn0",
        "top_conv": "_conv_head",
        "top_bn": "_bn1",
        "predictions": "_fc",
    }
    inner = {
        "expand_conv": "_expand_conv",
        "expand_bn": "_bn0",
        "depthwise_conv": "_depthwise_conv",
        "depthwise_bn": "_bn1",
        "project_conv": "_project_conv",
        "project_bn": "_bn2",
    }
    for layer in model.layers:
        if not layer.weights or isinstance(layer, layers.Dropout):
            continue
        if layer.name in outer:
            yield layer, outer[layer.name]
        else:
            _, block, part = layer.name.split("_", 2)
            yield layer, f"_blocks.{block.removeprefix('block')}.{inner[part]}"
