"""The lesson's model summary: shapes, trainability and parameters of every layer."""

import keras
import numpy as np

from kerasfast.keras_internals import was_called
from kerasfast.optimizing.groups import flat_layers


class ModelSummary(dict):
    """Layer name -> {"input_shape", "output_shape", "trainable", "nb_params"}, printed as a table."""

    def __str__(self) -> str:
        head = ("layer", "input shape", "output shape", "trainable", "params")
        rows = [(name, *(str(value) for value in entry.values())) for name, entry in self.items()]
        total = sum(entry["nb_params"] for entry in self.values())
        training = sum(entry["nb_params"] for entry in self.values() if entry["trainable"])
        widths = [max(len(row[column]) for row in [head, *rows]) for column in range(5)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [head, *rows]
        ]
        return "\n".join([*lines, f"total params {total:,}, in trainable layers {training:,}"])

    __repr__ = __str__


def summarize(model: keras.Model, batch_shape: tuple | None = None) -> ModelSummary:
    """Return the summary of `model`; `batch_shape` fills in sizes that the model leaves open.

    Shapes have None for the batch; layers that a subclassed model calls itself have no shape.
    """
    summary = ModelSummary()
    shapes = _shapes(model, batch_shape)
    for layer in flat_layers(model):
        inputs, outputs = shapes.get(layer.name, (None, None))
        summary[layer.name] = {
            "input_shape": inputs,
            "output_shape": outputs,
            "trainable": any(variable.trainable for variable in layer.weights),
            "nb_params": int(sum(np.prod(variable.shape) for variable in layer.weights)),
        }
    return summary


def _shapes(model: keras.Model, batch_shape: tuple | None) -> dict[str, tuple]:
    """Return (input shape, output shape) per layer of a functional or sequential model."""
    layers = [layer for layer in flat_layers(model) if was_called(layer)]
    if not getattr(model, "inputs", None) or not layers:
        return {}
    tensors = [tensor for layer in layers for tensor in (layer.input, layer.output)]
    if len(layers) == len(model.layers) and batch_shape is not None and len(model.inputs) == 1:
        flat = keras.tree.flatten(tensors)
        probe = keras.Model(model.inputs, flat)
        sized = iter(probe(keras.KerasTensor((None, *batch_shape[1:]), dtype=model.inputs[0].dtype)))
        tensors = keras.tree.map_structure(lambda _: next(sized), tensors)
    shape = lambda tensor: keras.tree.map_structure(lambda part: tuple(part.shape), tensor)
    return {layer.name: (shape(a), shape(b)) for layer, a, b in zip(layers, tensors[::2], tensors[1::2], strict=True)}
