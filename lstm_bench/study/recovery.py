"""Reconcile the records of a study with what is on disk and what is running, before the study resumes."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lstm_bench.records.locking import is_held
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import JobPlan
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.locks import job_lock
from lstm_bench.study.supervising import finalise_members

PATIENCE_S = 3.0  # for processes whose study has died to end
LEFT_BEHIND = ("interrupted", "its process died; it goes on from its last checkpoint")


class Reconciled(NamedTuple):
    """How many members a dead process left running, and a description of each damaged member with its new folder."""

    left_running: int
    damaged: list[str]


def reconcile(records: StudyRecords, jobs: Sequence[JobPlan], patience_s: float = PATIENCE_S) -> Reconciled:
    """Mark members as interrupted whose process has died, and quarantine members whose files are damaged.

    A job that still runs, as a cluster's job may when its submitter has died, is not changed.
    """
    dead_jobs = [job for job in jobs if not _runs(records.folder, job, patience_s)]
    quarantined = [_quarantine(records, member.identity) for job in dead_jobs for member in job.members()]
    damaged = [description for description in quarantined if description is not None]
    # Now that damaged members are gone, every record can be read.
    left_running = sum(len(finalise_members(records, job, LEFT_BEHIND)) for job in dead_jobs)
    if left_running:
        records.journal.note("reconciled", members=left_running, reason=LEFT_BEHIND[1])
    return Reconciled(left_running, damaged)


def _runs(folder: Path, job: JobPlan, patience_s: float) -> bool:
    """Tell whether a process still runs a job, after waiting for one that is about to end."""
    deadline = time.monotonic() + patience_s
    while is_running := is_held(job_lock(folder, job.job)):
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return is_running


def _quarantine(records: StudyRecords, identity: str) -> str | None:
    """Quarantine a member if its files are damaged; return a description of the damage and its new folder."""
    if not records.has_member(identity) or (reason := records.damage(identity)) is None:
        return None
    target = records.quarantine(identity)
    records.journal.note("damaged", path=str(target), reason=reason)
    return f"{reason}; kept as {target}, and trained again"


def archive_study(records: StudyRecords) -> Path | None:
    """Rename the folder of a study to <study>.before-<n>; return the new folder, None where there was no study."""
    if not records.folder.exists():
        return None
    number = 1
    while (archive := records.folder.with_name(f"{records.folder.name}.before-{number}")).exists():
        number += 1
    return records.folder.rename(archive)


def is_archived(folder: Path) -> bool:
    """Tell whether a folder of runs/ is an archived study."""
    return ".before-" in folder.name


def attempt_of(records: StudyRecords, resume: bool) -> int:
    """Return how often the study was started again without resuming, including this time."""
    try:
        before = records.read_plan().attempt
    except RecordError:
        return 0
    return before if resume else before + 1
