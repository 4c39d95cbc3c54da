"""The torch names that lessons mention: those with a meaning in TensorFlow have it, the others say what to write."""

import contextlib
import inspect
import os
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kerasfast.fastai.initializers import kaiming_normal, kaiming_uniform
from kerasfast.fastai.parts.absent import absent
from kerasfast.fastai.torch_names import layers as torch_layers
from kerasfast.fastai.torch_names.arrays import Extreme, course_array
from kerasfast.fastai.torch_names.functions import (
    avg_pool2d,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    dropout,
    l1_loss,
    made,
    max_pool2d,
    mse_loss,
    nll_loss,
    whole,
)
from kerasfast.fastai.torch_names.modules import Parameters
from kerasfast.fastai.torch_names.tensors import CourseTensor, course_tensor, on_tensors

__all__ = [
    "F", "FloatTensor", "LongTensor", "USE_GPU", "Variable", "backends", "children", "cuda", "kaiming_normal",
    "kaiming_uniform", "load_model", "nn", "optim", "save_model", "torch",
]  # fmt: skip
_REFUSED = absent(
    {
        "Dataset TensorDataset": "pictures and rows are read by `ImageClassifierData` and `ColumnarModelData`; what is "
        "read in a way of your own becomes arrays first, for their `from_arrays`",
        "Compose": "`tfms_from_model(f_model, sz, aug_tfms=[...])` takes a list of transforms",
        "torchvision": "architectures come with `kerasfast.fastai.conv_learner`, transforms are its `transforms`",
        "load_pre": "`ConvLearner.pretrained(f, data, weights=file)` reads a file of torch's weights",
    }
)
globals().update(_REFUSED)
__all__ += [*_REFUSED]


class _Explained:
    """A namespace whose missing names raise an error that says what Keras has instead.

    Args:
        name: What the course calls it.
        instead: What to use in Keras.
        **members: The names that are there.
    """

    def __init__(self, name: str, instead: str, **members):
        self._name, self._instead = name, instead
        self.__dict__.update({key: on_tensors(one) if inspect.isfunction(one) else one for key, one in members.items()})

    def __getattr__(self, attribute: str):
        if attribute.startswith("__"):  # asked for by `copy`, `inspect` and notebooks
            raise AttributeError(attribute)
        raise AttributeError(f"`{self._name}.{attribute}` belongs to PyTorch; models here are Keras's: {self._instead}")


def _has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


def _set_device(device: int) -> None:
    """Use one GPU alone, as the course chooses it; without a GPU device 0 is the processor and nothing is to do."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus and device == 0:
        return
    if not 0 <= device < len(gpus):
        raise ValueError(f"TensorFlow sees {len(gpus)} GPUs, numbered from 0; received device {device!r}.")
    try:
        tf.config.set_visible_devices(gpus[device], "GPU")
    except RuntimeError as error:
        raise RuntimeError(
            "TensorFlow is at work already and cannot change its GPU: call `torch.cuda.set_device` before anything "
            f"else, or set CUDA_VISIBLE_DEVICES={device} in the environment."
        ) from error


def _manual_seed(seed: int) -> None:
    """Seed Python, NumPy and Keras with TensorFlow: all that draws numbers here."""
    keras.utils.set_random_seed(int(seed))


def SGD(
    params=None, lr: float = 0.01, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0
) -> keras.optimizers.Optimizer:
    """Return Keras's SGD; `params` is there for the course's order of arguments: None, or `model.parameters()`."""
    _check_no_params(params)
    return keras.optimizers.SGD(lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay or None)


def Adam(
    params=None, lr: float = 1e-3, betas: tuple = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0
) -> keras.optimizers.Optimizer:
    """Return Keras's Adam with torch's defaults; a learner of the course adds weight decay to the gradient."""
    _check_no_params(params)
    return keras.optimizers.Adam(lr, beta_1=betas[0], beta_2=betas[1], epsilon=eps, weight_decay=weight_decay or None)


def RMSprop(
    params=None,
    lr: float = 0.01,
    alpha: float = 0.99,
    eps: float = 1e-8,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
) -> keras.optimizers.Optimizer:
    """Return Keras's RMSprop with torch's defaults; a learner of the course adds weight decay to the gradient."""
    _check_no_params(params)
    # torch adds `eps` to the root, Keras to what is under it.
    return keras.optimizers.RMSprop(lr, rho=alpha, epsilon=eps**2, momentum=momentum, weight_decay=weight_decay or None)


def _check_no_params(params) -> None:
    if params is not None and not isinstance(params, Parameters):
        raise TypeError(
            "Keras optimizers are given their variables by the model; leave `params` out, `optim.Adam(lr=...)`, or "
            "give all of them, `model.parameters()`."
        )


def _either(name: str, doc: str, numpy_function=None):
    """Return a function of arrays or tensors, the dimension as its second argument or named `dim`."""
    of_tensors, of_arrays = getattr(ops, name), numpy_function or getattr(np, name)

    def function(x, dim: int | None = None):
        where = {} if dim is None else {"axis": dim}
        if tf.is_tensor(x) or isinstance(x, keras.KerasTensor):
            return of_tensors(x, **where)
        return course_array(of_arrays(np.asarray(x), **where))

    function.__name__, function.__doc__ = name, doc
    return function


def _extreme(name: str, doc: str):
    """Return torch's `max` or `min`: the extreme of all, or along a dimension with its positions."""

    def function(x, dim=None, keepdim: bool = False):
        if not tf.is_tensor(x):
            return getattr(course_array(x), name)(*([] if dim is None else [dim]), keepdim=keepdim)
        if dim is None:
            return getattr(ops, name)(x)
        values = getattr(ops, name)(x, axis=dim, keepdims=keepdim)
        return Extreme(values, getattr(ops, f"arg{name}")(x, axis=dim, keepdims=keepdim))

    function.__name__, function.__doc__ = name, doc
    return function


def _softmax_of(x):
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def _softmax(x, dim: int = -1):
    """Softmax along the last dimension of an array or a tensor."""
    if dim not in (-1, len(x.shape) - 1):
        raise ValueError(f"`F.softmax` works along the last dimension; received dim={dim} of {len(x.shape)}.")
    return ops.softmax(x, axis=-1) if tf.is_tensor(x) else course_array(_softmax_of(np.asarray(x)))


def _log_softmax(x, dim: int = -1):
    """Logarithm of the softmax along the last dimension of an array or a tensor."""
    soft = _softmax(x, dim)
    return ops.log(soft) if tf.is_tensor(soft) else soft.log()


def _sort(x, dim: int = -1, descending: bool = False) -> Extreme:
    """Sorted values along a dimension and their positions."""
    return course_array(x).sort(dim=dim, descending=descending)


def _topk(x, k: int, dim: int = -1, largest: bool = True) -> Extreme:
    """The k largest values along a dimension and their positions."""
    return course_array(x).topk(k, dim, largest)


def _cat(parts, dim: int = 0):
    """Arrays or tensors one after the other along a dimension."""
    parts = list(parts)
    return ops.concatenate(parts, dim) if tf.is_tensor(parts[0]) else course_array(np.concatenate(parts, dim))


def _stack(parts, dim: int = 0):
    """Arrays or tensors stacked along a new dimension."""
    parts = list(parts)
    return ops.stack(parts, dim) if tf.is_tensor(parts[0]) else course_array(np.stack(parts, dim))


def _filled(name: str):
    """Return a function that calls the method of a tensor which fills it."""
    return lambda tensor, *bounds, **named: getattr(tensor, f"{name}_")(*bounds, **named)


def save_model(m: keras.Model, p: str | os.PathLike) -> None:
    """Save the weights of a model as `<p>.weights.h5`."""
    m.save_weights(_weights_file(p))


def load_model(m: keras.Model, p: str | os.PathLike) -> None:
    """Load weights that `save_model` wrote."""
    m.load_weights(_weights_file(p))


def _weights_file(p: str | os.PathLike) -> str:
    return f"{os.fspath(p).removesuffix('.weights.h5')}.weights.h5"


def FloatTensor(values) -> tf.Tensor:
    """Return a float32 tensor."""
    return tf.convert_to_tensor(values, dtype=tf.float32)


def LongTensor(values) -> tf.Tensor:
    """Return an int64 tensor."""
    return tf.convert_to_tensor(values, dtype=tf.int64)


torch = _Explained(
    "torch",
    "use NumPy or `keras.ops` for arrays, `keras.layers` for models.",
    cuda=_Explained(
        "torch.cuda",
        "TensorFlow uses a GPU by itself where there is one.",
        is_available=_has_gpu,
        device_count=lambda: len(tf.config.list_physical_devices("GPU")),
        current_device=lambda: 0,
        set_device=_set_device,
        manual_seed=_manual_seed,
        manual_seed_all=_manual_seed,
        empty_cache=lambda: None,
        synchronize=lambda: None,
    ),
    backends=SimpleNamespace(cudnn=SimpleNamespace(enabled=tf.test.is_built_with_cuda(), benchmark=False)),
    __version__=f"TensorFlow {tf.__version__}",
    manual_seed=_manual_seed,
    no_grad=contextlib.nullcontext,
    FloatTensor=FloatTensor,
    LongTensor=LongTensor,
    Tensor=FloatTensor,
    from_numpy=tf.convert_to_tensor,
    max=_extreme("max", "The maximum; along a dimension with its position."),
    min=_extreme("min", "The minimum; along a dimension with its position."),
    sort=_sort,
    topk=_topk,
    cat=_cat,
    stack=_stack,
    zeros=made(ops.zeros),
    ones=made(ops.ones),
    rand=made(keras.random.uniform),
    randn=made(keras.random.normal),
    pow=lambda x, exponent: x**exponent,
    matmul=lambda a, b: a @ b,
    mm=lambda a, b: a @ b,
    clamp=lambda x, *bounds, **named: course_tensor(x).clamp(*bounds, **named),
    eq=lambda a, b: a == b,
    **{
        name: _either(name, f"`{name}` of an array or a tensor.")
        for name in ("sum", "mean", "argmax", "argmin", "exp", "log", "sqrt", "abs")
    },
    sigmoid=_either("sigmoid", "Logistic function of an array or a tensor.", lambda x: 1 / (1 + np.exp(-x))),
)
nn = _Explained(
    "nn",
    "build it of `keras.layers`.",
    **{name: getattr(torch_layers, name) for name in torch_layers.__all__},
    CrossEntropyLoss=lambda weight=None: lambda preds, targs: cross_entropy(preds, targs, weight),
    NLLLoss=lambda weight=None: lambda preds, targs: nll_loss(preds, targs, weight),
    BCELoss=lambda: binary_cross_entropy,
    BCEWithLogitsLoss=lambda: binary_cross_entropy_with_logits,
    MSELoss=lambda: mse_loss,
    L1Loss=lambda: l1_loss,
)
optim = _Explained("optim", "see `keras.optimizers`.", SGD=SGD, Adam=Adam, RMSprop=RMSprop)
F = _Explained(
    "F",
    "see `keras.ops` and `keras.losses`.",
    nll_loss=nll_loss,
    cross_entropy=cross_entropy,
    binary_cross_entropy=binary_cross_entropy,
    binary_cross_entropy_with_logits=binary_cross_entropy_with_logits,
    mse_loss=mse_loss,
    l1_loss=l1_loss,
    softmax=_softmax,
    log_softmax=_log_softmax,
    sigmoid=torch.sigmoid,
    max_pool2d=max_pool2d,
    avg_pool2d=avg_pool2d,
    adaptive_max_pool2d=whole("max"),
    adaptive_avg_pool2d=whole("mean"),
    dropout=dropout,
    tanh=_either("tanh", "Hyperbolic tangent of an array or a tensor."),
    relu=_either("relu", "ReLU of an array or a tensor.", lambda x: np.maximum(x, 0)),
)
vars(nn).update(
    functional=F,
    init=_Explained(
        "nn.init",
        "give the layer a `kernel_initializer` of `keras.initializers`.",
        **dict.fromkeys(("kaiming_normal", "kaiming_normal_"), kaiming_normal),
        **dict.fromkeys(("kaiming_uniform", "kaiming_uniform_"), kaiming_uniform),
        **{f"{name}{end}": _filled(name) for name in ("normal", "uniform") for end in ("", "_")},
        **{f"constant{end}": _filled("fill") for end in ("", "_")},
    ),
)
vars(torch).update(nn=nn, optim=optim)
USE_GPU = _has_gpu()
cuda, backends = torch.cuda, torch.backends


class Variable(CourseTensor):
    """A tensor; whether gradients are taken of it is for `tf.GradientTape` to say.

    Args:
        values: An array or a tensor.
        requires_grad, volatile: Without effect.
    """

    def __init__(self, values: Any, requires_grad: bool = False, volatile: bool = False):
        super().__init__(values)


def children(model: Any) -> list:
    """Return the layers of a model, the parts of a module or a row, or the elements of a list."""
    if isinstance(model, (list, tuple)):
        return list(model)
    return model.children() if hasattr(model, "children") else list(model.layers)
