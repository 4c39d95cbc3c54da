"""How many processors this process may use: not all of the machine's, in a container or under a scheduler."""

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
