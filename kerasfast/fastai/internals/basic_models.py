"""Keras models as the course's learner takes them: in layer groups, with the normalisation in front."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasfast.fastai.dataset import ModelData
from kerasfast.fastai.torch_names.modules import Module, ModuleList, parts_of
from kerasfast.optimizing.groups import flat_layers

__all__ = ["BasicModel", "SingleModel"]


class BasicModel:
    """A model and its layer groups: each of its layers, or models in it. Override `get_layer_groups` for others.

    Args:
        model: A Keras model, a `nn.Module` or a `nn.Sequential`.
        name: Its name, which is not used.
    """

    def __init__(self, model: Any, name: str = "unnamed"):
        self.model, self.name = model, name

    def get_layer_groups(self) -> list:
        """Return a list of groups: layers, or lists of layers."""
        if isinstance(self.model, (Module, ModuleList)):
            return parts_of(self.model)
        return [layer for layer in self.model.layers if not isinstance(layer, keras.layers.InputLayer)]


class SingleModel(BasicModel):
    """A model that is one layer group."""

    def get_layer_groups(self) -> list:
        """Return the one group."""
        return [super().get_layer_groups()]


def in_front(model: keras.Model, stats: Sequence[np.ndarray]) -> keras.Model:
    """Return a model of pixels from 0 to 255 that normalises them by (mean, deviation) and calls `model`."""
    mean, deviation = (np.asarray(part, dtype=float) for part in stats)
    inputs = keras.Input(model.input_shape[1:], name="pixels")
    normal = keras.layers.Rescaling((1 / (255 * deviation)).tolist(), (-mean / deviation).tolist(), name="normalize")
    return keras.Model(inputs, model(normal(inputs)), name=model.name)


def opened(group: Any) -> list[keras.layers.Layer]:
    """Return the layers of a group, with those of models in place of the models."""
    layers = group if isinstance(group, (list, tuple)) else [group]
    return [inner for layer in layers for inner in (flat_layers(layer) if isinstance(layer, keras.Model) else [layer])]


def usual_loss(data: ModelData) -> str:
    """Return the name of the loss for the kind of target."""
    if data.is_reg:
        return "mean_squared_error"
    return "binary_crossentropy" if data.is_multi else "sparse_categorical_crossentropy"
