"""The lessons' residual networks, in Keras with torch's padding and names: ResNet, ResNeXt, wide ResNet."""

import os
from collections.abc import Callable, Iterator, Sequence

import keras
from keras import layers

from kerasfast.vision.networks.torch_checkpoints import load_tensors, read_checkpoint

_EPSILON = 1e-5  # torch's default; Keras's is 1e-3
_TOP = ("fc.weight", "fc.bias")


def resnet18(*, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build ResNet-18 without its classifier; see `resnet34`."""
    return _resnet("resnet18", (2, 2, 2, 2), _basic_block, weights)


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
    return _resnet("resnet34", (3, 4, 6, 3), _basic_block, weights)


def resnet50_torch(*, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build torch's ResNet-50, which halves the sides in the 3x3 convolutions; see `bottleneck_resnet`."""
    return bottleneck_resnet("resnet50_torch", (3, 4, 6, 3), weights=weights)


def resnet101_torch(*, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build torch's ResNet-101; see `bottleneck_resnet`."""
    return bottleneck_resnet("resnet101_torch", (3, 4, 23, 3), weights=weights)


def resnet152_torch(*, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build torch's ResNet-152; see `bottleneck_resnet`."""
    return bottleneck_resnet("resnet152_torch", (3, 8, 36, 3), weights=weights)


def resnext50_32x4d(*, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build ResNeXt-50 with 32 groups of 4 channels; see `bottleneck_resnet`."""
    return bottleneck_resnet("resnext50_32x4d", (3, 4, 6, 3), groups=32, width=4, weights=weights)


def resnext101_32x4d(*, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build ResNeXt-101 with 32 groups of 4 channels; see `bottleneck_resnet`."""
    return bottleneck_resnet("resnext101_32x4d", (3, 4, 23, 3), groups=32, width=4, weights=weights)


def resnext101_64x4d(*, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build ResNeXt-101 with 64 groups of 4 channels; see `bottleneck_resnet`."""
    return bottleneck_resnet("resnext101_64x4d", (3, 4, 23, 3), groups=64, width=4, weights=weights)


def wide_resnet50_2(*, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build ResNet-50 with 3x3 convolutions of twice the channels; see `bottleneck_resnet`."""
    return bottleneck_resnet("wide_resnet50_2", (3, 4, 6, 3), width=128, weights=weights)


def bottleneck_resnet(
    name: str,
    blocks: Sequence[int],
    *,
    groups: int = 1,
    width: int = 64,
    weights: str | os.PathLike | None = None,
) -> keras.Model:
    """Build a residual network of bottleneck blocks without its classifier.

    Args:
        name: The model's name.
        blocks: Number of blocks in each of the four stages.
        groups: Groups of the 3x3 convolutions.
        width: Channels of a group in the first stage; each later stage doubles them.
        weights: As for `resnet34`.

    Returns:
        A functional model like that of `resnet34`, with 2048 channels at its end.

    Sources: He et al., 2015; Zagoruyko and Komodakis, Wide Residual Networks, 2016; Xie et al., Aggregated Residual
    Transformations for Deep Neural Networks, 2017.
    """

    def block(x: keras.KerasTensor, filters: int, stride: int, name: str) -> keras.KerasTensor:
        return _bottleneck_block(x, filters, filters * width // 64 * groups, groups, stride, name)

    return _resnet(name, blocks, block, weights)


def _resnet(name: str, blocks: Sequence[int], block: Callable, weights: str | os.PathLike | None) -> keras.Model:
    inputs = keras.Input((None, None, 3), name="pixels")
    x = _convolve(inputs, 64, 7, 2, "conv1", "bn1")
    x = layers.ReLU(name="relu")(x)
    # The input is not negative after a ReLU, so zeros around it cannot win the maximum.
    x = layers.ZeroPadding2D(1, name="maxpool_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="maxpool")(x)
    for stage, repeats in enumerate(blocks):
        for number in range(repeats):
            stride = 2 if stage > 0 and number == 0 else 1
            x = block(x, 64 * 2**stage, stride, f"layer{stage + 1}_{number}")
    model = keras.Model(inputs, x, name=name)
    if weights is not None:
        load_tensors(_torch_layers(model), read_checkpoint(weights), source=weights, unused=_TOP)
    return model


def _convolve(
    x: keras.KerasTensor, filters: int, kernel: int, stride: int, name: str, norm_name: str, groups: int = 1
) -> keras.KerasTensor:
    """Append a convolution padded as torch does, equally on both sides, and its normalisation."""
    if kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(
        filters, kernel, stride, groups=groups, use_bias=False, kernel_initializer="he_normal", name=name
    )(x)
    return layers.BatchNormalization(epsilon=_EPSILON, name=norm_name)(x)


def _shortcut(x: keras.KerasTensor, filters: int, stride: int, name: str) -> keras.KerasTensor:
    """Return what is added to a block's result: its input, made to fit."""
    if stride == 1 and x.shape[-1] == filters:
        return x
    return _convolve(x, filters, 1, stride, f"{name}_downsample_0", f"{name}_downsample_1")


def _basic_block(x: keras.KerasTensor, filters: int, stride: int, name: str) -> keras.KerasTensor:
    shortcut = _shortcut(x, filters, stride, name)
    x = _convolve(x, filters, 3, stride, f"{name}_conv1", f"{name}_bn1")
    x = layers.ReLU(name=f"{name}_relu1")(x)
    x = _convolve(x, filters, 3, 1, f"{name}_conv2", f"{name}_bn2")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)


def _bottleneck_block(
    x: keras.KerasTensor, filters: int, inner: int, groups: int, stride: int, name: str
) -> keras.KerasTensor:
    """Append a block that computes with `inner` channels between two 1x1 convolutions, and ends with 4 * filters."""
    shortcut = _shortcut(x, 4 * filters, stride, name)
    x = _convolve(x, inner, 1, 1, f"{name}_conv1", f"{name}_bn1")
    x = layers.ReLU(name=f"{name}_relu1")(x)
    x = _convolve(x, inner, 3, stride, f"{name}_conv2", f"{name}_bn2", groups)
    x = layers.ReLU(name=f"{name}_relu2")(x)
    x = _convolve(x, 4 * filters, 1, 1, f"{name}_conv3", f"{name}_bn3")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)


def _torch_layers(model: keras.Model) -> Iterator[tuple[keras.layers.Layer, str]]:
    """Yield each layer with weights beside its torch name: `layer1_0_conv1` is `layer1.0.conv1`."""
    for layer in model.layers:
        if layer.weights:
            yield layer, layer.name.replace("_", ".")
