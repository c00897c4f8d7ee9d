"""Who was planned, and whose record is there."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import JobPlan, MemberRecord
from lstm_bench.records.store import StudyRecords

MISSING = "missing"
Key = tuple[str, str, int, float | None]  # job, role, seed, and a tuning member's learning rate


@dataclass(frozen=True)
class StudyMember:
    """A member of the plan with its record, None where it never ran to an end."""

    job: JobPlan
    role: str
    seed: int
    learning_rate: float | None
    record: MemberRecord | None

    @property
    def status(self) -> str:
        """What became of it, or "missing"."""
        return MISSING if self.record is None else self.record.status

    @property
    def description(self) -> str:
        """The member in words."""
        return f"{self.role} member {self.job.task} {self.job.cell} lag {self.job.lag} seed {self.seed}"

    def metric(self, name: str) -> float:
        """Return a final metric, NaN where there is none."""
        return math.nan if self.record is None else self.record.metrics.get(name, math.nan)

    def row(self) -> dict[str, Any]:
        """Return what the frames say of it."""
        job, record = self.job, self.record
        facts = (
            "task",
            "variant",
            "cell",
            "hidden_size",
            "n_parameters",
            "n_parameters_core",
            "lag",
            "length",
            "kernel",
        )
        outcome = ("steps", "steps_to_solve", "train_s", "error", "identity")
        return {
            **{name: getattr(job, name) for name in facts},
            **{name: getattr(record, name, None) for name in outcome},
            "job": job.job,
            "seed": self.seed,
            "learning_rate": self.learning_rate if record is None else record.learning_rate,
            "status": self.status,
            "budget": job.steps,
        }


def read_members(records: StudyRecords, jobs: Iterable[JobPlan]) -> tuple[dict[Key, MemberRecord], list[str]]:
    """Return the records of these jobs, and in words which could not be read."""
    names = {job.job for job in jobs}
    by_key: dict[Key, MemberRecord] = {}
    problems: list[str] = []
    for identity in records.identities():
        try:
            record = records.read_member(identity)
        except RecordError as error:
            problems.append(str(error))
            continue
        if record.job in names:
            rate = record.learning_rate if record.role == "tuning" else None
            by_key[record.job, record.role, record.seed, rate] = record
    return by_key, problems


def planned_members(jobs: Sequence[JobPlan], records: Mapping[Key, MemberRecord]) -> list[StudyMember]:
    """Return every member of the plan, in its order; tuning members first within a job."""
    return [
        StudyMember(job, role, seed, rate, records.get((job.job, role, seed, rate)))
        for job in jobs
        for _, role, seed, rate in job.members()
    ]
