"""The course's ways to give the layers of a model other first weights."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasfast.fastai.torch_names.modules import Called
from kerasfast.fastai.torch_names.tensors import CourseTensor
from kerasfast.keras_internals import all_layers

__all__ = ["apply_init", "cond_init", "kaiming_normal", "kaiming_uniform"]


def kaiming_normal(tensor: CourseTensor, a: float = 0.0, mode: str = "fan_in") -> CourseTensor:
    """Draw a kernel, in Keras's order of dimensions, from a normal distribution of He et al.'s deviation."""
    return tensor.normal_(0.0, _deviation(tensor, a, mode))


def kaiming_uniform(tensor: CourseTensor, a: float = 0.0, mode: str = "fan_in") -> CourseTensor:
    """Draw a kernel, in Keras's order of dimensions, uniformly with He et al.'s deviation."""
    bound = float(np.sqrt(3)) * _deviation(tensor, a, mode)
    return tensor.uniform_(-bound, bound)


def cond_init(m: Any, init_fn: Callable) -> None:
    """Call a function on the weights of a layer and set its bias to 0; BatchNormalization stays as it is."""
    layer = m.layer if isinstance(m, Called) else m
    if isinstance(layer, keras.layers.BatchNormalization) or not isinstance(layer, keras.layers.Layer):
        return
    for variable in (getattr(layer, "kernel", None), getattr(layer, "embeddings", None)):
        if variable is not None:
            init_fn(CourseTensor(variable))
    if getattr(layer, "bias", None) is not None:
        CourseTensor(layer.bias).zero_()


def apply_init(m: Any, init_fn: Callable) -> None:
    """Call `cond_init` on every layer of a model that has seen its input, such as `learn.model`."""
    layers = all_layers(m)
    if not any(layer.weights for layer in layers):
        raise ValueError(
            "The model has no weights yet: Keras makes them when it first sees its input. Make the learner first, and "
            "call `apply_init(learn.model, ...)`."
        )
    for layer in layers:
        cond_init(layer, init_fn)


def _deviation(tensor: CourseTensor, a: float, mode: str) -> float:
    *places, given, made = (1, *tensor.shape) if len(tensor.shape) > 1 else (1, 1, tensor.shape[0])
    fan = {"fan_in": given, "fan_out": made}.get(mode)
    if fan is None:
        raise ValueError(f'`mode` is "fan_in" or "fan_out"; received {mode!r}.')
    return float(np.sqrt(2 / ((1 + a * a) * fan * int(np.prod(places)))))
