"""torch's `nn.Module`, `Parameter`, `ModuleList` and `Sequential` for models that lessons write themselves.

A module's `forward` is run on tensors that understand torch's methods, pictures with their channels first, while its
layers and variables are Keras's: `from_model_data` puts it into a Keras model, which trains, freezes and saves as any.
"""

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from kerasfast.fastai.torch_names.tensors import CourseTensor, course_tensor, plain
from kerasfast.keras_internals import trainable_by_design

__all__ = [
    "Called",
    "Module",
    "ModuleList",
    "Parameter",
    "Parameters",
    "Sequential",
    "gives_logs",
    "parts_of",
]

_SPATIAL = (
    layers.Conv1D, layers.Conv2D, layers.Conv2DTranspose, layers.DepthwiseConv2D, layers.MaxPooling2D,
    layers.AveragePooling2D, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D, layers.BatchNormalization,
    layers.SpatialDropout2D, layers.UpSampling2D, layers.ZeroPadding2D, keras.Model,
)  # fmt: skip
_LOGS: weakref.WeakSet = weakref.WeakSet()  # softmax layers that stand for torch's log-softmax
_IN_KERAS = {
    "embedding_dim": "output_dim", "num_embeddings": "input_dim", "out_features": "units", "out_channels": "filters",
}  # fmt: skip
STATE = {"training": False}


def gives_logs(layer: layers.Layer) -> layers.Layer:
    """Mark a softmax layer: called as torch's it gives logarithms."""
    _LOGS.add(layer)
    return layer


class Parameter(CourseTensor):
    """A tensor that trains, once it is an attribute of a module.

    Args:
        data: Its first value.
        requires_grad: Whether it trains.
    """

    def __init__(self, data: Any, requires_grad: bool = True):
        super().__init__(data)
        self.requires_grad = requires_grad


class Parameters(list):
    """What `module.parameters()` gives, for `optim.SGD(module.parameters(), ...)`."""


class Called:
    """A Keras layer as torch modules are used: called on tensors with the channels first, with hooks and `weight`."""

    def __init__(self, layer: layers.Layer):
        self.layer, self.hooks = layer, []

    def __call__(self, *inputs: Any) -> CourseTensor:
        out = _run(self.layer, inputs)
        for hook in list(self.hooks):
            hook(self, inputs, out)
        return out

    def register_forward_hook(self, hook: Callable) -> "_Hook":
        """Call `hook(module, inputs, output)` whenever this layer is called so, not inside a training."""
        self.hooks.append(hook)
        return _Hook(self.hooks, hook)

    @property
    def weight(self) -> CourseTensor:
        """The kernel, the vectors or the scale, in Keras's order of dimensions."""
        return self._variable("kernel", "embeddings", "gamma")

    @property
    def bias(self) -> CourseTensor:
        """The bias or the shift."""
        return self._variable("bias", "beta")

    def parameters(self) -> Parameters:
        """The variables that train, now or when they are not frozen."""
        return Parameters(CourseTensor(variable) for variable in trainable_by_design(self.layer))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["layer"], _IN_KERAS.get(name, name))

    def __repr__(self) -> str:
        return repr(self.layer)

    def _variable(self, *names: str) -> CourseTensor:
        if not self.layer.built and hasattr(self.layer, "course_shape"):
            self.layer.build(self.layer.course_shape)
        found = [getattr(self.layer, name) for name in names if getattr(self.layer, name, None) is not None]
        if not found:
            raise AttributeError(
                f"{self.layer.name!r} has no {names[0]} yet: Keras makes it when the layer first sees its input; give "
                "the layer an initializer instead, such as `keras.layers.Dense(10, kernel_initializer=...)`."
            )
        return CourseTensor(found[0])


class _Hook:
    def __init__(self, hooks: list, hook: Callable):
        self._hooks, self._hook = hooks, hook

    def remove(self) -> None:
        """Call the hook no more."""
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)


def _called(part: Any) -> Any:
    """Return a Keras layer as `Called`, the same one each time; modules and anything else as they are."""
    if isinstance(part, Module) or not isinstance(part, layers.Layer):
        return part
    return vars(part).setdefault("course_called", Called(part))  # past Keras's tracking


class ModuleList(list):
    """Modules and layers in a list, which a module that has it as an attribute knows."""

    def __init__(self, parts: Any = ()):
        super().__init__(_layer_of(part) for part in parts)
        self._owners: list[tuple[Any, str]] = []

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return type(self)(found) if isinstance(place, slice) else _called(found)

    def __iter__(self) -> Iterator:
        return (_called(part) for part in super().__iter__())

    def append(self, part: Any) -> None:
        """Add one."""
        super().append(_layer_of(part))
        for owner, name in self._owners:
            owner._keep(name, self)

    def extend(self, parts: Any) -> None:
        """Add several."""
        for part in parts:
            self.append(part)

    @property
    def parts(self) -> list[layers.Layer]:
        """The Keras layers and modules themselves."""
        return [part.parts if isinstance(part, ModuleList) else part for part in super().__iter__()]


class Sequential(ModuleList):
    """Modules and layers in a row; for `custom_head`, for `from_model_data`, as a part of a module, or to be called.

    Args:
        *parts: The parts, or one list of them.
    """

    def __init__(self, *parts: Any):
        super().__init__(parts[0] if len(parts) == 1 and isinstance(parts[0], (list, tuple)) else parts)

    def __call__(self, x: Any) -> CourseTensor:
        x = _as_input(x)
        for part in self:
            x = part(x)
        return x

    def cuda(self) -> "Sequential":
        """Return itself: TensorFlow uses a GPU by itself."""
        return self

    def parameters(self) -> Parameters:
        """The variables that train, now or when they are not frozen."""
        return Parameters(parameter for part in self for parameter in part.parameters())

    def children(self) -> list:
        """The parts."""
        return list(self)


class Module(layers.Layer):
    """The base of a lesson's own model: define `forward`, as with torch."""

    def __init__(self, *args: Any, **named: Any):
        super().__init__()
        object.__setattr__(self, "_order", {})

    def forward(self, *inputs: Any) -> Any:
        """Return what the module makes of its inputs."""
        raise NotImplementedError(f"`{type(self).__name__}` needs a method `forward(self, x)`.")

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        out = self.forward(*map(_as_input, inputs), **named)
        return course_tensor(out) if tf.is_tensor(out) else out

    @property
    def training(self) -> bool:
        """Whether a training step runs."""
        return STATE["training"]

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or "_order" not in self.__dict__:
            super().__setattr__(name, value)
        elif isinstance(value, (Parameter, ModuleList, layers.Layer)):
            self._keep(name, value)
        elif isinstance(value, Called):
            self._keep(name, value.layer)
        elif isinstance(value, CourseTensor):
            self._remember(name, value)
        else:
            self._checked(name)
            super().__setattr__(name, value)

    def _keep(self, name: str, value: Any) -> None:
        """Keep a layer, a list of them or a parameter where Keras tracks it, and show it as torch does."""
        self._checked(name)
        shown = _called(value)
        if isinstance(value, ModuleList):
            if all(owner is not self for owner, _ in value._owners):
                value._owners.append((self, name))
            kept: Any = _flat(value.parts)
        elif isinstance(value, Parameter):
            kept = keras.Variable(value.value, trainable=value.requires_grad, name=name)
            shown = CourseTensor(kept)
        else:
            kept = value
        super().__setattr__(f"of_{name}", kept)
        self._order[name] = kept
        object.__setattr__(self, name, shown)

    def _remember(self, name: str, value: CourseTensor) -> None:
        """Keep a tensor that `forward` computed until the next call, in a variable that does not train."""
        held = self.__dict__.get(f"of_{name}")
        if held is None:
            held = keras.Variable(ops.stop_gradient(value.value), trainable=False, name=name)
            super().__setattr__(f"of_{name}", held)
        else:
            held.assign(ops.stop_gradient(value.value))
        # In this call the tensor itself, through which gradients go; `ModuleLayer` puts the variable in its place.
        object.__setattr__(self, name, value)
        STATE.setdefault("remembered", []).append((weakref.ref(self), name, held))

    def _checked(self, name: str) -> None:
        found = getattr(type(self), name, None)
        if isinstance(found, property) and found.fset is None:
            raise AttributeError(
                f"Keras layers have a `{name}` of their own; call the attribute otherwise: `self.my_{name}`."
            )

    def children(self) -> list:
        """The layers and modules of this one, in the order in which they were assigned."""
        return [_called(part) for part in self.parts]

    @property
    def parts(self) -> list[layers.Layer]:
        """The Keras layers and modules of this one."""
        kept = [[one] if isinstance(one, layers.Layer) else one for one in self._order.values()]
        return [part for group in kept if isinstance(group, list) for part in group]

    def parameters(self) -> Parameters:
        """The variables that train, now or when they are not frozen."""
        return Parameters(CourseTensor(variable) for variable in trainable_by_design(self))

    def cuda(self, *_: Any) -> "Module":
        """Return itself: TensorFlow uses a GPU by itself."""
        return self

    cpu = cuda

    def train(self, *_: Any) -> "Module":
        """Return itself: a fit trains, a prediction does not."""
        return self

    eval = train

    def apply(self, function: Callable) -> "Module":
        """Call a function on every part and on this module."""
        for part in self.children():
            function(part)
        function(self)
        return self


def parts_of(module: Any) -> list[layers.Layer]:
    """Return the children of a module or of a row, each of which is a layer group."""
    return _flat(module.parts) or [module]


def _layer_of(part: Any) -> Any:
    return part.layer if isinstance(part, Called) else part


def _flat(parts: list) -> list:
    return [inner for part in parts for inner in (_flat(part) if isinstance(part, list) else [part])]


def _run(layer: layers.Layer, inputs: tuple) -> Any:
    if any(isinstance(one, keras.KerasTensor) for one in inputs):
        return layer(*inputs)  # a Keras model is being built, channels last
    values = [plain(_as_input(one)) for one in inputs]
    turned = isinstance(layer, _SPATIAL) and len(values[0].shape) == 4
    out = layer(*[ops.transpose(one, (0, 2, 3, 1)) for one in values] if turned else values)
    if turned and len(out.shape) == 4:
        out = ops.transpose(out, (0, 3, 1, 2))
    return CourseTensor(ops.log(ops.maximum(out, 2.0**-126)) if layer in _LOGS else out)


def _as_input(value: Any) -> Any:
    """Return arrays and tensors as tensors with torch's methods; pictures, whose channels come last here, turned."""
    if isinstance(value, CourseTensor):
        # What a forward makes of pictures has no whole numbers any more, so its last side may well be 3.
        return value if value.dtype.is_floating else CourseTensor(channels_first(value.value))
    if not (tf.is_tensor(value) or isinstance(value, np.ndarray)):
        return value
    return course_tensor(channels_first(value))


def channels_first(value: Any) -> Any:
    if len(value.shape) != 4 or value.shape[-1] not in (1, 3):
        return value
    return ops.transpose(
        ops.cast(np.asarray(value) if isinstance(value, np.ndarray) else value, "float32"), (0, 3, 1, 2)
    )
