"""ResNet-18 and ResNet-34, the lessons' own networks, in Keras with torch's padding and names."""

import os
from collections.abc import Iterator, Sequence

import keras
from keras import layers

from kerasfast.vision.networks.torch_checkpoints import load_tensors, read_checkpoint

_EPSILON = 1e-5  # torch's default; Keras's is 1e-3
_TOP = ("fc.weight", "fc.bias")


def resnet18(*, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build ResNet-18 without its classifier; see `resnet34`."""
    return _resnet("resnet18", (2, 2, 2, 2), weights)


def resnet34(*, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build ResNet-34 without its classifier.

    Args:
        weights: A `.safetensors` or `.pth` file with the names of torchvision and timm
            (`layer1.0.conv1.weight`, ...), or None for random weights. A classifier in the
            file is left out.

    Returns:
        A functional model from pixels normalised with ImageNet's mean and deviation, of shape
        (batch, height, width, 3) and any size, to (batch, height / 32, width / 32, 512).

    Source: He et al., Deep Residual Learning for Image Recognition, 2015.
    """
    return _resnet("resnet34", (3, 4, 6, 3), weights)


def _resnet(name: str, blocks: Sequence[int], weights: str | os.PathLike | None) -> keras.Model:
    inputs = keras.Input((None, None, 3), name="pixels")
    x = _convolve(inputs, 64, 7, 2, "conv1", "bn1")
    x = layers.ReLU(name="relu")(x)
    # The input is not negative after a ReLU, so zeros around it cannot win the maximum.
    x = layers.ZeroPadding2D(1, name="maxpool_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="maxpool")(x)
    for stage, repeats in enumerate(blocks):
        for block in range(repeats):
            stride = 2 if stage > 0 and block == 0 else 1
            x = _basic_block(x, 64 * 2**stage, stride, f"layer{stage + 1}_{block}")
    model = keras.Model(inputs, x, name=name)
    if weights is not None:
        load_tensors(_torch_layers(model), read_checkpoint(weights), source=weights, unused=_TOP)
    return model


def _convolve(
    x: keras.KerasTensor, filters: int, kernel: int, stride: int, name: str, norm_name: str
) -> keras.KerasTensor:
    """Append a convolution padded as torch does, equally on both sides, and its normalisation."""
    if kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(filters, kernel, stride, use_bias=False, kernel_initializer="he_normal", name=name)(x)
    return layers.BatchNormalization(epsilon=_EPSILON, name=norm_name)(x)


def _basic_block(x: keras.KerasTensor, filters: int, stride: int, name: str) -> keras.KerasTensor:
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = _convolve(x, filters, 1, stride, f"{name}_downsample_0", f"{name}_downsample_1")
    x = _convolve(x, filters, 3, stride, f"{name}_conv1", f"{name}_bn1")
    x = layers.ReLU(name=f"{name}_relu1")(x)
    x = _convolve(x, filters, 3, 1, f"{name}_conv2", f"{name}_bn2")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)


def _torch_layers(model: keras.Model) -> Iterator[tuple[keras.layers.Layer, str]]:
    """Yield each layer with weights beside its torch name: `layer1_0_conv1` is `layer1.0.conv1`."""
    for layer in model.layers:
        if layer.weights:
            yield layer, layer.name.replace("_", ".")
