"""Mirror while training goes on, without ever holding it up."""

import threading
from pathlib import Path
from types import TracebackType

from lstm_bench.records.schema import StudyPlan
from lstm_bench.records.store import StudyRecords

SECONDS_BETWEEN_LOOKS = 2.0


class BackgroundMirror:
    """A thread that writes finished members into MLflow as they appear.

    It is the only writer of the study, so a fresh store is created once and before any member needs it. If MLflow
    fails, the study goes on and `error` says why; the records hold everything.
    """

    def __init__(self, plan: StudyPlan, records: StudyRecords, uri: str, artifacts: Path | None) -> None:
        self._arguments = (plan, records, uri, artifacts)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mlflow mirror", daemon=True)
        self.error: Exception | None = None
        self.seconds = 0.0

    def __enter__(self) -> "BackgroundMirror":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        from time import thread_time

        try:
            from lstm_bench.tracking.mirror import Mirror  # here: it takes seconds to import

            self.mirror = Mirror(*self._arguments)
            while not self._stopping.wait(SECONDS_BETWEEN_LOOKS):
                self.mirror.mirror_new()
            self.mirror.mirror_new()
        except Exception as error:
            self.error = error
        self.seconds = thread_time()
