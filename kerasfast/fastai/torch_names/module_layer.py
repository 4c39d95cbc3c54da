"""A lesson's own module as a layer of a Keras model."""

import contextlib
from collections.abc import Iterator
from typing import Any

from keras import layers, ops

from kerasfast.fastai.torch_names.modules import STATE, ModuleList, channels_first
from kerasfast.fastai.torch_names.tensors import CourseTensor, course_tensor, plain

__all__ = ["ModuleLayer"]


class ModuleLayer(layers.Layer):
    """A module, or a row of them, as a layer of a Keras model.

    Args:
        module: The module.
        exponential: Whether its outputs are logarithms of what the model gives.
    """

    def __init__(self, module: Any, exponential: bool = False, **arguments: Any):
        super().__init__(**arguments)
        self.parts = module.parts if isinstance(module, ModuleList) else [module]
        self._function, self.exponential = module.__call__, exponential

    def build(self, *shapes: Any) -> None:
        """Do nothing: the parts are built when they are first called."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Run `forward`; the channels of pictures come first in it."""
        parts = [inputs.get("codes"), inputs.get("values")] if isinstance(inputs, dict) else [channels_first(inputs)]
        with _in_mode(bool(training)):
            out = plain(self._function(*[part if part is None else course_tensor(part) for part in parts]))
        return ops.exp(out) if self.exponential else out


@contextlib.contextmanager
def _in_mode(training: bool) -> Iterator[None]:
    before = STATE["training"]
    STATE["training"], STATE["remembered"] = training, []
    try:
        yield
    finally:
        for module, name, held in STATE["remembered"]:
            object.__setattr__(module(), name, CourseTensor(held))
        STATE["training"], STATE["remembered"] = before, []
