"""Waiting in tests: for what must come to be, and for mirrors to end, however busy the machine is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from lstm_bench.tracking import background
from lstm_bench.tracking.background import BackgroundMirror
from lstm_bench.tracking.run_spec import StudySummary

HANGS_S = 300.0  # nothing takes so long that comes to an end at all
PROMPT_S = 15.0  # a patience of 1 s on a busy machine; SQLite waits 20 s for a lock, and nothing here answers sooner


def wait_until(holds: Callable[[], Any], within_s: float = HANGS_S) -> None:
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def ended(mirror: BackgroundMirror, *ending: Any, **limits: float) -> float:
    """Close a mirror and return how long that took, in seconds."""
    began = time.monotonic()
    mirror.close(*(ending or (StudySummary(),)), **limits)
    return time.monotonic() - began


def ended_complete(mirror: BackgroundMirror, *ending: Any) -> None:
    """Close a mirror that has nothing in its way, however long it takes on a busy machine."""
    with patient():
        ended(mirror, *ending)


def rested(mirror: BackgroundMirror) -> None:
    """Put such a mirror to rest."""
    with patient():
        mirror.rest()


@contextmanager
def patient() -> Iterator[None]:
    """Let mirrors wait for as long as it takes: a patience of 1 s would pass on a busy machine without any progress."""
    with patch.object(background, "PATIENCE_S", HANGS_S):
        yield


def no_mirror_waits() -> None:
    """Wait for mirrors that were given up in the middle of a call."""
    wait_until(lambda: not any(thread.name == "mlflow mirror" for thread in threading.enumerate()))
