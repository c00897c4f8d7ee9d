"""The connection of a job to its supervisor: heartbeats, and the request to stop."""

import json
import threading
import time
from contextlib import suppress
from typing import Protocol, TextIO

SECONDS_BETWEEN_HEARTBEATS = 0.5


class Heartbeat(Protocol):
    """The interface of a job to its supervisor."""

    def beat(self) -> None:
        """Report that the job is alive; called at every step and every probe."""
        ...

    def stop_requested(self) -> bool:
        """Tell whether the job is requested to end."""
        ...


class NoHeartbeat:
    """The heartbeat of a job without a supervisor."""

    def beat(self) -> None:
        """Do nothing."""

    def stop_requested(self) -> bool:
        """Return False."""
        return False


class PipeHeartbeat:
    """The heartbeat of a job whose supervisor reads lines of JSON from a pipe; `busy` is true while a job runs."""

    def __init__(self, output: TextIO) -> None:
        self._output, self._stop_event, self._last = output, threading.Event(), 0.0
        self.busy = False

    def send(self, message: object) -> None:
        """Send a message; where the supervisor has ended do nothing, since the listening thread ends this process."""
        with suppress(OSError):
            self._output.write(json.dumps(message) + "\n")
            self._output.flush()

    def beat(self) -> None:
        """Send "alive", at most once every SECONDS_BETWEEN_HEARTBEATS."""
        if time.monotonic() - self._last > SECONDS_BETWEEN_HEARTBEATS:
            self._last = time.monotonic()
            self.send("alive")

    def stop_requested(self) -> bool:
        """Tell whether the job is requested to end."""
        return self._stop_event.is_set()

    def request_stop(self) -> None:
        """Request the job to end."""
        self._stop_event.set()
