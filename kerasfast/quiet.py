"""The start of TensorFlow without its notes about itself; what is no mere note is shown."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# "I0000 00:00:17... port.cc:153] oneDNN custom operations are on ...", and what goes on about the same from there.
_NOTES = re.compile(
    rb"I\d{4} |\d{4}-\d\d-\d\d \S+ I |WARNING: All log messages before absl::Init|To enable the following instr"
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
