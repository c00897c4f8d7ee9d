"""Reconcile the records of a study with what is on disk and what is running, before the study resumes."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from lstm_bench.awake_clock import AwakeClock
from lstm_bench.records.job_parts import JobPart
from lstm_bench.records.locking import is_held, job_lock
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.schema import JobOutcome, MemberRecord
from lstm_bench.records.snapshot import Snapshot
from lstm_bench.records.store import StudyRecords

PATIENCE_S = 3.0  # the longest wait for the processes of a dead study to end
BETWEEN_LOOKS_S, LONGEST_LOOK_S = 0.05, 0.5
LEFT_BEHIND = JobOutcome("interrupted", "its process died; it resumes from its last checkpoint")


class Reconciled(NamedTuple):
    """The records after they were reconciled, and what was done.

    `left_running` counts the members that a dead process left running; `damaged` describes each damaged member, with
    its new folder.
    """

    snapshot: Snapshot
    left_running: int
    damaged: list[str]


def reconcile(
    records: StudyRecords, parts: Sequence[JobPart], patience_s: float = PATIENCE_S, snapshot: Snapshot | None = None
) -> Reconciled:
    """Mark members whose process has died as interrupted, and quarantine members whose files are damaged.

    A job that still runs, as a cluster's job may when its submitter has died, is not changed.

    Args:
        records: the records of the study.
        parts: the jobs to look at, or parts of them.
        patience_s: how long to wait in all for processes that are about to end.
        snapshot: receives what is read; None for a new one.
    """
    snapshot, damaged, left_running = snapshot or Snapshot(records), list[str](), 0
    clock = AwakeClock(LONGEST_LOOK_S)
    for name, job, _ in parts:
        is_running = _is_running(records.folder, name, clock, patience_s)
        snapshot.read(job, check_files=not is_running)
        if not is_running:
            damaged += _quarantine_damaged(records, snapshot, job)
            left_running += len(finalise_members(snapshot, job, LEFT_BEHIND))
    if left_running:
        records.journal.note("reconciled", members=left_running, reason=LEFT_BEHIND.reason)
    return Reconciled(snapshot, left_running, damaged)


def finalise_members(snapshot: Snapshot, job: JobPlan, outcome: JobOutcome) -> list[str]:
    """Give a status to every member of a job that has no result; return those that were running.

    A member that had not begun gets the status of its job, and no record where the job was interrupted. A record that
    cannot be read stays as it is.
    """
    left_running = []
    for identity, role, seed, rate in job.possible_members():
        if identity in snapshot.problems or snapshot.has_result(identity):
            continue
        record = snapshot.members.get(identity)
        if record is not None and record.status == "running":
            left_running.append(identity)
            snapshot.write_status(replace(record, status=outcome.status, error=outcome.reason))
        elif role == "report" and outcome.status != "interrupted":
            snapshot.write_status(
                MemberRecord(identity, job.job, role, seed, rate, outcome.status, error=outcome.reason)
            )
    return left_running


def _is_running(folder: Path, part: str, clock: AwakeClock, patience_s: float) -> bool:
    """Tell whether a process still runs a part, after waiting for one that is about to end."""
    while is_running := is_held(job_lock(folder, part)):
        if clock.seconds() > patience_s:
            break
        time.sleep(BETWEEN_LOOKS_S)
    return is_running


def _quarantine_damaged(records: StudyRecords, snapshot: Snapshot, job: JobPlan) -> list[str]:
    """Quarantine the damaged members of a job; return a description of each with its new folder."""
    descriptions = []
    for identity in [member.identity for member in job.possible_members() if member.identity in snapshot.problems]:
        reason = snapshot.problems[identity]
        target = records.quarantine(identity)
        records.journal.note("damaged", path=str(target), reason=reason)
        snapshot.forget(identity)
        descriptions.append(f"{reason}; kept as {target}, and trained again")
    return descriptions
