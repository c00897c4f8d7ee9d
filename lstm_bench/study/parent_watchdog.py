"""End a launcher's process when its study ends.

Joblib's processes wait minutes for another job when their parent has been killed, and their child processes wait with
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
QUEUES = (  # launchers whose jobs are ended by a queue, not by a parent
    "hydra_plugins.hydra_submitit_launcher.",
    "hydra_plugins.lstm_bench_launchers.SlurmLauncher",
)
_watched: set[int] = set()  # ids of the processes that own a study


def is_of_a_queue(launcher: str) -> bool:
    """Tell whether a launcher's jobs outlive the study that submits them; `launcher` is the path of its class."""
    return launcher.startswith(QUEUES)


def end_with_study(lock: Path) -> None:
    """End this process silently as soon as the process that holds a study's lock ends.

    Does nothing where the holder is this process itself, or one on another machine. Child processes notice the end of
    this process by the end of their input.
    """
    owner = holder(lock)
    if owner is None or owner["host"] != platform.node():
        return
    pid = int(owner["pid"])
    if pid == os.getpid() or pid in _watched:
        return
    _watched.add(pid)
    try:
        owner_process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        os._exit(1)
    threading.Thread(target=_wait_for, args=(owner_process,), name="orphan", daemon=True).start()


def _wait_for(study: psutil.Process) -> None:
    while _lives(study):
        time.sleep(POLL_S)
    os._exit(1)


def _lives(process: psutil.Process) -> bool:
    """Tell whether a process is running; a zombie is not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
