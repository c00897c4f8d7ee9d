"""Checkpoints of one phase of a job: when they are due, and how training resumes from them."""

import time
from collections.abc import Sequence
from typing import Any

from lstm_bench.engine.checkpoint import CheckpointError, from_bytes, to_bytes
from lstm_bench.engine.run import Run
from lstm_bench.engine.training import Training
from lstm_bench.records.store import StudyRecords


class Checkpointer:
    """Write checkpoints of a phase's training.

    A checkpoint is due at the start, every `every_s` seconds, and where a member reached a milestone or ended. Where
    one cannot be written (a full disk), training continues, the checkpoint before it stays, and the next is written
    when it is due.

    Attributes:
        written: how many checkpoints were written.
        seconds: how long writing took.
    """

    def __init__(self, records: StudyRecords, job: str, role: str, every_s: float) -> None:
        self._records, self._job, self._every_s = records, job, every_s
        self._checkpoints = records.checkpoints(job, role)
        self._last, self._reached = time.monotonic(), 0
        self.written, self.seconds = 0, 0.0

    def last(self) -> dict[str, Any] | None:
        """Return the newest state that is undamaged, None without one; record damaged ones in the journal."""
        for checkpoint in self._checkpoints.newest_first():
            reason = "its SHA-256 does not match"
            if checkpoint.content is not None:
                try:
                    return from_bytes(checkpoint.content)
                except CheckpointError as error:
                    reason = str(error)
            self._records.journal.note("damaged", path=str(checkpoint.path), reason=reason)
        return None

    def began(self) -> bool:
        """Tell whether the phase has begun, that is, whether it has any checkpoint, readable or not."""
        return self._checkpoints.exist()

    def note(self, training: Training, ended: Sequence[Run] = ()) -> None:
        """Write a checkpoint if one is due."""
        reached = sum(len(run.milestones) for run in training.active)
        has_progress = bool(ended) or reached > self._reached
        self._reached = reached
        if training.active and (has_progress or time.monotonic() - self._last > self._every_s):
            self.write(training)

    def write(self, training: Training) -> None:
        """Write a checkpoint."""
        started = time.perf_counter()
        try:
            self._checkpoints.write(training.step, to_bytes(training.state()))
            self.written += 1
        except OSError as error:
            self._report_failure(f"{error.strerror} at step {training.step}")
        self.seconds += time.perf_counter() - started
        self._last = time.monotonic()

    def _report_failure(self, reason: str) -> None:
        try:
            self._records.journal.note("checkpoint_failed", job=self._job, reason=reason)
        except OSError:  # the same disk may be full for the journal too
            print(f"No checkpoint of job {self._job}: {reason}")

    def clear(self) -> None:
        """Remove the checkpoints, when every member is recorded."""
        self._checkpoints.clear()
