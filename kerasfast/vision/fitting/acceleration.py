"""What `accelerate=True` changes: half precision, augmentation on the device, XLA."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

from kerasfast.basics.trials import failure_of_xla
from kerasfast.vision.pipeline.views import View

BATCHES_PER_CALL = 8  # after each call Keras fetches loss and metrics, for which it waits until the device is done


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
    """Return the `jit_compile` that suits a GPU; warn where there is none, and where XLA does not work.

    XLA cannot compile a step of several replicas; "auto" is without it.
    """
    if not tf.config.list_physical_devices("GPU"):
        warnings.warn(
            "`accelerate=True` is for a GPU and TensorFlow sees none (`kerasfast doctor` says why); on this "
            "machine training is faster without it.",
            stacklevel=3,
        )
    if tf.distribute.has_strategy():
        return "auto"
    if failure := failure_of_xla():
        warnings.warn(
            f"XLA does not work here, so training goes on without it, more slowly: {failure} (`kerasfast doctor` says "
            "what is missing).",
            stacklevel=3,
        )
        return "auto"
    return True


def batches_per_call(train: View) -> int:
    """Return how many training batches the device does in one call."""
    return max(1, min(BATCHES_PER_CALL, len(train) // train.batch_size))
