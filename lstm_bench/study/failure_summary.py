"""Summarise the members of a study that failed or diverged, in lines for the screen."""

from collections.abc import Sequence
from typing import NamedTuple

from lstm_bench.analysis.wording import counted
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import WITHOUT_RESULT, JobPlan
from lstm_bench.records.store import StudyRecords


class FailureSummary(NamedTuple):
    """A line for each job and reason, and how many members have no result."""

    lines: list[str]
    without_result: int


def summarise_failures(records: StudyRecords, jobs: Sequence[JobPlan]) -> FailureSummary:
    """Return the members that have no result or diverged, one line for each job, status and reason."""
    lines, without_result = list[str](), 0
    for job in jobs:
        seeds_by_outcome: dict[tuple[str, str], list[int]] = {}
        for member in job.reported():
            if (outcome := _outcome(records, member.identity)) is not None:
                seeds_by_outcome.setdefault(outcome, []).append(member.seed)
        lines += [_line(status, job, seeds, reason) for (status, reason), seeds in seeds_by_outcome.items()]
        without_result += sum(len(seeds) for (status, _), seeds in seeds_by_outcome.items() if status != "diverged")
        missing = [m for m in job.members() if m.role == "tuning" and not records.has_result(m.identity)]
        if missing and not seeds_by_outcome:  # else a line above has the reason
            lines.append(f"No record: {counted(len(missing), 'member')} that tuned {job.task} {job.cell} lag {job.lag}")
            without_result += len(missing)
    return FailureSummary(lines, without_result)


def _outcome(records: StudyRecords, identity: str) -> tuple[str, str] | None:
    """Return a member's status and reason, None where it has a result and did not diverge."""
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
    seeds_text = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    return f"{status.replace('_', ' ').capitalize()}: {job.task} {job.cell} lag {job.lag} ({seeds_text}): {reason}"
