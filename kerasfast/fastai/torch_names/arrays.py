"""Arrays that understand the torch methods which metrics and losses of the course are written with."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["CourseArray", "course_array"]


class Extreme(NamedTuple):
    """What torch gives for the largest, the smallest or the sorted elements along a dimension."""

    values: "CourseArray"
    indices: "CourseArray"


class _Size(int):
    """An array's number of elements, which called gives its shape as torch does."""

    shape: tuple[int, ...]

    def __call__(self, dim: int | None = None) -> tuple[int, ...] | int:
        return self.shape if dim is None else self.shape[dim]


class CourseArray(np.ndarray):
    """A NumPy array with the methods of a torch tensor that metrics use; predictions and targets are given to them so.

    Where a name means two things, `axis=` asks for NumPy's and `dim=`, or a number without a name, for torch's:
    `preds.max(axis=1)` are the maxima, `preds.max(1)[1]` their positions.

    Example:

        def top_2(preds, targs):
            best = preds.sort(dim=1, descending=True)[1][:, :2]
            return (best == targs.unsqueeze(1)).float().sum(1).mean()
    """

    @property
    def data(self) -> "CourseArray":
        """The array itself."""
        return self

    @property
    def size(self) -> _Size:
        """The number of elements; `size()` is the shape and `size(0)` its first number."""
        size = _Size(int(np.prod(self.shape)))
        size.shape = self.shape
        return size

    def dim(self) -> int:
        """Number of dimensions."""
        return self.ndim

    def max(self, *args, dim: int | None = None, keepdim: bool = False, **numpy_arguments) -> Any:
        """The maximum; along a dimension with its position."""
        return self._extreme("max", args, dim, keepdim, numpy_arguments)

    def min(self, *args, dim: int | None = None, keepdim: bool = False, **numpy_arguments) -> Any:
        """The minimum; along a dimension with its position."""
        return self._extreme("min", args, dim, keepdim, numpy_arguments)

    def _extreme(self, name: str, args: tuple, dim: int | None, keepdim: bool, numpy_arguments: dict) -> Any:
        if args and isinstance(args[0], np.ndarray):
            return {"max": np.maximum, "min": np.minimum}[name](self, args[0])
        dim = args[0] if args else dim
        if dim is None:
            return getattr(super(), name)(**numpy_arguments)
        along = {"axis": dim, "keepdims": keepdim}
        return Extreme(getattr(super(), name)(**along), getattr(super(), f"arg{name}")(**along))

    def argmax(self, dim: int | None = None, out=None, *, axis: int | None = None, keepdims: bool = False) -> Any:
        """Positions of the maxima."""
        return super().argmax(axis=dim if axis is None else axis, out=out, keepdims=keepdims)

    def sort(self, *args, dim: int | None = None, descending: bool = False, **numpy_arguments) -> Extreme | None:
        """Return (values, positions) sorted along a dimension; `sort()` and `sort(axis=1)` sort in place, as NumPy."""
        if not args and dim is None and not descending:
            return super().sort(**numpy_arguments)
        dim = args[0] if args else -1 if dim is None else dim
        order = np.argsort(-self if descending else self, axis=dim, kind="stable")
        return Extreme(np.take_along_axis(self, order, dim), order)

    def topk(self, k: int, dim: int = -1, largest: bool = True) -> Extreme:
        """Return the k largest (or smallest) values along a dimension, and their positions."""
        values, indices = self.sort(dim=dim, descending=largest) if largest else self.copy().sort(dim)
        first = np.arange(k)
        return Extreme(np.take(values, first, dim), np.take(indices, first, dim))

    def sum(self, *args, dim: Any = None, keepdim: bool = False, **numpy_arguments) -> Any:
        """The sum, of all or along a dimension."""
        return super().sum(*args, **_as_numpy(dim, keepdim, numpy_arguments))

    def mean(self, *args, dim: Any = None, keepdim: bool = False, **numpy_arguments) -> Any:
        """The mean, of all or along a dimension."""
        return super().mean(*args, **_as_numpy(dim, keepdim, numpy_arguments))

    def std(self, *args, dim: Any = None, keepdim: bool = False, **numpy_arguments) -> Any:
        """The standard deviation; without arguments that of torch, with n - 1."""
        if not args and not numpy_arguments:
            numpy_arguments["ddof"] = 1
        return super().std(*args, **_as_numpy(dim, keepdim, numpy_arguments))

    def view(self, *args, **numpy_arguments) -> Any:
        """Another shape, such as `view(-1, 1)`; with a type NumPy's `view`."""
        shape = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args
        if shape and all(isinstance(side, (int, np.integer)) for side in shape):
            return self.reshape(tuple(shape))
        return super().view(*args, **numpy_arguments)

    def unsqueeze(self, dim: int) -> "CourseArray":
        """With a dimension of 1 put in."""
        return np.expand_dims(self, dim)

    def squeeze(self, dim: int | None = None, *, axis: int | None = None) -> "CourseArray":
        """Without dimensions of 1."""
        return super().squeeze(axis=dim if axis is None else axis)

    def expand_as(self, other: np.ndarray) -> "CourseArray":
        """Repeated to the shape of another array."""
        return np.broadcast_to(self, other.shape, subok=True)

    def t(self) -> "CourseArray":
        """Transposed."""
        return self.T

    def clamp(self, min: float | None = None, max: float | None = None) -> "CourseArray":  # noqa: A002
        """Bounded on both sides."""
        return np.clip(self, min, max)

    def gather(self, dim: int, index: np.ndarray) -> "CourseArray":
        """The elements at positions along a dimension."""
        return np.take_along_axis(self, np.asarray(index), dim)

    def numpy(self) -> np.ndarray:
        """A plain NumPy array."""
        return np.asarray(self)


def _as_numpy(dim: Any, keepdim: bool, numpy_arguments: dict) -> dict:
    if dim is not None:
        numpy_arguments["axis"] = dim
    if keepdim:
        numpy_arguments["keepdims"] = True
    return numpy_arguments


def _method(function, doc: str):
    def method(self, *args):
        return function(self, *args)

    method.__doc__ = doc
    return method


for _name, _type in {
    "float": np.float32, "double": np.float64, "half": np.float16, "long": np.int64, "int": np.int32, "byte": np.uint8,
    "bool": np.bool_,
}.items():  # fmt: skip
    setattr(CourseArray, _name, _method(lambda self, to=_type: self.astype(to), f"As {_type.__name__}."))
for _name in ("cpu", "cuda", "detach", "contiguous", "clone"):
    setattr(CourseArray, _name, _method(lambda self, *_: self.copy(), "A copy."))
for _name, _function in {
    "eq": np.equal, "ne": np.not_equal, "gt": np.greater, "ge": np.greater_equal, "lt": np.less, "le": np.less_equal,
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power, "exp": np.exp,
    "log": np.log, "sqrt": np.sqrt, "abs": np.abs,
}.items():  # fmt: skip
    setattr(CourseArray, _name, _method(_function, f"NumPy's `{_function.__name__}`."))


def course_array(values: np.ndarray | Sequence) -> CourseArray:
    """Return a copy of an array that understands torch's methods."""
    return np.array(values).view(CourseArray)
