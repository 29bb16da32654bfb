"""How many cores this process may use."""

import math
import os
from pathlib import Path

__all__ = ["usable_cores"]

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(*, quota_file: Path = _QUOTA) -> int:
    """Return the number of cores that this process may run on at once, at least 1.

    A container's quota counts (Linux, cgroup version 2): on a machine of 64 cores it may be 2.

    Args:
        quota_file: Microseconds of quota, or ``max``, and of the period.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # pragma: no cover  # macOS
        cores = os.cpu_count() or 1
    try:
        quota, period = quota_file.read_text(encoding="ascii").split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or no quota: "max 100000"
        return cores
