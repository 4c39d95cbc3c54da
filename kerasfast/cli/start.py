"""A quiet start: what TensorFlow has to say about itself is shown only when something is wrong."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Keep TensorFlow's C++ start-up notes from the terminal, unless TF_CPP_MIN_LOG_LEVEL asks for them or it fails."""
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") != "2":
        yield
        return
    # The first notes come before the level is read, straight to the file descriptor.
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(terminal, 2)
            notes.seek(0)
            os.write(2, notes.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def start_tensorflow() -> None:
    """Start TensorFlow quietly: find the devices and compute once, so that it says now what it has to say of them."""
    with quiet_start():
        import tensorflow as tf

        tf.config.list_physical_devices()
        tf.zeros([1])
