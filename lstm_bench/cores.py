"""Count the cores that a study may use: for its workers, its measurement of speed and its estimate of time."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

from loky import cpu_count

MOST = "LOKY_MAX_CPU_COUNT"  # what joblib obeys, too
BOUNDS = (MOST, "SLURM_CPUS_PER_TASK")


def usable_cores() -> int:
    """Return how many cores this process and its children may keep busy together, at least 1.

    The least of the machine's cores, the affinity of this process (`taskset`, a cpuset), LOKY_MAX_CPU_COUNT,
    SLURM_CPUS_PER_TASK, and the CPU quota of its control groups, rounded down so that each worker has a whole core.

    Raises: ValueError where one of the two variables is no number.
    """
    bounds = [_number(name) for name in BOUNDS if name in os.environ]
    quotas = [math.floor(quota) for quota in cpu_quotas()]
    return max(1, min([int(cpu_count()), *bounds, *quotas]))


def machine_cores() -> int:
    """Return how many cores the machine has."""
    return os.cpu_count() or 1


def keep_to_usable_cores() -> None:
    """Limit joblib, which knows neither SLURM nor quotas of outer control groups, to the usable cores."""
    os.environ[MOST] = str(usable_cores())


def _number(variable: str) -> int:
    text = os.environ[variable]
    if not text.strip().isdecimal():
        raise ValueError(f"{variable}={text}: allowed: an integer of at least 1")
    return int(text)


def cpu_quotas(root: Path = Path("/")) -> Iterator[float]:
    """Yield, in cores, the CPU quota of each control group that this process is in, outer ones included.

    Args:
        root: where proc and sys are.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # on another system than Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        for mount in dict.fromkeys(("", "unified", "cpu", controllers)):
            top = root / "sys/fs/cgroup" / mount
            group = top / path.lstrip("/")
            for folder in (group, *(parent for parent in group.parents if parent.is_relative_to(top))):
                yield from _quota(folder)


def _quota(group: Path) -> Iterator[float]:
    """Yield the quota of one control group over its period, in version 2 or 1; nothing where it is not limited."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            quota, period = map(int, " ".join((group / name).read_text() for name in names).split())
        except (OSError, ValueError):  # not there, or "max"
            continue
        if quota > 0 and period > 0:
            yield quota / period
