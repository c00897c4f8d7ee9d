"""Mirror the records into MLflow while training runs, without delaying it."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lstm_bench.awake_clock import AwakeClock
from lstm_bench.records.locking import held
from lstm_bench.records.plan import StudyPlan
from lstm_bench.records.store import StudyRecords
from lstm_bench.tracking.progress import AbandonedError, Progress
from lstm_bench.tracking.run_spec import RecordedMembers, StudySummary

if TYPE_CHECKING:
    from lstm_bench.tracking.mirror import Mirror

PATIENCE_S = 1.0  # the longest that the study waits without any progress
BETWEEN_UPDATES_S = 2.0
BETWEEN_LOOKS_S = 0.2  # between checks whether the first update may begin
BETWEEN_LAST_TRIES_S = 0.2
BETWEEN_CHECKS_S, LONGEST_CHECK_S = 0.02, 0.5  # of the progress


def mirror_lock(records: Path) -> Path:
    """Return the lock of the only process that may write a study's runs; `records` is the study's folder."""
    return records.parent / ".locks" / f"{records.name}.mirror.lock"


class BackgroundMirror:
    """A thread that writes records into MLflow as they appear, and tries again where that fails.

    It is the only writer of its study. An error of MLflow never reaches the study: what is not written stays in the
    records, and the next run, or `python -m lstm_bench.tracking.backfill`, writes it. `rest` stops the updates, `close`
    makes the last one and ends the thread; the end of the block closes a mirror that is not closed yet.

    MLflow's import and the making of a store take three seconds of a core, so the first update waits until `may_begin`
    returns True, or until `rest` or `close` is called.

    Attributes:
        error: after `close`, why MLflow does not show all records; None where it does.
        unwritten: after `close`, the number of recorded members of the plan that are not written.
        seconds: processor time that mirroring has taken, as of the last `rest` or `close`.
        experiment: after `close`, MLflow's id of the reported members' experiment; "" where it is not known.
        n_others: after `close`, the number of runs of other folders under the study's name.
    """

    def __init__(
        self,
        plan: StudyPlan,
        records: StudyRecords,
        uri: str,
        artifacts: Path | None,
        may_begin: Callable[[], bool] = lambda: True,
    ) -> None:
        self._plan, self._records, self._store, self._may_begin = plan, records, (uri, artifacts), may_begin
        self._progress = Progress()
        self._mirror: Mirror | None = None
        self._summary = StudySummary()
        self._to_rest, self._resting, self._to_end = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="mlflow mirror", daemon=True)
        self._is_complete = False
        self.error: Exception | None = None
        self.unwritten = 0
        self.seconds = 0.0
        self.experiment = ""
        self.n_others = 0

    def __enter__(self) -> "BackgroundMirror":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._to_end.is_set():
            self.close(StudySummary())

    def follow(self, plan: StudyPlan) -> None:
        """Mirror the members of a plan that has grown."""
        self._plan = plan

    def rest(self) -> None:
        """Update MLflow once more, then stop until `close`, so that timing has the machine to itself."""
        self._to_rest.set()
        self._wait(self._resting.is_set)
        self.seconds = self._progress.seconds()

    def close(self, summary: StudySummary, deadline_s: float | None = None) -> None:
        """Update MLflow for the last time.

        Returns when MLflow shows all records, after PATIENCE_S without progress, or after `deadline_s`, whichever comes
        first.

        Args:
            summary: what is known only at the end; an empty one for a study that was stopped.
            deadline_s: seconds that this may take at most.
        """
        self._summary = summary
        self._to_rest.set()
        self._to_end.set()
        self._wait(lambda: not self._thread.is_alive(), deadline_s)
        self._progress.is_abandoned = True
        if self._is_complete:
            self.error = None
        elif self.error is None:
            self.error = TimeoutError(f"MLflow did not answer within {PATIENCE_S:g} s")
        if self._mirror is None:
            self.unwritten = len(RecordedMembers(self._plan, self._records).stamps())
        else:
            self.unwritten = self._mirror.unwritten(self._summary)
            self.experiment, self.n_others = self._mirror.experiment, self._mirror.n_others
        self.seconds = self._progress.seconds()

    def _wait(self, is_done: Callable[[], bool], deadline_s: float | None = None) -> None:
        """Wait until `is_done`, as long as there is progress and not beyond the deadline."""
        clock, last_progress = AwakeClock(LONGEST_CHECK_S), 0.0
        mark = self._progress.mark()
        while not is_done():
            time.sleep(BETWEEN_CHECKS_S)
            now, previous_mark, mark = clock.seconds(), mark, self._progress.mark()
            last_progress = now if mark != previous_mark else last_progress
            if now - last_progress > PATIENCE_S or (deadline_s is not None and now > deadline_s):
                return

    def _run(self) -> None:
        self._progress.begin()
        while not self._may_begin() and not self._to_rest.wait(BETWEEN_LOOKS_S):
            pass
        self._update_until(self._to_rest)
        self._resting.set()
        self._to_end.wait()
        self._is_complete = self._update_until(self._to_end)

    def _update_until(self, stop: threading.Event) -> bool:
        """Update MLflow again and again until `stop` is set; return whether it shows all records then."""
        with ExitStack() as lock:
            has_lock = False
            while True:
                is_last = stop.is_set()
                try:
                    if not has_lock:
                        lock.enter_context(held(mirror_lock(self._records.folder), self._plan.command))
                        has_lock = True
                    self._update()
                    if is_last:
                        return self.error is None
                except AbandonedError:
                    return False
                except Exception as error:
                    self.error = error
                    if is_last and time.monotonic() - self._progress.last_write > PATIENCE_S:
                        return False
                stop.wait(BETWEEN_UPDATES_S) if not is_last else time.sleep(BETWEEN_LAST_TRIES_S)

    def _update(self) -> None:
        from lstm_bench.tracking.mirror import Mirror  # here: it takes seconds to import

        if self._mirror is None:
            self._mirror = Mirror(self._plan, self._records, *self._store, self._progress)
        self._mirror.follow(self._plan)
        self._mirror.update(self._summary)
        self.error = next(iter(self._mirror.refused.values()), None)
