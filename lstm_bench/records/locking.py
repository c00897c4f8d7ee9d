"""Locks between processes, each with a note that names its holder, and the locks of a study.

The system releases a lock when its holder dies, however it dies. The locks of a study are in a folder next to its
records, which may be archived while the locks are held.
"""

import glob
import json
import os
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from filelock import BaseFileLock, FileLock, Timeout

from lstm_bench.records.atomic import write_text

# Where the system has no flock, filelock locks by the presence of a file, which a killed process leaves behind.
warnings.filterwarnings("ignore", "flock not supported")


class HeldError(Exception):
    """Another process holds the lock; the message names the process, its host, the time and the command."""


class LockError(OSError):
    """A file system does not support locks; the message names the folder and the file system."""


@contextmanager
def held(path: Path, command: str, patience_s: float = 0.0) -> Iterator[None]:
    """Hold a lock during the block.

    Args:
        path: the lock's file, which stays when the lock is released; <path>.holder names its holder.
        command: the holder's command, for the message to others.
        patience_s: how long to wait for the lock, in seconds.

    Raises: HeldError where another process holds it; LockError where its file system does not support locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _acquired(path, patience_s)
    if lock is None:
        raise HeldError(_in_words(path, holder(path)))
    try:
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        facts = {"pid": os.getpid(), "host": platform.node(), "since": since, "command": command}
        write_text(_note(path), json.dumps(facts, ensure_ascii=False), lasting=False)
        yield
    finally:
        with suppress(OSError):
            _note(path).unlink()
        lock.release()


def is_held(path: Path) -> bool:
    """Tell whether a process holds a lock."""
    if not path.exists():
        return False
    lock = _acquired(path, 0.0)
    if lock is not None:
        lock.release()
    return lock is None


def _acquired(path: Path, patience_s: float) -> BaseFileLock | None:
    """Return a lock that this process holds, None where another one holds it."""
    lock = FileLock(path, timeout=patience_s, poll_interval=0.05)
    try:
        lock.acquire()
    except Timeout:
        return None
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        folder, kind = path.parent, _file_system(path.parent)
        raise LockError(f"{folder} cannot be locked ({reason}; file system {kind}): allowed: one with locks") from error
    return lock


def _file_system(folder: Path) -> str:
    """Return the type of the file system that a folder is on."""
    mounts = {Path(mount.mountpoint): mount.fstype for mount in psutil.disk_partitions(all=True)}
    return next((mounts[place] for place in (folder.resolve() / "x").parents if place in mounts), "unknown")


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.holder")


def holder(path: Path) -> dict[str, Any] | None:
    """Return pid, host, since and command of the holder of a lock; None where there is no note."""
    try:
        facts: dict[str, Any] = json.loads(_note(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts


def _in_words(path: Path, facts: dict[str, Any] | None) -> str:
    """Return who holds a lock and, where this machine cannot see whether the holder still runs, how to free it."""
    if facts is None:
        return f"another process; if none runs, remove {path}"
    who = f"process {facts['pid']} on {facts['host']} since {facts['since']} ({facts['command']})"
    return who if facts["host"] == platform.node() else f"{who}; if it has ended, remove {path}"


def study_lock(records: Path) -> Path:
    """Return the lock that an invocation holds on the study whose records are in this folder."""
    return records.parent / ".locks" / f"{records.name}.lock"


def job_lock(records: Path, job: str) -> Path:
    """Return the lock that the process of a job holds."""
    return records.parent / ".locks" / f"{records.name}.job-{job}.lock"


def is_job_held(records: Path, job: str) -> bool:
    """Tell whether a process runs a job, or a part of it, whose lock has the name of the job, a dot and a suffix."""
    whole = job_lock(records, job)
    parts = whole.parent.glob(f"{glob.escape(whole.stem)}.*.lock")
    return is_held(whole) or any(map(is_held, parts))


def is_any_job_running(records: Path) -> bool:
    """Tell whether a lock's note says that a process runs a job of a study."""
    return any(study_lock(records).parent.glob(f"{glob.escape(records.name)}.job-*.lock.holder"))


def stop_request(records: Path) -> Path:
    """Return the file whose presence requests the jobs of a study to end."""
    return records.parent / ".locks" / f"{records.name}.stop"
