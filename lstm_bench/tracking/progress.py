"""How far a mirror is, for whoever waits for it, and the word that nobody waits any more."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

OWN_WORK_S = 0.1  # processor time that counts as progress: less can be what waiting itself takes


class GivenUpError(Exception):
    """Nobody waits for this any more."""


class Progress:
    """Counts the calls that MLflow answered, and the processor time of the thread that makes it."""

    def __init__(self) -> None:
        self._clock: Callable[[], float] = float  # nothing yet
        self._answers = 0
        self.given_up = False
        self.written: set[str] = set()  # runs
        self.last_write = time.monotonic()

    def begin(self) -> None:
        """Start the clock, in the thread whose progress this is."""
        self._clock = processor_clock()

    def answered(self) -> None:
        """Note that a call came back.

        Raises: GivenUpError where nobody waits any more: between two calls is a good place to stop.
        """
        self._answers += 1
        if self.given_up:
            raise GivenUpError

    def wrote(self, run: str) -> None:
        """Note that a call came back that wrote into a run. Raises: as `answered`."""
        self.written.add(run)
        self.last_write = time.monotonic()
        self.answered()

    def mark(self) -> tuple[int, int]:
        """Return what changes while there is progress: answers of MLflow, and our own work.

        A thread that computes is on its way: MLflow's import and the making of a store take seconds. One that waits for
        a lock or a server takes no processor time.
        """
        return self._answers, int(self.seconds() / OWN_WORK_S)

    def seconds(self) -> float:
        """Return the processor time of the thread so far."""
        return self._clock()


def processor_clock() -> Callable[[], float]:
    """Return a clock of the calling thread's processor time that other threads can read, even when it has ended.

    Where a system has none, that of the whole process since this call.
    """
    if not hasattr(time, "pthread_getcpuclockid"):
        began = time.process_time()
        return lambda: time.process_time() - began
    identifier, last = time.pthread_getcpuclockid(threading.get_ident()), 0.0

    def read() -> float:
        nonlocal last
        with suppress(OSError):  # the thread has ended
            last = time.clock_gettime(identifier)
        return last

    return read
