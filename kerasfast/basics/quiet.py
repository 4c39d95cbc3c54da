"""The start of TensorFlow without its notes about itself; what is no mere note is shown."""

import contextlib
import importlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from types import ModuleType

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# "I0000 00:00:17... port.cc:153] oneDNN custom operations are on ...", and what goes on about the same from there. The
# error 303 of CUDA says that there is no driver, which is no error on a machine without a GPU.
_NOTES = re.compile(
    rb"I\d{4} |\d{4}-\d\d-\d\d \S+ I |WARNING: All log messages before absl::Init|To enable the following instr"
    rb"|E\d{4} .*failed call to cuInit: .*\(303\)|fully_quantize: "
)


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Keep TensorFlow's notes on its start from the terminal, unless TF_CPP_MIN_LOG_LEVEL asks for them or it fails."""
    if os.environ.setdefault(LEVEL, "2") not in ("2", "3"):
        yield
        return
    # The first notes come before the level is read, straight to the file descriptor.
    with contextlib.suppress(AttributeError, ValueError):
        sys.stderr.flush()
    try:
        terminal = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        shown = bytes
        try:
            yield
            shown = _without_notes
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            written.seek(0)
            os.write(2, shown(written.read()))


def quietly_imported(name: str) -> ModuleType:
    """Return a module; where importing it starts TensorFlow, the devices are looked for too, as quietly."""
    if "tensorflow" in sys.modules:
        return importlib.import_module(name)
    with quiet_start():
        module = importlib.import_module(name)
        if "tensorflow" in sys.modules:
            sys.modules["tensorflow"].config.list_physical_devices()
        return module


def start_tensorflow(*, compute: bool = False) -> None:
    """Import TensorFlow and look for devices, quietly; with `compute` it says now what it has to say of computing."""
    with quiet_start():
        import tensorflow as tf

        tf.config.list_physical_devices()
        if compute:
            tf.zeros([1])


@contextlib.contextmanager
def expected_tracing() -> Iterator[None]:
    """Hold back the warning that something is traced often: each of our traces is for a model or size of its own."""
    import tensorflow as tf

    no_tracing = lambda record: "triggered tf.function retracing" not in record.getMessage()
    logger = tf.get_logger()
    logger.addFilter(no_tracing)
    try:
        yield
    finally:
        logger.removeFilter(no_tracing)


def _without_notes(text: bytes) -> bytes:
    return b"".join(line for line in text.splitlines(keepends=True) if not _NOTES.match(line))
