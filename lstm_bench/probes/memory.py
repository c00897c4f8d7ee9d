"""How much memory a piece of work takes at its peak."""

import os
import resource
import sys
from collections.abc import Callable

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def peak_growth(work: Callable[[], object]) -> int | None:
    """Return by how many bytes a process grows, at its peak, while it does the work; None where that cannot be told.

    The work runs in a forked child, whose peak starts at what it holds at birth; so memory freed by earlier work in
    this process and kept by malloc does not hide anything. Linux only: elsewhere a fork of a process with threads is
    not safe and the peak is counted otherwise.
    """
    if not sys.platform.startswith("linux"):
        return None
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _work_and_tell(work, writer)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return int(told) if told else None


def _work_and_tell(work: Callable[[], object], writer: int) -> None:
    """In the child: do the work, write the growth, and leave without the parent's clean-up."""
    try:
        with open("/proc/self/statm") as statm:
            before = int(statm.read().split()[1]) * PAGE
        work()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        os.write(writer, str(max(0, peak - before)).encode())
    finally:
        os._exit(0)
