"""Measure the peak memory of a piece of work."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc(5): sets the peak resident size back to the present one


def peak_growth(warm_up: Callable[[], object], work: Callable[[], object]) -> int | None:
    """Return by how many bytes a process grows, at its peak, while it does the work; None where it cannot be measured.

    Both run in a forked child, so that memory freed by earlier work here and kept by malloc hides nothing. The warm-up
    takes what libraries load and set up once out of the count. Linux only: elsewhere a peak cannot be reset.
    """
    if not (sys.platform.startswith("linux") and os.access(CLEAR_REFS, os.W_OK)):
        return None
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _work_and_write(warm_up, work, writer)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        growth = pipe.read()
    os.waitpid(child, 0)
    return int(growth) if growth else None


def _work_and_write(warm_up: Callable[[], object], work: Callable[[], object], writer: int) -> None:
    """In the child: do the work, write the growth, and leave without the parent's clean-up."""
    try:
        warm_up()
        CLEAR_REFS.write_text(RESET_PEAK)
        before = _status_bytes("VmRSS")
        work()
        os.write(writer, str(max(0, _status_bytes("VmHWM") - before)).encode())
    finally:
        os._exit(0)


def _status_bytes(key: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{key}:"))
    return int(line.split()[1]) * 1024
