"""Tensors that understand torch's methods: what a lesson's module and a lesson's loss are given."""

import operator
from collections.abc import Callable
from functools import wraps
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kerasfast.fastai.torch_names.arrays import Extreme

__all__ = ["CourseTensor", "course_tensor", "on_tensors", "plain"]


class CourseTensor:
    """A TensorFlow tensor, or a Keras variable, with torch's methods.

    Args:
        value: A tensor, a variable, or what becomes a tensor.
    """

    def __init__(self, value: Any):
        held = isinstance(value, keras.Variable) or tf.is_tensor(value)
        self._held = plain(value) if isinstance(value, CourseTensor) else value if held else _tensor(value)

    @property
    def value(self) -> tf.Tensor:
        """The tensor."""
        return ops.convert_to_tensor(self._held) if isinstance(self._held, keras.Variable) else self._held

    @property
    def data(self) -> "CourseTensor":
        """The tensor itself."""
        return self

    @property
    def dtype(self) -> Any:
        """Type of the numbers."""
        return self.value.dtype

    @property
    def shape(self) -> tuple:
        """Sides, of which one may be a tensor inside a graph."""
        return tuple(self.size(place) for place in range(self.dim()))

    is_cuda = False

    def size(self, dim: int | None = None) -> Any:
        """The shape, or one side of it."""
        if dim is None:
            return self.shape
        side = self.value.shape[dim]
        return tf.shape(self.value)[dim] if side is None else side

    def dim(self) -> int:
        """Number of dimensions."""
        return len(self.value.shape)

    def numel(self) -> int:
        """Number of elements."""
        return int(np.prod(self.value.shape))

    def numpy(self) -> np.ndarray:
        """A NumPy array."""
        return np.asarray(self.value)

    def item(self) -> Any:
        """The number of a tensor of one."""
        return self.numpy().item()

    def view(self, *shape: Any) -> "CourseTensor":
        """Another shape; one side may be -1."""
        wanted = list(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else list(shape)
        wanted = [plain(side) for side in wanted]
        known = [side for side in self.value.shape if side is not None]
        fixed = [int(side) if isinstance(side, (int, np.integer)) else None for side in wanted]
        if fixed.count(None) == 1 and -1 in fixed and len(known) == self.dim() - 1:
            # Of the two unknown sides the second can be told, which layers that follow need.
            rest = np.prod([side for side in fixed if side is not None and side != -1])
            wanted[fixed.index(-1)], wanted[fixed.index(None)] = int(np.prod(known) // rest), -1
        return CourseTensor(tf.reshape(self.value, wanted))

    reshape = view

    def view_as(self, other: Any) -> "CourseTensor":
        """The shape of another tensor."""
        return self.view(*CourseTensor(other).shape)

    def transpose(self, first: int, second: int) -> "CourseTensor":
        """Two dimensions exchanged."""
        order = list(range(self.dim()))
        order[first], order[second] = order[second], order[first]
        return CourseTensor(ops.transpose(self.value, order))

    def permute(self, *order: int) -> "CourseTensor":
        """Dimensions in another order."""
        return CourseTensor(ops.transpose(self.value, order))

    def t(self) -> "CourseTensor":
        """Transposed."""
        return CourseTensor(ops.transpose(self.value))

    def squeeze(self, dim: int | None = None) -> "CourseTensor":
        """Without dimensions of 1."""
        places = [dim] if dim is not None else [i for i, side in enumerate(self.value.shape) if side == 1]
        return CourseTensor(tf.squeeze(self.value, axis=places)) if places else self

    def unsqueeze(self, dim: int) -> "CourseTensor":
        """With a dimension of 1 put in."""
        return CourseTensor(ops.expand_dims(self.value, dim))

    def expand(self, *shape: Any) -> "CourseTensor":
        """Repeated to a shape; -1 leaves a side as it is."""
        sides = [self.size(place) if side == -1 else plain(side) for place, side in enumerate(shape)]
        return CourseTensor(tf.broadcast_to(self.value, sides))

    def expand_as(self, other: Any) -> "CourseTensor":
        """Repeated to the shape of another tensor."""
        return CourseTensor(tf.broadcast_to(self.value, tf.shape(plain(other))))

    def max(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The maximum; along a dimension with its position."""
        return self._extreme("max", dim, keepdim)

    def min(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The minimum; along a dimension with its position."""
        return self._extreme("min", dim, keepdim)

    def _extreme(self, name: str, dim: int | None, keepdim: bool) -> Any:
        along = {"axis": dim, "keepdims": keepdim}
        found = CourseTensor(getattr(ops, name)(self.value, **along))
        return found if dim is None else Extreme(found, CourseTensor(getattr(ops, f"arg{name}")(self.value, **along)))

    def std(self, dim: int | None = None, keepdim: bool = False) -> "CourseTensor":
        """The standard deviation with n - 1, as torch's."""
        middle = ops.mean(self.value, axis=dim, keepdims=True)
        count = ops.size(self.value) / ops.size(middle)
        squares = ops.sum(ops.square(self.value - middle), axis=dim, keepdims=keepdim)
        return CourseTensor(ops.sqrt(squares / ops.maximum(ops.cast(count, squares.dtype) - 1, 1)))

    def gather(self, dim: int, index: Any) -> "CourseTensor":
        """The elements at positions along a dimension."""
        return CourseTensor(ops.take_along_axis(self.value, plain(index), axis=dim))

    def scatter_(self, dim: int, index: Any, source: float) -> "CourseTensor":
        """With one number at the positions (n, k) along dimension 1."""
        if dim != 1:
            raise ValueError(f"Here `scatter_` works along dimension 1; received {dim}. See `keras.ops`.")
        hot = ops.max(ops.one_hot(plain(index), self.value.shape[1], dtype="float32"), axis=1) > 0
        self._held = ops.where(hot, ops.cast(source, self.dtype), self.value)
        return self

    def new(self, *sides: Any) -> "CourseTensor":
        """Zeros of this type."""
        return CourseTensor(tf.zeros([plain(side) for side in sides], self.dtype))

    def fill_(self, number: float) -> "CourseTensor":
        """With one number everywhere."""
        return self._become(ops.full_like(self.value, number))

    def zero_(self) -> "CourseTensor":
        """With zeros everywhere."""
        return self.fill_(0)

    def uniform_(self, low: float = 0.0, high: float = 1.0) -> "CourseTensor":
        """With numbers drawn between two."""
        return self._become(keras.random.uniform(self.value.shape, low, high))

    def normal_(self, mean: float = 0.0, std: float = 1.0) -> "CourseTensor":
        """With numbers drawn around one."""
        return self._become(keras.random.normal(self.value.shape, mean, std))

    def _become(self, value: Any) -> "CourseTensor":
        if isinstance(self._held, keras.Variable):
            self._held.assign(value)
        else:
            self._held = value
        return self

    def __getitem__(self, place: Any) -> "CourseTensor":
        place = tuple(plain(one) for one in place) if isinstance(place, tuple) else plain(place)
        if isinstance(place, (list, np.ndarray)):
            place = _tensor(place)
        if tf.is_tensor(place) and place.shape.rank:
            picked = tf.boolean_mask(self.value, place) if place.dtype == tf.bool else tf.gather(self.value, place)
            return CourseTensor(picked)
        return CourseTensor(self.value[place])

    def __len__(self) -> int:
        return int(self.value.shape[0])

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def __repr__(self) -> str:
        return repr(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.value, dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **others: Any) -> Any:
        name = _UFUNCS.get(ufunc.__name__)
        if method == "__call__" and name and not others:
            return getattr(CourseTensor(inputs[0]), f"__{name}__")(inputs[1])
        return getattr(ufunc, method)(*[np.asarray(one) for one in inputs], **others)

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> tf.Tensor:
        return self.value if dtype is None else tf.cast(self.value, dtype)


_UFUNCS = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "truediv", "power": "pow", "greater": "gt",
    "less": "lt", "equal": "eq",
}  # fmt: skip


def _tensor(value: Any) -> tf.Tensor:
    array = np.asarray(value)
    return tf.convert_to_tensor(array.astype(np.float32) if array.dtype == np.float64 else array)


def course_tensor(value: Any) -> CourseTensor:
    """Return a tensor that understands torch's methods."""
    return value if isinstance(value, CourseTensor) else CourseTensor(value)


def plain(value: Any) -> Any:
    """Return the TensorFlow tensor of such a tensor, of those in a list or a tuple, and anything else as it is."""
    if isinstance(value, Extreme):
        return Extreme(*map(plain, value))
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value.value if isinstance(value, CourseTensor) else value


def _has_course_tensor(values: Any) -> bool:
    nested = [one for one in values if type(one) in (list, tuple)]
    return any(isinstance(one, CourseTensor) for one in values) or any(map(_has_course_tensor, nested))


def on_tensors(function: Callable) -> Callable:
    """Return a function that takes such tensors too, and then returns one."""

    @wraps(function)
    def of_either(*args: Any, **named: Any) -> Any:
        if not _has_course_tensor([*args, *named.values()]):
            return function(*args, **named)
        found = function(*map(plain, args), **{name: plain(one) for name, one in named.items()})
        if isinstance(found, Extreme):
            return Extreme(*map(course_tensor, found))
        return course_tensor(found) if tf.is_tensor(found) else found

    return of_either


def _operator(name: str, function: Callable, reverse: bool = False) -> Callable:
    def method(self: CourseTensor, other: Any) -> CourseTensor:
        value, other = self.value, plain(other)
        if isinstance(other, (np.generic, np.ndarray)) and np.ndim(other) == 0:
            other = other.item()
        if isinstance(other, (np.ndarray, list)):
            other = _tensor(other)
        if tf.is_tensor(other) and other.dtype != value.dtype:
            kind = value.dtype if value.dtype.is_floating else other.dtype
            value, other = tf.cast(value, kind), tf.cast(other, kind)
        elif isinstance(other, float) and not value.dtype.is_floating:
            value = tf.cast(value, tf.float32)
        return CourseTensor(function(other, value) if reverse else function(value, other))

    method.__name__ = name
    return method


for _name in ("add", "sub", "mul", "truediv", "pow", "matmul", "floordiv", "mod"):
    setattr(CourseTensor, f"__{_name}__", _operator(_name, getattr(operator, _name)))
    setattr(CourseTensor, f"__r{_name}__", _operator(f"r{_name}", getattr(operator, _name), reverse=True))
for _name, _function in {
    "eq": tf.equal, "ne": tf.not_equal, "gt": tf.greater, "ge": tf.greater_equal, "lt": tf.less, "le": tf.less_equal,
}.items():  # fmt: skip
    setattr(CourseTensor, f"__{_name}__", _operator(_name, _function))
    setattr(CourseTensor, _name, _operator(_name, _function))
CourseTensor.__hash__ = object.__hash__
for _name, _other in {"add": "add", "sub": "sub", "mul": "mul", "div": "truediv", "pow": "pow", "mm": "matmul"}.items():
    setattr(CourseTensor, _name, getattr(CourseTensor, f"__{_other}__"))


def _elementwise(function: Callable, doc: str) -> Callable:
    def method(self: CourseTensor) -> CourseTensor:
        return CourseTensor(function(self.value))

    method.__doc__ = doc
    return method


for _name in ("exp", "log", "sqrt", "abs", "sigmoid", "tanh", "relu"):
    setattr(CourseTensor, _name, _elementwise(getattr(ops, _name), f"`{_name}` of every element."))
setattr(CourseTensor, "__neg__", _elementwise(operator.neg, "The negative."))  # noqa: B010 - as its neighbours
for _name, _type in {
    "float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32", "byte": "uint8",
    "bool": "bool",
}.items():  # fmt: skip
    _cast = lambda value, to=_type: ops.cast(value, to)
    setattr(CourseTensor, _name, _elementwise(_cast, f"As {_type}."))
for _name in ("cpu", "cuda", "detach", "contiguous", "clone"):
    setattr(CourseTensor, _name, lambda self, *_, **__: self)


def _reduction(name: str) -> Callable:
    def method(self: CourseTensor, dim: Any = None, keepdim: bool = False) -> CourseTensor:
        return CourseTensor(getattr(ops, name)(self.value, axis=dim, **({"keepdims": keepdim} if keepdim else {})))

    method.__doc__ = f"`{name}` of all, or along a dimension."
    return method


for _name in ("sum", "mean", "prod", "argmax", "argmin"):
    setattr(CourseTensor, _name, _reduction(_name))


def _clamp(self: CourseTensor, min: float | None = None, max: float | None = None) -> CourseTensor:  # noqa: A002
    """Bounded on both sides."""
    value = self.value if min is None else ops.maximum(self.value, min)
    return CourseTensor(value if max is None else ops.minimum(value, max))


CourseTensor.clamp = _clamp
