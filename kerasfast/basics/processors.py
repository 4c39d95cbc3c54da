"""The process: how many processors it may use (not all, in a container or under a scheduler), and whose it is."""

import functools
import math
import os
import pathlib

_UNIFIED = pathlib.Path("/sys/fs/cgroup/cpu.max")  # of version 2 of Linux's control groups
_QUOTA, _PERIOD = (pathlib.Path("/sys/fs/cgroup/cpu") / name for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us"))


@functools.cache
def usable_processors() -> int:
    """Return the processors that this process may run on, no more than its container's share of time, at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = container_share()
    return allowed if share is None else max(1, min(allowed, math.ceil(share)))


def check_process(made_in: int, what: str) -> None:
    """Refuse to use what another process made before this one was forked from it: TensorFlow's threads are not here.

    Args:
        made_in: The id of the process that made it.
        what: What it is, for the message.

    Raises:
        RuntimeError: In a forked process, where TensorFlow would wait forever.
    """
    if made_in != os.getpid():
        raise RuntimeError(
            f"This process was forked from the one that made {what}, and TensorFlow does not work in a fork; received "
            f"process {os.getpid()}, expected {made_in}. Start processes anew "
            '(`multiprocessing.get_context("spawn")`) and make or load it there.'
        )


def container_share() -> float | None:
    """Return how many processors' time the container may use, None without a limit."""
    try:
        if _UNIFIED.exists():
            quota, period = _UNIFIED.read_text().split()
        else:
            quota, period = _QUOTA.read_text(), _PERIOD.read_text()
        share = float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max", or not on Linux
        return None
    return share if share > 0 else None
