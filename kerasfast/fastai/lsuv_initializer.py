"""First weights by which the outputs of all layers have one deviation (Mishkin and Matas, 2016)."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerasfast.basics.arguments import number, whole
from kerasfast.fastai.core import to_np
from kerasfast.keras_internals import all_layers

__all__ = ["apply_lsuv_init"]


def apply_lsuv_init(
    model: keras.Model,
    data: Any,
    needed_std: float = 1.0,
    std_tol: float = 0.1,
    max_attempts: int = 10,
    do_orthonorm: bool = True,
    cuda: bool = True,
) -> keras.Model:
    """Scale the kernels of a model, one after the other, until their outputs for a batch have a deviation.

    Args:
        model: A built model; it is changed.
        data: A batch of what it takes.
        needed_std: The deviation.
        std_tol: How far off it may be.
        max_attempts: How often a kernel is scaled; one that does not get there is named.
        do_orthonorm: Draw orthogonal kernels first, and set biases to 0.
        cuda: Without effect: TensorFlow uses a GPU by itself.

    Returns:
        The model.

    Raises:
        ValueError: If an argument is out of its range, or the model has no dense layer and no convolution.
    """
    number("needed_std", needed_std, above=0)
    number("std_tol", std_tol, above=0)
    whole("max_attempts", max_attempts)
    batch = {name: to_np(part) for name, part in data.items()} if isinstance(data, dict) else to_np(data)
    with _recorded(model) as seen:
        model(batch, training=False)
        layers = list(seen)
        if not layers:
            raise ValueError(f"{model.name!r} has no dense layer and no convolution, whose kernels could be scaled.")
        for layer in layers if do_orthonorm else ():
            layer.kernel.assign(keras.initializers.Orthogonal()(layer.kernel.shape))
            if layer.bias is not None:
                layer.bias.assign(keras.ops.zeros_like(layer.bias))
        for layer in layers:
            for _ in range(max_attempts):
                model(batch, training=False)
                deviation = seen[layer]
                if abs(deviation - needed_std) <= std_tol:
                    break
                layer.kernel.assign(layer.kernel * (needed_std / (deviation + 1e-8)))
            else:
                print(f"{layer.name}: a deviation of {deviation:.3g} after {max_attempts} attempts, not {needed_std}.")
    return model


@contextlib.contextmanager
def _recorded(model: keras.Model) -> Iterator[dict[Any, float]]:
    """Note the deviation of what each layer with a kernel gives, in the order of the calls."""
    layers = [layer for layer in all_layers(model) if getattr(layer, "kernel", None) is not None]
    seen: dict[Any, float] = {}

    def noting(layer: keras.layers.Layer, call: Any) -> Any:
        def noted(*inputs: Any, **others: Any) -> Any:
            outputs = call(*inputs, **others)
            seen[layer] = float(np.std(keras.ops.convert_to_numpy(outputs)))
            return outputs

        return noted

    try:
        for layer in layers:
            vars(layer)["call"] = noting(layer, layer.call)
        yield seen
    finally:
        for layer in layers:
            vars(layer).pop("call", None)
