"""Mirror while training goes on, without ever holding it up."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lstm_bench.records.schema import StudyPlan
from lstm_bench.records.store import StudyRecords

if TYPE_CHECKING:
    from lstm_bench.tracking.mirror import Mirror

SECONDS_BETWEEN_LOOKS = 2.0


class BackgroundMirror:
    """A thread that writes finished members into MLflow as they appear.

    It is the only writer of the study, so a fresh store is created once and before any member needs it. If MLflow
    fails, the study goes on and `error` says why; the records hold everything. `seconds` is the processor time that
    mirroring took.
    """

    def __init__(self, plan: StudyPlan, records: StudyRecords, uri: str, artifacts: Path | None) -> None:
        self._arguments = (plan, records, uri, artifacts)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mlflow mirror", daemon=True)
        self._mirror: Mirror | None = None
        self.error: Exception | None = None
        self.seconds = 0.0

    def __enter__(self) -> "BackgroundMirror":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            from lstm_bench.tracking.mirror import Mirror  # here: it takes seconds to import

            self._mirror = Mirror(*self._arguments)
            while not self._stopping.wait(SECONDS_BETWEEN_LOOKS):
                self._mirror.mirror_new()
            self._mirror.mirror_new()
        except Exception as error:
            self.error = error
        self.seconds = time.thread_time()

    def close(self, of_members: Mapping[str, Mapping[str, float]], of_study: Mapping[str, float], report: Path) -> None:
        """Add what is known only at the end: metrics by member identity, the study's own, and the report."""
        if self._mirror is None or self.error is not None:
            return
        started = time.thread_time()
        try:
            self._mirror.add_metrics(of_members)
            self._mirror.write_summary(report, of_study)
        except Exception as error:
            self.error = error
        self.seconds += time.thread_time() - started
