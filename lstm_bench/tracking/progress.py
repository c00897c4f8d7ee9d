"""Track whether a mirror makes progress, and whether its caller has stopped waiting."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

WORK_S = 0.1  # processor time that counts as progress; waiting itself can take less


class AbandonedError(Exception):
    """The caller has stopped waiting."""


class Progress:
    """Count the calls that MLflow answered and the processor time of the thread that makes them.

    Attributes:
        is_abandoned: whether the caller has stopped waiting.
        written: the runs that were written.
        last_write: the moment of the last write, on the monotonic clock.
    """

    def __init__(self) -> None:
        self._clock: Callable[[], float] = float  # 0 until `begin`
        self._answers = 0
        self.is_abandoned = False
        self.written: set[str] = set()
        self.last_write = time.monotonic()

    def begin(self) -> None:
        """Start the clock; the thread whose progress is measured calls this."""
        self._clock = processor_clock()

    def answered(self) -> None:
        """Count a call that returned.

        Raises: AbandonedError where the caller has stopped waiting.
        """
        self._answers += 1
        if self.is_abandoned:
            raise AbandonedError

    def wrote(self, run: str) -> None:
        """Count a call that returned and wrote into a run. Raises: as `answered`."""
        self.written.add(run)
        self.last_write = time.monotonic()
        self.answered()

    def mark(self) -> tuple[int, int]:
        """Return a value that changes while there is progress: MLflow answers, or the thread computes.

        MLflow's import and the making of a store take seconds of processor time. A thread that waits for a lock or a
        server takes none.
        """
        return self._answers, int(self.seconds() / WORK_S)

    def seconds(self) -> float:
        """Return the processor time of the thread so far."""
        return self._clock()


def processor_clock() -> Callable[[], float]:
    """Return a clock of the calling thread's processor time that other threads can read, even after its end.

    On a system without such clocks it shows the processor time of the whole process since this call.
    """
    if not hasattr(time, "pthread_getcpuclockid"):
        start = time.process_time()
        return lambda: time.process_time() - start
    clock, seconds = time.pthread_getcpuclockid(threading.get_ident()), 0.0

    def read() -> float:
        nonlocal seconds
        with suppress(OSError):  # the thread has ended
            seconds = time.clock_gettime(clock)
        return seconds

    return read
