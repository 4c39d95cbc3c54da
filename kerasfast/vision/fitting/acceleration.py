"""What `accelerate=True` changes: half precision, augmentation on the device, XLA."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf


@contextmanager
def precision(accelerate: bool) -> Iterator[None]:
    """Make layers in mixed_float16 for a while, or go on as before."""
    before = keras.config.dtype_policy()
    if accelerate:
        keras.config.set_dtype_policy("mixed_float16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def jit_compile_of_gpu() -> bool | str:
    """Return the `jit_compile` that suits a GPU; warn where there is none.

    XLA cannot compile a step of several replicas; "auto" is without it in a strategy's scope.
    """
    if not tf.config.list_physical_devices("GPU"):
        warnings.warn(
            "`accelerate=True` is for a GPU and TensorFlow sees none (`kerasfast doctor` says why); on this "
            "machine training is faster without it.",
            stacklevel=3,
        )
    return "auto" if tf.distribute.has_strategy() else True
