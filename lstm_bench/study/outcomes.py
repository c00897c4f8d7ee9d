"""What became of the members of a study, in lines for the screen."""

from collections.abc import Sequence
from typing import NamedTuple

from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import WITHOUT_RESULT, JobPlan
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.members import reported


class Outcomes(NamedTuple):
    """A line for each reason, and how many members have no result."""

    lines: list[str]
    without_result: int


def outcomes(records: StudyRecords, jobs: Sequence[JobPlan]) -> Outcomes:
    """Return who has no result or diverged, one line a status and reason, with the first member that it met."""
    met: dict[tuple[str, str], list[str]] = {}
    for job in jobs:
        for member in reported(job):
            if (found := _outcome(records, member.identity)) is not None:
                met.setdefault(found, []).append(f"{job.task} {job.cell} lag {job.lag} seed {member.seed}")
    lost = sum(len(members) for (status, _), members in met.items() if status != "diverged")
    return Outcomes([_line(status, reason, members) for (status, reason), members in met.items()], lost)


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


def _line(status: str, reason: str, members: Sequence[str]) -> str:
    others = f" and {len(members) - 1} more" if len(members) > 1 else ""
    return f"{status.replace('_', ' ').capitalize()}: {members[0]}{others}: {reason}"
