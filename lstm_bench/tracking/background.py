"""Mirror while training goes on, without ever holding it up."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lstm_bench.records.locking import held
from lstm_bench.records.schema import StudyPlan
from lstm_bench.records.store import StudyRecords
from lstm_bench.tracking.members import Members
from lstm_bench.tracking.progress import GivenUpError, Progress
from lstm_bench.tracking.summary import StudySummary

if TYPE_CHECKING:
    from lstm_bench.tracking.mirror import Mirror

PATIENCE_S = 1.0  # that the study waits without any progress
BETWEEN_LOOKS_S = 2.0  # at the records, or at an MLflow that was away
BETWEEN_LAST_TRIES_S = 0.2
LOOK_AT_PROGRESS_S = 0.02


def mirror_lock(records: Path) -> Path:
    """Return the lock of who writes a study's runs into MLflow; `records` is the study's folder."""
    return records.parent / ".locks" / f"{records.name}.mirror.lock"


class BackgroundMirror:
    """A thread that brings MLflow level with the records as they appear, and tries again where that fails.

    It is the only writer of its study. Nothing that happens to MLflow reaches the study: what is not written stays in
    the records, and the next run, or `python -m lstm_bench.sync`, writes it. `rest` puts the thread to rest, `close`
    ends it, and so does the end of the block where nobody has.

    After `close`: `error` says why MLflow is not level, None where it is; `behind` counts the recorded members of the
    plan whose run is not; `seconds` is the processor time that mirroring took until then.
    """

    def __init__(self, plan: StudyPlan, records: StudyRecords, uri: str, artifacts: Path | None) -> None:
        self._plan, self._records, self._store = plan, records, (uri, artifacts)
        self._progress = Progress()
        self._mirror: Mirror | None = None
        self._ending = StudySummary()
        self._to_rest, self._resting, self._to_end = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="mlflow mirror", daemon=True)
        self._level = False
        self.error: Exception | None = None
        self.behind = 0
        self.seconds = 0.0

    def __enter__(self) -> "BackgroundMirror":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._to_end.is_set():
            self.close({}, {}, None)

    def rest(self) -> None:
        """Look at the records once more and then no longer; what is timed from here on has the machine to itself."""
        self._to_rest.set()
        self._wait(self._resting.is_set)
        self.seconds = self._progress.seconds()

    def close(
        self,
        of_members: Mapping[str, Mapping[str, float]],
        of_study: Mapping[str, float],
        report: Path | None,
        deadline_s: float | None = None,
    ) -> None:
        """Bring MLflow level for the last time.

        Returns when it is, after PATIENCE_S without progress, or after `deadline_s`, whatever comes first.

        Args:
            of_members: metrics that are known only now, by member identity.
            of_study: the study's own numbers.
            report: the folder of its report; None where there is none, since the study was interrupted.
            deadline_s: seconds that this may take at most.
        """
        self._ending = StudySummary(of_members, of_study, report)
        self._to_rest.set()
        self._to_end.set()
        self._wait(lambda: not self._thread.is_alive(), deadline_s)
        self._progress.given_up = True
        if self._level:
            self.error = None
        elif self.error is None:
            self.error = TimeoutError(f"MLflow did not answer within {PATIENCE_S:g} s")
        mirror = self._mirror
        self.behind = (
            len(Members(self._plan, self._records).present()) if mirror is None else mirror.behind(self._ending)
        )
        self.seconds = self._progress.seconds()

    def _wait(self, is_done: Callable[[], bool], deadline_s: float | None = None) -> None:
        """Wait as long as there is progress, and not beyond the deadline."""
        began = moved = time.monotonic()
        mark = self._progress.mark()
        while not is_done():
            time.sleep(LOOK_AT_PROGRESS_S)
            now, before, mark = time.monotonic(), mark, self._progress.mark()
            moved = now if mark != before else moved
            if now - moved > PATIENCE_S or (deadline_s is not None and now - began > deadline_s):
                return

    def _run(self) -> None:
        self._progress.begin()
        self._serve(self._to_rest)
        self._resting.set()
        self._to_end.wait()
        self._level = self._serve(self._to_end)

    def _serve(self, told: threading.Event) -> bool:
        """Keep MLflow level until told to stop; return whether it is level then."""
        with ExitStack() as lock:
            has_lock = False
            while True:
                is_last = told.is_set()
                try:
                    if not has_lock:
                        lock.enter_context(held(mirror_lock(self._records.folder), self._plan.command))
                        has_lock = True
                    self._look()
                    if is_last:
                        return self.error is None
                except GivenUpError:
                    return False
                except Exception as error:
                    self.error = error
                    if is_last and time.monotonic() - self._progress.last_write > PATIENCE_S:
                        return False
                told.wait(BETWEEN_LOOKS_S) if not is_last else time.sleep(BETWEEN_LAST_TRIES_S)

    def _look(self) -> None:
        from lstm_bench.tracking.mirror import Mirror  # here: it takes seconds to import

        if self._mirror is None:
            self._mirror = Mirror(self._plan, self._records, *self._store, self._progress)
        self._mirror.level(self._ending)
        self.error = next(iter(self._mirror.refused.values()), None)
