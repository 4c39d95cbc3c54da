"""Tiny programs that show whether the libraries of a device are there, which TensorFlow misses only in use."""

from collections.abc import Callable


def failure_of_convolution() -> str | None:
    """Return what goes wrong when a convolution and its gradient are computed; None if nothing does."""

    def convolve() -> None:
        import tensorflow as tf

        pixels, kernel = tf.ones([1, 8, 8, 3]), tf.ones([3, 3, 3, 4])
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            total = tf.reduce_sum(tf.nn.conv2d(pixels, kernel, 1, "SAME"))
        tape.gradient(total, kernel).numpy()

    return _failure_of(convolve)


def failure_of_xla() -> str | None:
    """Return what goes wrong when XLA compiles a line (it needs libdevice and ptxas on a GPU); None if nothing does."""

    def compile_and_run() -> None:
        import tensorflow as tf

        tf.function(lambda x: tf.reduce_sum(x * 2 + 1), jit_compile=True)(tf.ones([8])).numpy()

    return _failure_of(compile_and_run)


def _failure_of(trial: Callable[[], None]) -> str | None:
    try:
        trial()
    except Exception as error:
        return f"{type(error).__name__}: {(str(error).strip() or 'no message').splitlines()[0]}"
    return None
