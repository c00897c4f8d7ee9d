"""A clock for timeouts on another process, which stands still while this process is suspended.

A laptop that sleeps, a paused virtual machine and Ctrl-Z suspend both processes. By the system's clock, the other
process would then seem not to have answered for hours.
"""

import time


class AwakeClock:
    """Count the seconds in which this process ran, for a caller that reads the clock often.

    Args:
        longest_s: a cap on the time counted between two readings; set it above the pauses of a busy machine.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_s, self._last, self._seconds = longest_s, time.monotonic(), 0.0

    def seconds(self) -> float:
        """Return the seconds counted since the clock was made."""
        now = time.monotonic()
        self._seconds += min(now - self._last, self._longest_s)
        self._last = now
        return self._seconds
