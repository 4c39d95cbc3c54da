"""A network that predicts with each BatchNormalization folded into the convolution before it."""

import collections
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasfast.keras_internals import run_graph
from kerasfast.vision.networks.graphs import steps

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def folding(model: keras.Model, shape: Sequence[int | None]) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return a functional model's predictions as a function of a batch of `shape`, cheaper than `predict`.

    Convolutions get kernels scaled by the BatchNormalization behind them, anew in each call, so that weights that are
    trained or loaded later count at once. Results differ from the model's in the last bits.
    """
    return tf.function(
        lambda pixels: _predictions(model, tf.cast(pixels, model.inputs[0].dtype)),
        input_signature=[tf.TensorSpec(shape, tf.uint8)],
        autograph=False,
    )


def _predictions(model: keras.Model, inputs: tf.Tensor) -> Any:
    norms = _foldable(model)
    folded = set(norms.values())

    def call(operation: keras.Operation, *args: Any, **kwargs: Any) -> Any:
        if operation in norms:
            return _convolved(operation, norms[operation], args[0])
        if operation in folded:
            return args[0]
        if isinstance(operation, keras.Model) and hasattr(operation, "operations") and len(args) == 1:
            return _predictions(operation, args[0])
        if isinstance(operation, keras.Layer) and "training" in inspect.signature(operation.call).parameters:
            kwargs["training"] = False
        return operation(*args, **kwargs)

    return run_graph(model, inputs, call)


def _foldable(model: keras.Model) -> dict[keras.layers.Layer, keras.layers.BatchNormalization]:
    """Return the BatchNormalization behind each convolution whose output nothing else reads."""
    calls, readers = collections.Counter(), collections.Counter(id(tensor) for tensor in model.outputs)
    makers, every = {}, steps(model)
    for operation, inputs, outputs in every:
        calls[operation] += 1
        readers.update(map(id, inputs))
        makers |= {id(tensor): operation for tensor in outputs}
    pairs = {}
    for norm, inputs, _ in every:
        if type(norm) is keras.layers.BatchNormalization and len(inputs) == 1:
            maker = makers[id(inputs[0])]
            if readers[id(inputs[0])] == calls[maker] == calls[norm] == 1 and _suits(maker, norm):
                pairs[maker] = norm
    return pairs


def _suits(maker: keras.Operation, norm: keras.layers.BatchNormalization) -> bool:
    if type(maker) not in _CONVOLUTIONS or maker.activation is not keras.activations.linear:
        return False
    plain = maker.data_format == "channels_last" and maker.padding in ("same", "valid")
    plain &= getattr(maker, "groups", 1) == 1 and getattr(maker, "quantization_mode", None) is None
    return plain and norm.axis in (-1, 3) and maker.compute_dtype == norm.compute_dtype == "float32"


def _convolved(layer: keras.layers.Layer, norm: keras.layers.BatchNormalization, inputs: tf.Tensor) -> tf.Tensor:
    scale = tf.math.rsqrt(norm.moving_variance + norm.epsilon)
    if norm.scale:
        scale *= norm.gamma
    offset = (-norm.moving_mean if layer.bias is None else layer.bias - norm.moving_mean) * scale
    if norm.center:
        offset += norm.beta
    padding, kernel = layer.padding.upper(), tf.convert_to_tensor(layer.kernel)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        kernel, strides = kernel * tf.reshape(scale, kernel.shape[2:]), [1, *layer.strides, 1]
        convolved = tf.nn.depthwise_conv2d(inputs, kernel, strides, padding, dilations=layer.dilation_rate)
    else:
        convolved = tf.nn.conv2d(inputs, kernel * scale, layer.strides, padding, dilations=layer.dilation_rate)
    return tf.nn.bias_add(convolved, offset)
