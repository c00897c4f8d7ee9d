"""What became of the members of a study, in lines for the screen."""

from collections.abc import Sequence
from typing import NamedTuple

from lstm_bench.analysis.wording import counted
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import WITHOUT_RESULT, JobPlan
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.members import members_of, reported


class Outcomes(NamedTuple):
    """A line for each job and reason, and how many members have no result."""

    lines: list[str]
    without_result: int


def outcomes(records: StudyRecords, jobs: Sequence[JobPlan]) -> Outcomes:
    """Return who has no result or diverged, one line a job, status and reason."""
    lines, lost = list[str](), 0
    for job in jobs:
        met: dict[tuple[str, str], list[int]] = {}
        for member in reported(job):
            if (found := _outcome(records, member.identity)) is not None:
                met.setdefault(found, []).append(member.seed)
        lines += [_line(status, job, seeds, reason) for (status, reason), seeds in met.items()]
        lost += sum(len(seeds) for (status, _), seeds in met.items() if status != "diverged")
        gone = [m for m in members_of(job) if m.role == "tuning" and not records.has_result(m.identity)]
        if gone and not met:  # else the reason is told already
            lines.append(f"No record: {counted(len(gone), 'member')} that tuned {job.task} {job.cell} lag {job.lag}")
            lost += len(gone)
    return Outcomes(lines, lost)


def _outcome(records: StudyRecords, identity: str) -> tuple[str, str] | None:
    """Return a member's status and reason, None where there is nothing to tell."""
    if not records.has_member(identity):
        return "never ran", "its job ended before"
    try:
        record = records.read_member(identity)
    except RecordError as error:
        return "damaged", str(error)
    if record.status not in (*WITHOUT_RESULT, "diverged"):
        return None
    reason = (record.error or "no reason recorded").strip().splitlines()[-1]
    return record.status, reason.partition(" at step ")[0] if record.status == "diverged" else reason


def _line(status: str, job: JobPlan, seeds: Sequence[int], reason: str) -> str:
    who = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    return f"{status.replace('_', ' ').capitalize()}: {job.task} {job.cell} lag {job.lag} ({who}): {reason}"
