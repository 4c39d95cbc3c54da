"""Torch networks of the lessons that keras.applications lacks beside ResNets: VGG with normalisation, DenseNet-161."""

import os
import re
from collections.abc import Iterator, Sequence

import keras
from keras import layers

from kerasfast.vision.networks.torch_checkpoints import load_tensors, read_checkpoint

_EPSILON = 1e-5  # torch's default; Keras's is 1e-3
# The classifiers of torchvision and of timm.
_VGG_TOP = [
    f"{layer}.{part}"
    for layer in ("classifier.0", "classifier.3", "classifier.6", "pre_logits.fc1", "pre_logits.fc2", "head.fc")
    for part in ("weight", "bias")
]
_DENSENET_TOP = ("classifier.weight", "classifier.bias")


def vgg16_bn(*, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build VGG-16 with BatchNormalization, without its classifier.

    Args:
        weights: A `.safetensors` or `.pth` file with the names of torchvision and timm (`features.0.weight`, ...),
            or None for random weights. A classifier in the file is left out.

    Returns:
        A functional model from pixels normalised with ImageNet's mean and deviation, of shape
        (batch, height, width, 3) and any size, to (batch, height / 32, width / 32, 512).

    Source: Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014.
    """
    return _vgg("vgg16_bn", (2, 2, 3, 3, 3), weights)


def vgg19_bn(*, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build VGG-19 with BatchNormalization, without its classifier; see `vgg16_bn`."""
    return _vgg("vgg19_bn", (2, 2, 4, 4, 4), weights)


def densenet161(*, weights: str | os.PathLike | None = None) -> keras.Model:
    """Build DenseNet-161 without its classifier; like Keras's DenseNets it ends with a ReLU.

    Args:
        weights: A `.safetensors` or `.pth` file with the names of torchvision, old or new, or of timm
            (`features.conv0.weight`, ...), or None for random weights. A classifier in the file is left out.

    Returns:
        A functional model from pixels normalised with ImageNet's mean and deviation, of shape
        (batch, height, width, 3) and any size, to (batch, height / 32, width / 32, 2208).

    Source: Huang et al., Densely Connected Convolutional Networks, 2017.
    """
    return dense_network("densenet161", 96, 48, (6, 12, 36, 24), weights=weights)


def _vgg(name: str, convolutions: Sequence[int], weights: str | os.PathLike | None) -> keras.Model:
    x = inputs = keras.Input((None, None, 3), name="pixels")
    number = 0  # torch counts convolutions, normalisations, activations and poolings alike
    for block, repeats in enumerate(convolutions):
        for _ in range(repeats):
            filters = min(64 * 2**block, 512)
            x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", name=f"features_{number}")(x)
            x = layers.BatchNormalization(epsilon=_EPSILON, name=f"features_{number + 1}")(x)
            x = layers.ReLU(name=f"features_{number + 2}")(x)
            number += 3
        x = layers.MaxPooling2D(2, name=f"features_{number}")(x)
        number += 1
    model = keras.Model(inputs, x, name=name)
    if weights is not None:
        load_tensors(_torch_layers(model), read_checkpoint(weights), source=weights, unused=_VGG_TOP)
    return model


def dense_network(
    name: str,
    first: int,
    growth: int,
    blocks: Sequence[int],
    *,
    weights: str | os.PathLike | None = None,
) -> keras.Model:
    """Build a densely connected network without its classifier.

    Args:
        name: The model's name.
        first: Channels of the first convolution.
        growth: Channels that each layer of a block adds.
        blocks: Number of layers in each block.
        weights: As for `densenet161`.
    """
    inputs = keras.Input((None, None, 3), name="pixels")
    x = layers.ZeroPadding2D(3, name="features_conv0_pad")(inputs)
    x = _convolve(x, first, 7, "features_conv0", strides=2)
    x = _activate(x, "features_norm0")
    # The input is not negative after a ReLU, so zeros around it cannot win the maximum.
    x = layers.ZeroPadding2D(1, name="features_pool0_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="features_pool0")(x)
    for block, repeats in enumerate(blocks, start=1):
        for layer in range(1, repeats + 1):
            prefix = f"features_denseblock{block}_denselayer{layer}"
            y = _convolve(_activate(x, f"{prefix}_norm1"), 4 * growth, 1, f"{prefix}_conv1")
            y = _convolve(_activate(y, f"{prefix}_norm2"), growth, 3, f"{prefix}_conv2", padding="same")
            x = layers.Concatenate(name=f"{prefix}_join")([x, y])
        if block < len(blocks):
            prefix = f"features_transition{block}"
            x = _convolve(_activate(x, f"{prefix}_norm"), x.shape[-1] // 2, 1, f"{prefix}_conv")
            x = layers.AveragePooling2D(2, name=f"{prefix}_pool")(x)
    model = keras.Model(inputs, _activate(x, f"features_norm{len(blocks) + 1}"), name=name)
    if weights is not None:
        tensors = {_new_name(key): tensor for key, tensor in read_checkpoint(weights).items()}
        load_tensors(_torch_layers(model), tensors, source=weights, unused=_DENSENET_TOP)
    return model


def _activate(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    x = layers.BatchNormalization(epsilon=_EPSILON, name=name)(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _convolve(x: keras.KerasTensor, filters: int, kernel: int, name: str, **options) -> keras.KerasTensor:
    return layers.Conv2D(filters, kernel, use_bias=False, kernel_initializer="he_normal", name=name, **options)(x)


def _new_name(name: str) -> str:
    """Turn torchvision's first names of a dense layer, `norm.1` and `conv.1`, into those of today."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", name)


def _torch_layers(model: keras.Model) -> Iterator[tuple[keras.layers.Layer, str]]:
    """Yield each layer with weights beside its torch name: `features_0` is `features.0`."""
    for layer in model.layers:
        if layer.weights:
            yield layer, layer.name.replace("_", ".")
