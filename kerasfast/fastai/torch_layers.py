"""The few torch layers that lessons build heads of, as Keras layers, channels last and sized by what they are given."""

import keras
from keras import layers

__all__ = [
    "AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "BatchNorm1d", "BatchNorm2d", "Conv2d", "Dropout", "Dropout2d",
    "LeakyReLU", "Linear", "LogSoftmax", "MaxPool2d", "ReLU", "Sequential", "Sigmoid", "Softmax", "Tanh",
]  # fmt: skip


def Sequential(*parts: layers.Layer) -> list[layers.Layer]:
    """Return layers in a row, for `custom_head`; give them as arguments or as one list."""
    return list(parts[0]) if len(parts) == 1 and isinstance(parts[0], (list, tuple)) else list(parts)


def Linear(in_features: int, out_features: int, bias: bool = True) -> layers.Layer:
    """Return a dense layer; Keras finds out `in_features` by itself."""
    return layers.Dense(out_features, use_bias=bias, kernel_initializer="he_normal")


def Conv2d(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0, bias: bool = True
) -> layers.Layer:
    """Return a convolution; `padding` is 0, or half of an odd kernel for the same size."""
    sides = {0: "valid", kernel_size // 2: "same"}
    if padding not in sides or (padding and stride != 1):
        raise ValueError(
            f"Here a convolution is padded by 0, or with stride 1 by half its kernel ({kernel_size // 2}); received "
            f"padding={padding}, stride={stride}. Use `keras.layers.ZeroPadding2D` and `Conv2D`."
        )
    return layers.Conv2D(
        out_channels, kernel_size, strides=stride, padding=sides[padding], use_bias=bias, kernel_initializer="he_normal"
    )


def BatchNorm1d(num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> layers.Layer:
    """Return batch normalisation with torch's defaults; torch's momentum is what Keras calls 1 - momentum."""
    return layers.BatchNormalization(momentum=1 - momentum, epsilon=eps)


BatchNorm2d = BatchNorm1d


def Dropout(p: float = 0.5) -> layers.Layer:
    """Return dropout of a share of the activations."""
    return layers.Dropout(p)


def Dropout2d(p: float = 0.5) -> layers.Layer:
    """Return dropout of whole channels."""
    return layers.SpatialDropout2D(p)


def ReLU(inplace: bool = False) -> layers.Layer:
    """Return the rectifier."""
    return layers.ReLU()


def LeakyReLU(negative_slope: float = 0.01, inplace: bool = False) -> layers.Layer:
    """Return the rectifier with a slope below 0."""
    return layers.LeakyReLU(negative_slope)


def Sigmoid() -> layers.Layer:
    """Return the logistic function."""
    return layers.Activation("sigmoid")


def Tanh() -> layers.Layer:
    """Return the hyperbolic tangent."""
    return layers.Activation("tanh")


def Softmax(dim: int = -1) -> layers.Layer:
    """Return softmax over the last dimension."""
    return layers.Softmax()


def LogSoftmax(dim: int = -1) -> layers.Layer:
    """Return softmax over the last dimension: models give probabilities here, and `learn.predict` their logarithms."""
    return layers.Softmax()


def MaxPool2d(kernel_size: int, stride: int | None = None) -> layers.Layer:
    """Return max pooling."""
    return layers.MaxPooling2D(kernel_size, strides=stride)


def AdaptiveAvgPool2d(output_size: int | tuple = 1) -> layers.Layer:
    """Return the average over the whole map, kept as a map of 1 x 1."""
    return _whole_map(output_size, layers.GlobalAveragePooling2D)


def AdaptiveMaxPool2d(output_size: int | tuple = 1) -> layers.Layer:
    """Return the maximum over the whole map, kept as a map of 1 x 1."""
    return _whole_map(output_size, layers.GlobalMaxPooling2D)


def _whole_map(output_size: int | tuple, pooling: type[keras.layers.Layer]) -> layers.Layer:
    if output_size not in (1, (1, 1)):
        raise ValueError(f"Here pooling of any size gives 1 x 1; received {output_size!r}. See `keras.layers`.")
    return pooling(keepdims=True)
