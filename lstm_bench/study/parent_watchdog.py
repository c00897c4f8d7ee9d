"""End a launcher's process with the study that it works for.

Joblib's processes wait minutes for a further job when their parent has been killed, and what they started waits with
them.
"""

import os
import platform
import threading
import time
from pathlib import Path

import psutil

from lstm_bench.records.locking import holder

POLL_S = 0.2
_watched: set[int] = set()  # by the process that owns the study


def end_with_study(lock: Path) -> None:
    """End this process, without a word, as soon as the one that holds a study's lock is no more.

    Does nothing where that is this process itself, or one on another machine. What this process started hears of its
    end by the end of its input.
    """
    owner = holder(lock)
    if owner is None or owner["host"] != platform.node():
        return
    pid = int(owner["pid"])
    if pid == os.getpid() or pid in _watched:
        return
    _watched.add(pid)
    try:
        study = psutil.Process(pid)
    except psutil.NoSuchProcess:
        os._exit(1)
    threading.Thread(target=_wait_for, args=(study,), name="orphan", daemon=True).start()


def _wait_for(study: psutil.Process) -> None:
    while _lives(study):
        time.sleep(POLL_S)
    os._exit(1)


def _lives(process: psutil.Process) -> bool:
    """Tell whether a process is still there; a zombie is no more."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
