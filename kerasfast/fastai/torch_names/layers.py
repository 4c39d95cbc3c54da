"""The few torch layers that lessons build heads of, as Keras layers, channels last and sized by what they are given."""

import keras
from keras import layers

from kerasfast.fastai.torch_names.modules import Called, Module, ModuleList, Parameter, Sequential, gives_logs

__all__ = [
    "AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "Conv2d", "Dropout",
    "Dropout2d", "Embedding", "LeakyReLU", "Linear", "LogSoftmax", "MaxPool2d", "Module", "ModuleList", "Parameter",
    "ReLU", "Sequential", "Sigmoid", "Softmax", "Tanh",
]  # fmt: skip


def Linear(in_features: int, out_features: int, bias: bool = True) -> layers.Layer:
    """Return a dense layer; Keras finds out `in_features` by itself, unless its `weight` is asked for before."""
    dense = layers.Dense(out_features, use_bias=bias, kernel_initializer="he_normal")
    vars(dense)["course_shape"] = (None, in_features)  # past Keras's tracking
    return dense


def Conv2d(
    in_channels: int,
    out_channels: int,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int = 1,
    groups: int = 1,
    bias: bool = True,
) -> layers.Layer:
    """Return a convolution, with a layer that pads before it where Keras has no name for the padding."""
    convolution = layers.Conv2D(
        out_channels, kernel_size, strides=stride, dilation_rate=dilation, groups=groups, use_bias=bias,
        kernel_initializer="he_normal",
    )  # fmt: skip
    vars(convolution)["course_shape"] = (None, None, None, in_channels)
    if padding in (0, (0, 0)):
        return convolution
    return keras.Sequential([layers.ZeroPadding2D(padding), convolution])


def Embedding(num_embeddings: int, embedding_dim: int, padding_idx: int | None = None) -> Called:
    """Return vectors by number, drawn from a normal distribution; `weight.data.uniform_(a, b)` draws them anew."""
    if padding_idx is not None:
        raise ValueError(f"`nn.Embedding` takes no `padding_idx` here; received {padding_idx}.")
    vectors = layers.Embedding(num_embeddings, embedding_dim, keras.initializers.RandomNormal(0, 1))
    vectors.build()
    return Called(vectors)


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
    return gives_logs(layers.Softmax())


def MaxPool2d(kernel_size: int, stride: int | None = None) -> layers.Layer:
    """Return max pooling."""
    return layers.MaxPooling2D(kernel_size, strides=stride)


def AvgPool2d(kernel_size: int, stride: int | None = None) -> layers.Layer:
    """Return average pooling."""
    return layers.AveragePooling2D(kernel_size, strides=stride)


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
