"""A lane of the searches for spans: a job of the launcher that trains what any search waits for, until none waits.

A launcher starts as many lanes as it trains jobs at a time, and no more than packs are trained at a time. Lanes share
nothing but the records and locks.
"""

import time
from pathlib import Path

from lstm_bench.config.schema import SafetyConfig
from lstm_bench.records.job_parts import JobPart
from lstm_bench.records.locking import HeldError, held, job_lock, stop_request
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.schema import DONE
from lstm_bench.records.snapshot import Snapshot
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.searches import Searches
from lstm_bench.study.supervising import supervise_part

IDLE_S = 0.5  # before a lane looks again, while other lanes train all that there is


def run_lane(records: StudyRecords, number: int, safety: SafetyConfig) -> bool:
    """Train packs, and members that tune, until no search waits for any, or the study requests its jobs to end.

    Return whether a signal to this process, and no request of the study, ended it early.
    """
    lane = _Lane(records, number, safety)
    if lane.run():
        records.journal.note("lane_ended", number=number)
    return lane.was_signalled


class _Lane:
    def __init__(self, records: StudyRecords, number: int, safety: SafetyConfig) -> None:
        self._records, self._number, self._safety = records, number, safety
        self._searches, self._snapshot = Searches(records.read_plan().searches), Snapshot(records)
        self._failed = set[str]()  # jobs that did not come to their end in this invocation
        self._read_to = 0  # byte of the journal
        self.was_signalled = False

    def run(self) -> bool:
        """Train until nothing is left; return False where the study, or a signal, ends it before."""
        while not self.was_signalled and not stop_request(self._records.folder).exists():
            waiting = self._waiting()
            if not waiting:
                return True
            if not any(self._trains(job) for job in waiting):
                time.sleep(IDLE_S)
        return False

    def _waiting(self) -> list[JobPlan]:
        """Return the jobs that the searches wait for, without those that failed."""
        lines, self._read_to = self._records.journal.read(self._read_to)
        for line in lines:
            if line["event"] == "study_began":
                self._failed.clear()
            elif line["event"] == "job_ended" and line["outcome"] != DONE.status:
                self._failed.add(line["job"])
        self._searches.look(self._snapshot)
        return [job for job in self._searches.waiting if job.job not in self._failed]

    def _trains(self, job: JobPlan) -> bool:
        """Train a job unless another lane does; return False in that case."""
        try:
            with held(claim(self._records.folder, job), f"lane {self._number} of {self._records.folder.name}"):
                if job in self._waiting():  # another lane may have trained it since
                    supervised = supervise_part(self._records, JobPart(job.job, job), self._number, self._safety)
                    self.was_signalled = supervised.was_signalled
                return True
        except HeldError:
            return False


def claim(records: Path, job: JobPlan) -> Path:
    """Return the lock that a lane holds on a job that it trains."""
    return job_lock(records, f"{job.job}-lane")
