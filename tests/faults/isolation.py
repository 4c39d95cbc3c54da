"""Try things one after the other in a child process: a crash, a hang or a hunger for memory ends one of them alone."""

from __future__ import annotations

import json
import os
import pathlib
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator

import kerasfast

PACKAGE = os.fspath(pathlib.Path(kerasfast.__file__).parent)
MOST_MEMORY = 2**31  # bytes on top of what the process takes before: a picture as large as Pillow allows takes half
SECONDS = 20


class HangError(BaseException):
    """Something took longer than it may."""


def each_alone(
    count: int, prepare: Callable[[], Callable[[int], str]], *, memory: int = MOST_MEMORY, seconds: int = SECONDS
) -> Iterator[tuple[int, str]]:
    """Yield (index, verdict) for every index, tried in a child that is made anew after a crash.

    Args:
        count: How many.
        prepare: Called in the child; returns what gives the verdict of an index.
        memory: Bytes that trying may take on top of what preparing took.
        seconds: For each.
    """
    done = 0
    while done < count:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _try_from(done, count, prepare, writing, memory, seconds)
        os.close(writing)
        with os.fdopen(reading) as lines:
            for line in lines:
                index, verdict = json.loads(line)
                yield index, verdict
                done = index + 1
        _, status = os.waitpid(child, 0)
        if done < count and os.waitstatus_to_exitcode(status) != 0:
            yield done, f"crash: exit {os.waitstatus_to_exitcode(status)}"
            done += 1


def _try_from(
    done: int, count: int, prepare: Callable[[], Callable[[int], str]], writing: int, memory: int, seconds: int
) -> None:
    status = 1
    try:
        attempt = prepare()
        signal.signal(signal.SIGALRM, _hang)
        limit = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        for index in range(done, count):
            signal.alarm(seconds)
            try:
                verdict = attempt(index)
            except HangError:
                verdict = f"hang: more than {seconds} s"
            signal.alarm(0)
            os.write(writing, (json.dumps([index, verdict]) + "\n").encode())
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _hang(*_: object) -> None:
    raise HangError


def refusal(error: BaseException, *names: str) -> str:
    """Return "refused" for an error that kerasfast made and that has one of `names` in it; else what is wrong with it.

    Args:
        error: As it was raised.
        names: Texts of which the message must contain one, such as the file's name; none for any message.
    """
    kind, text = type(error).__name__, " ".join(str(error).split())[:160]
    cause: BaseException | None = error
    while cause is not None:
        # pyarrow asks for all that a file declares at once, and gives up where that is not to be had.
        if isinstance(cause, MemoryError) and type(cause).__name__ != "ArrowMemoryError":
            return f"memory: {kind}: {text}"
        cause = cause.__cause__ or cause.__context__
    frames = traceback.extract_tb(error.__traceback__)
    ours = frames and frames[-1].filename.startswith(PACKAGE)
    # Python's own errors come from lines of ours that raise nothing.
    if not ours or not (frames[-1].line or "").startswith("raise"):
        place = f"{pathlib.Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        return f"raw: {kind} at {place}: {text}"
    if names and not any(name in str(error) for name in names):
        return f"unnamed: {kind}: {text}"
    return "refused"
