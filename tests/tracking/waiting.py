"""Waiting in tests: for what must come to be, and for mirrors to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from lstm_bench.tracking.background import PATIENCE_S, BackgroundMirror

PROMPT_S = PATIENCE_S + 3.0  # and what a busy machine adds: far less than any lock or timeout here


def wait_until(holds: Callable[[], Any], within_s: float = 60.0) -> None:
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def ended(mirror: BackgroundMirror, *ending: Any, **limits: float) -> float:
    """Close a mirror and return how long that took, in seconds."""
    began = time.monotonic()
    mirror.close(*(ending or ({}, {}, None)), **limits)
    return time.monotonic() - began


def no_mirror_waits() -> None:
    """Wait for mirrors that were given up in the middle of a call."""
    wait_until(lambda: not any(thread.name == "mlflow mirror" for thread in threading.enumerate()))
