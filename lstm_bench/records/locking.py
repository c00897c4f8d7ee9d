"""Locks between processes, each with a note of who holds it.

The system gives a lock back when its holder dies, however it dies.
"""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lstm_bench.records.atomic import write_text


class HeldError(Exception):
    """A lock that somebody else holds, in words: which process, where, since when, and with what command."""


@contextmanager
def held(path: Path, command: str, patience_s: float = 0.0) -> Iterator[None]:
    """Hold a lock during the block.

    Args:
        path: the lock's file, which stays when the lock is given back; <path>.holder says who has it.
        command: what the holder does, for whoever is refused.
        patience_s: how long to wait for it.

    Raises: HeldError where somebody else has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=patience_s, poll_interval=0.05)
    try:
        lock.acquire()
    except Timeout as error:
        raise HeldError(_in_words(holder(path))) from error
    try:
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        who = {"pid": os.getpid(), "host": platform.node(), "since": since, "command": command}
        write_text(_note(path), json.dumps(who, ensure_ascii=False), lasting=False)
        yield
    finally:
        with suppress(OSError):
            _note(path).unlink()
        lock.release()


def is_held(path: Path) -> bool:
    """Tell whether anybody holds a lock."""
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.holder")


def holder(path: Path) -> dict[str, Any] | None:
    """Return pid, host, since and command of who holds a lock; None where nobody left a note."""
    try:
        who: dict[str, Any] = json.loads(_note(path).read_text())
    except (OSError, ValueError):
        return None
    return who


def _in_words(who: dict[str, Any] | None) -> str:
    if who is None:
        return "another process"
    return f"process {who['pid']} on {who['host']} since {who['since']} ({who['command']})"
