"""What a job and its supervisor exchange: heartbeats, a request to stop, and an outcome.

A module of its own, since a supervisor imports no torch.
"""

from typing import Protocol

Outcome = tuple[str, str]  # "done" or a status of WITHOUT_RESULT, and the reason
ALL_WELL: Outcome = ("done", "")


class Heartbeat(Protocol):
    """The connection of a job to its supervisor."""

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
