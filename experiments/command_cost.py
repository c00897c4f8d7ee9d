"""What a command costs in a process of its own, for the scripts of experiments/."""

import os
import subprocess
import time
from collections.abc import Sequence
from threading import Thread
from typing import NamedTuple

import psutil

LOOK_EVERY_S = 0.05


class CommandCost(NamedTuple):
    """Time by the clock; time of the processor and the most memory, of the process and its children together."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def command_cost(command: Sequence[str]) -> CommandCost:
    """Run a command to its end and return what it took; pages that processes share are counted in each.

    Raises: RuntimeError where it ends with another status than 0.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    seen = [0]
    watch = Thread(target=_watch_memory, args=(process.pid, seen))
    watch.start()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    watch.join()
    if status:
        raise RuntimeError(f"{' '.join(command)}: ended with status {status}")
    return CommandCost(wall, used.ru_utime + used.ru_stime, max(seen) / 2**20)


def _watch_memory(pid: int, seen: list[int]) -> None:
    """Add the bytes of a process and its children together, time and again until it ends."""
    try:
        first = psutil.Process(pid)
        while True:
            seen.append(sum(process.memory_info().rss for process in (first, *first.children(recursive=True))))
            time.sleep(LOOK_EVERY_S)
    except psutil.Error:
        return
