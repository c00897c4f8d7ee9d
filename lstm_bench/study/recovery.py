"""Before a study goes on: what its records say is made true again."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lstm_bench.records.locking import is_held
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import JobPlan
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.locks import job_lock
from lstm_bench.study.members import members_of
from lstm_bench.study.supervising import settle

PATIENCE_S = 3.0  # for processes whose study has died to end
LEFT_BEHIND = ("interrupted", "its process died; it goes on from its last checkpoint")


class Reconciled(NamedTuple):
    """Members that a dead process left running, and those whose files were damaged, with where they are now."""

    left_running: int
    damaged: list[str]


def reconcile(records: StudyRecords, jobs: Sequence[JobPlan], patience_s: float = PATIENCE_S) -> Reconciled:
    """Mark as interrupted what nobody runs any more, and set aside what is not what was written.

    A job that still runs somewhere, as a cluster's job may when its submitter has died, stays as it is.
    """
    dead = [job for job in jobs if not _runs(records.folder, job, patience_s)]
    damaged = [found for job in dead for member in members_of(job) if (found := _set_aside(records, member.identity))]
    left = sum(len(settle(records, job, LEFT_BEHIND)) for job in dead)  # after that, every record can be read
    if left:
        records.journal.note("reconciled", members=left, reason=LEFT_BEHIND[1])
    return Reconciled(left, damaged)


def _runs(folder: Path, job: JobPlan, patience_s: float) -> bool:
    """Tell whether a process still has a job, after a wait for one that is about to end."""
    until = time.monotonic() + patience_s
    while held := is_held(job_lock(folder, job.job)):
        if time.monotonic() > until:
            break
        time.sleep(0.05)
    return held


def _set_aside(records: StudyRecords, identity: str) -> str | None:
    """Move a member away if its files are damaged; return in words what was wrong and where it is."""
    if not records.has_member(identity) or (reason := records.damage(identity)) is None:
        return None
    aside = records.quarantine(identity)
    records.journal.note("damaged", path=str(aside), reason=reason)
    return f"{reason}; kept as {aside}, and trained again"


def start_anew(records: StudyRecords) -> Path | None:
    """Move the whole study aside, as <study>.before-<n>; return where it is now, None where there was none."""
    if not records.folder.exists():
        return None
    number = 1
    while (aside := records.folder.with_name(f"{records.folder.name}.before-{number}")).exists():
        number += 1
    return records.folder.rename(aside)


def is_set_aside(folder: Path) -> bool:
    """Tell whether a folder of runs/ is a study that was started anew since."""
    return ".before-" in folder.name


def attempt_of(records: StudyRecords, resume: bool) -> int:
    """Return how often the study was started anew, this time included."""
    try:
        before = records.read_plan().attempt
    except RecordError:
        return 0
    return before if resume else before + 1
