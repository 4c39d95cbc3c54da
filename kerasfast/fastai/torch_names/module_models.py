"""Keras models of a lesson's own torch-like modules, for the inputs of its data."""

from collections.abc import Callable
from typing import Any

import keras

from kerasfast.fastai.core import SGD_Momentum
from kerasfast.fastai.dataset import ImageClassifierData, ModelData
from kerasfast.fastai.internals.basic_models import BasicModel, in_front, opened, usual_loss
from kerasfast.fastai.torch_names.functions import nll_loss
from kerasfast.fastai.torch_names.module_layer import ModuleLayer
from kerasfast.fastai.torch_names.modules import Module, ModuleList, parts_of
from kerasfast.learner import Learner
from kerasfast.optimizing.groups import LayerGroups

__all__ = ["as_model", "core_learner", "is_module", "usual_crit"]


def is_module(model: Any) -> bool:
    """Return whether a model is a module or a row of layers, which is no Keras model yet."""
    return isinstance(model, (Module, ModuleList))


def as_model(model: Any, data: ModelData) -> keras.Model:
    """Return the Keras model that a learner trains: of modules one is made, and pictures are normalised in front.

    A row of Keras layers stays Keras's through and through. What a module gives for one class per example is taken as
    log-probabilities, as in the course; the model gives probabilities.

    Args:
        model: A Keras model, a `Module`, or a `Sequential`.
        data: The data.

    Raises:
        ValueError: When a part of a module does not fit the data; from the part itself.
    """
    stats = getattr(data, "stats", None)
    inner = _of_module(model, data) if is_module(model) else model
    return inner if stats is None else in_front(inner, stats)


def usual_crit(model: Any, data: ModelData) -> Any:
    """Return the loss of a module for one class per example; None where the kind of the targets says it.

    That of the logarithms themselves, which a probability near 0 would lose.
    """
    return nll_loss if is_module(model) and not (data.is_multi or data.is_reg) else None


def core_learner(models: BasicModel, data: ModelData, opt_fn: Callable | None, clip: float | None) -> Learner:
    """Return kerasfast's learner of a model in the layer groups that `models` says."""
    model = as_model(models.model, data)
    groups = LayerGroups(model, [opened(group) for group in models.get_layer_groups()])
    return Learner(
        model, data.core, groups=groups, loss=usual_loss(data), metrics=[], optimizer=opt_fn or SGD_Momentum(0.9),
        clip=clip,
    )  # fmt: skip


def _of_module(module: Any, data: ModelData) -> keras.Model:
    """Return a Keras model of a module for the inputs of the data."""
    inputs = _inputs(data)
    given = inputs.get("pixels", inputs)
    if isinstance(module, ModuleList) and not any(isinstance(part, Module) for part in parts_of(module)):
        outputs = given
        for part in parts_of(module):
            outputs = part(outputs)
        return keras.Model(given, outputs)
    layer = ModuleLayer(module, exponential=not (data.is_multi or data.is_reg), name="module")
    layer(_zeros(inputs), training=True)  # so that everything is built before a graph is
    return keras.Model(given, layer(given))


def _inputs(data: ModelData) -> dict[str, keras.KerasTensor]:
    if isinstance(data, ImageClassifierData):
        return {"pixels": keras.Input((data.sz, data.sz, 3), name="pixels")}
    codes, values = data.trn_ds.cats.shape[1], data.trn_ds.conts.shape[1]
    made = {"codes": keras.Input((codes,), dtype="int32", name="codes")} if codes else {}
    return made | ({"values": keras.Input((values,), name="values")} if values else {})


def _zeros(inputs: dict[str, keras.KerasTensor]) -> Any:
    made = {name: keras.ops.zeros((2, *one.shape[1:]), one.dtype) for name, one in inputs.items()}
    return made.get("pixels", made)
