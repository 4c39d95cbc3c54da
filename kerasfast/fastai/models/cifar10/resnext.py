"""ResNeXt for small pictures (Xie and others, "Aggregated Residual Transformations", 2017), as a Keras model."""

import keras
from keras import layers

from kerasfast.fastai.torch_names.methods import with_torch_methods

__all__ = ["CifarResNeXt", "resnext29_16_64", "resnext29_8_64"]

STAGES = ((1, 64), (2, 128), (2, 256))  # stride and width of each


def CifarResNeXt(num_classes: int = 10, depth: int = 29, cardinality: int = 8, base_width: int = 64) -> keras.Model:
    """Return a network of random weights, from pictures of any size to probabilities.

    Args:
        num_classes: Classes.
        depth: Layers with weights, two and nine for each block of every stage.
        cardinality: Groups of each grouped convolution.
        base_width: Channels of each group in the first stage.

    Raises:
        ValueError: When the depth is not two more than a multiple of nine.
    """
    if (depth - 2) % 9:
        raise ValueError(f"`depth` is two more than a multiple of nine, such as 29; received {depth}.")
    inputs = keras.Input((None, None, 3))
    x = _convolved(inputs, 64, 3)
    for number, (stride, width) in enumerate(STAGES):
        for block in range((depth - 2) // 9):
            x = _block(x, cardinality * base_width * 2**number, 4 * width, cardinality, stride if block == 0 else 1)
    x = layers.GlobalAveragePooling2D()(x)
    return with_torch_methods(keras.Model(inputs, layers.Dense(num_classes, "softmax")(x), name="cifar_resnext"))


def resnext29_8_64(num_classes: int = 10) -> keras.Model:
    """Return ResNeXt-29 with 8 groups of 64 channels."""
    return CifarResNeXt(num_classes, cardinality=8)


def resnext29_16_64(num_classes: int = 10) -> keras.Model:
    """Return ResNeXt-29 with 16 groups of 64 channels."""
    return CifarResNeXt(num_classes, cardinality=16)


def _convolved(x, width: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = True):
    x = layers.Conv2D(
        width, kernel, stride, "same", groups=groups, use_bias=False, kernel_initializer="he_normal"
    )(x)  # fmt: skip
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    return layers.ReLU()(x) if relu else x


def _block(x, inner: int, outer: int, groups: int, stride: int):
    deep = _convolved(x, inner, 1)
    deep = _convolved(deep, inner, 3, stride, groups)
    deep = _convolved(deep, outer, 1, relu=False)
    if x.shape[-1] != outer:
        x = _convolved(x, outer, 1, stride, relu=False)
    return layers.ReLU()(layers.Add()([x, deep]))
