"""The course's helpers for arrays, tensors and lists."""

import itertools
import math
import os
import pickle
from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np
import tensorflow as tf

from kerasfast.basics.processors import usable_processors
from kerasfast.fastai.parts.absent import absent
from kerasfast.fastai.torch_imports import USE_GPU, F, children, nn, optim, torch
from kerasfast.fastai.torch_names.tensors import CourseTensor, course_tensor

__all__ = [
    "A", "F", "SGD_Momentum", "SimpleNet", "T", "USE_GPU", "V", "VV", "VV_", "V_", "apply_leaf", "children",
    "chunk_iter", "create_variable", "is_iter", "is_listy", "load", "load2", "map_none", "map_over", "nn", "noop",
    "num_cpus", "one_hot", "optim", "partition", "partition_by_cores", "save", "split_by_idxs", "sum_geom", "to_gpu",
    "to_np", "torch",
]  # fmt: skip

_REFUSED = absent(
    {
        "load_array": "write `np.load(file)`, and `np.save(file, array)` where the lesson has `save_array`",
        "set_trainable set_trainable_attr": "write `learn.freeze_to(n)`, `learn.freeze()` or `learn.unfreeze()`",
        "trainable_params_ chain_params": "optimizers are given their variables by the model; leave `params` out",
        "conv_dict": "`T(array)` makes a tensor of any array of numbers",
    }
)
globals().update(_REFUSED)
__all__ += [*_REFUSED]


def sum_geom(a: float, r: float, n: int) -> float:
    """Return a + a r + ... of n terms, rounded up: the epochs of n cycles."""
    return a * n if r == 1 else math.ceil(a * (1 - r**n) / (1 - r))


def is_listy(x) -> bool:
    """Return whether x is a list or a tuple."""
    return isinstance(x, (list, tuple))


def is_iter(x) -> bool:
    """Return whether one can loop over x."""
    return isinstance(x, Iterable)


def map_over(x, f):
    """Return f of x, or of every element of a list."""
    return [f(o) for o in x] if is_listy(x) else f(x)


def map_none(x, f):
    """Return f of x, None for None."""
    return None if x is None else f(x)


def noop(*args, **kwargs) -> None:
    """Do nothing."""


def A(*a):
    """Return an array of the argument, or a list of arrays of several."""
    return np.array(a[0]) if len(a) == 1 else [np.array(o) for o in a]


def T(a, half: bool = False, cuda: bool = True) -> CourseTensor:
    """Return a tensor with torch's methods: whole numbers int64, others float32 (float16 with `half`)."""
    if tf.is_tensor(a) or isinstance(a, CourseTensor):
        return course_tensor(a)
    a = np.asarray(a)
    if a.dtype.kind in "iu":
        return CourseTensor(a.astype(np.int64))
    if a.dtype.kind not in "fb":
        raise TypeError(f"`T` makes tensors of numbers; received an array of {a.dtype}.")
    return CourseTensor(a.astype(np.float16 if half else np.float32))


def V(x, requires_grad: bool = False, volatile: bool = False):
    """Return a tensor, or a list of tensors for a list; TensorFlow needs no Variable around it."""
    return map_over(x, T)


def VV(x):
    """Return what `V` does."""
    return V(x)


def create_variable(x, volatile: bool = False, requires_grad: bool = False) -> CourseTensor:
    """Return a tensor with torch's methods."""
    return T(x)


V_, VV_ = T, T


def to_np(v):
    """Return NumPy arrays of tensors, variables, arrays, or lists of them."""
    if is_listy(v):
        return [to_np(o) for o in v]
    if isinstance(v, CourseTensor):
        return v.numpy()
    return v if isinstance(v, (np.ndarray, np.generic)) else keras.ops.convert_to_numpy(v)


def apply_leaf(m, f: Callable) -> None:
    """Call a function on a model and on all inside it."""
    f(m)
    for part in children(m) if hasattr(m, "children") or hasattr(m, "layers") else ():
        apply_leaf(part, f)


def to_gpu(x, *args, **kwargs):
    """Return x: TensorFlow puts what it computes on the GPU by itself."""
    return x


def SGD_Momentum(momentum: float):
    """Return a function that makes SGD with momentum, for `opt_fn`."""
    return lambda *args, **kwargs: optim.SGD(*args, momentum=momentum, **kwargs)


class SimpleNet(nn.Module):
    """Dense layers with ReLU between them; log-probabilities of what comes flattened.

    Args:
        layers: Number of inputs, widths of the hidden layers, number of classes.
    """

    def __init__(self, layers: Sequence[int]):
        super().__init__()
        self.dense = nn.ModuleList([nn.Linear(*pair) for pair in itertools.pairwise(layers)])

    def forward(self, x):
        """Return the log-probabilities."""
        x = x.view(x.size(0), -1)
        *inner, last = self.dense
        for dense in inner:
            x = F.relu(dense(x))
        return F.log_softmax(last(x), dim=-1)


def one_hot(a, c: int) -> np.ndarray:
    """Return rows of zeros with a one at each index."""
    return np.eye(c)[a]


def split_by_idxs(seq, idxs):
    """Yield the pieces of a sequence between indices."""
    last = 0
    for idx in idxs:
        yield seq[last:idx]
        last = idx
    yield seq[last:]


def partition(a, sz: int) -> list:
    """Return consecutive pieces of length sz, the last one maybe shorter."""
    return [a[i : i + sz] for i in range(0, len(a), sz)]


def num_cpus() -> int:
    """Return the number of processors that this process may use."""
    return usable_processors()


def partition_by_cores(a) -> list:
    """Return one piece per processor."""
    return partition(a, len(a) // num_cpus() + 1)


def chunk_iter(iterable, chunk_size: int):
    """Yield lists of `chunk_size` elements of an iterator, the last one maybe shorter."""
    chunk = []
    for element in iterable:
        chunk.append(element)
        if len(chunk) == chunk_size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def save(fn: str | os.PathLike, a) -> None:
    """Pickle an object to a file."""
    with open(fn, "wb") as file:
        pickle.dump(a, file)


def load(fn: str | os.PathLike):
    """Read an object that `save` wrote; only from files that you trust."""
    with open(fn, "rb") as file:
        return pickle.load(file)


def load2(fn: str | os.PathLike):
    """Read an object that Python 2 pickled; only from files that you trust."""
    with open(fn, "rb") as file:
        return pickle.load(file, encoding="latin-1")
