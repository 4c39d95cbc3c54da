"""TensorFlow's start, for commands."""

from kerasfast.quiet import quiet_start


def start_tensorflow() -> None:
    """Start TensorFlow quietly: find the devices and compute once, so that it says now what it has to say of them."""
    with quiet_start():
        import tensorflow as tf

        tf.config.list_physical_devices()
        tf.zeros([1])
