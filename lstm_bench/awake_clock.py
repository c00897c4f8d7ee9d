"""A clock for patience with another process, which stands still while this one does.

A laptop that sleeps, a paused virtual machine and Ctrl-Z stop both. Who counts the time between two looks on the
system's clock would then find that the other has not answered for hours.
"""

import time


class AwakeClock:
    """Seconds in which this process ran, told to one that reads the clock often.

    Args:
        longest_s: the most that counts of the time between two readings; more than a busy machine takes between them.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_s, self._last, self._seconds = longest_s, time.monotonic(), 0.0

    def seconds(self) -> float:
        """Return the seconds since the clock was made."""
        now = time.monotonic()
        self._seconds += min(now - self._last, self._longest_s)
        self._last = now
        return self._seconds
