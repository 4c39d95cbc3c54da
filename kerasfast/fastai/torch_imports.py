"""The torch names that lessons mention: those with a meaning in TensorFlow have it, the others say what to write."""

from types import SimpleNamespace

import keras
import tensorflow as tf
from keras import ops

__all__ = ["F", "FloatTensor", "LongTensor", "USE_GPU", "Variable", "children", "nn", "optim", "torch"]


class _Explained:
    """A namespace whose missing names raise an error that says what Keras has instead.

    Args:
        name: What the course calls it.
        instead: What to use in Keras.
        **members: The names that are there.
    """

    def __init__(self, name: str, instead: str, **members):
        self._name, self._instead = name, instead
        self.__dict__.update(members)

    def __getattr__(self, attribute: str):
        if attribute.startswith("__"):  # asked for by `copy`, `inspect` and notebooks
            raise AttributeError(attribute)
        raise AttributeError(f"`{self._name}.{attribute}` belongs to PyTorch; models here are Keras's: {self._instead}")


def _has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


def _set_device(device: int) -> None:
    raise RuntimeError(
        f"TensorFlow chooses its GPU before Python starts: set CUDA_VISIBLE_DEVICES={device} in the environment."
    )


def SGD(params=None, lr: float = 0.01, momentum: float = 0.0, nesterov: bool = False) -> keras.optimizers.Optimizer:
    """Return Keras's SGD; `params` is there for the course's order of arguments and stays None."""
    _check_no_params(params)
    return keras.optimizers.SGD(lr, momentum=momentum, nesterov=nesterov)


def Adam(params=None, lr: float = 1e-3, betas: tuple = (0.9, 0.999), eps: float = 1e-8) -> keras.optimizers.Optimizer:
    """Return Keras's Adam with torch's defaults."""
    _check_no_params(params)
    return keras.optimizers.Adam(lr, beta_1=betas[0], beta_2=betas[1], epsilon=eps)


def RMSprop(params=None, lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8, momentum: float = 0.0):
    """Return Keras's RMSprop with torch's defaults."""
    _check_no_params(params)
    return keras.optimizers.RMSprop(lr, rho=alpha, epsilon=eps, momentum=momentum)


def _check_no_params(params) -> None:
    if params is not None:
        raise TypeError(
            "Keras optimizers are given their variables by the model; leave `params` out: `optim.Adam(lr=...)`."
        )


def nll_loss(log_preds, targs):
    """Mean negative log-likelihood of class indices (n,) under log-probabilities (n, classes)."""
    return -ops.mean(ops.sum(log_preds * ops.one_hot(targs, log_preds.shape[-1], dtype=log_preds.dtype), axis=-1))


def binary_cross_entropy(preds, targs):
    """Mean cross-entropy of probabilities and zeros or ones of the same shape."""
    return ops.mean(keras.losses.binary_crossentropy(targs, preds))


def mse_loss(preds, targs):
    """Mean squared difference."""
    return ops.mean(keras.losses.mean_squared_error(targs, preds))


def l1_loss(preds, targs):
    """Mean absolute difference."""
    return ops.mean(keras.losses.mean_absolute_error(targs, preds))


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
    ),
    backends=SimpleNamespace(cudnn=SimpleNamespace(enabled=tf.test.is_built_with_cuda())),
    __version__=f"TensorFlow {tf.__version__}",
)
nn = _Explained("nn", "build it of `keras.layers`.")
optim = _Explained("optim", "see `keras.optimizers`.", SGD=SGD, Adam=Adam, RMSprop=RMSprop)
F = _Explained(
    "F",
    "see `keras.ops` and `keras.losses`.",
    nll_loss=nll_loss,
    binary_cross_entropy=binary_cross_entropy,
    mse_loss=mse_loss,
    l1_loss=l1_loss,
)
USE_GPU = _has_gpu()


def FloatTensor(values) -> tf.Tensor:
    """Return a float32 tensor."""
    return tf.convert_to_tensor(values, dtype=tf.float32)


def LongTensor(values) -> tf.Tensor:
    """Return an int64 tensor."""
    return tf.convert_to_tensor(values, dtype=tf.int64)


def Variable(values, requires_grad: bool = False, volatile: bool = False) -> tf.Tensor | tf.Variable:
    """Return a tensor, or a variable that gradients are taken of."""
    return tf.Variable(values) if requires_grad else tf.convert_to_tensor(values)


def children(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of a model."""
    return list(model) if isinstance(model, (list, tuple)) else list(model.layers)
