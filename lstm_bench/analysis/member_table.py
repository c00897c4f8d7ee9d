"""The planned members of a study, each with its record where there is one."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lstm_bench.metrics import normalised_loss
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import WITHOUT_RESULT, MemberRecord
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
        """The status in its record, or "missing"."""
        return MISSING if self.record is None else self.record.status

    @property
    def description(self) -> str:
        """The member in words."""
        return f"{self.role} member {self.job.task} {self.job.cell} lag {self.job.lag} seed {self.seed}"

    def metric(self, name: str) -> float:
        """Return a final metric, NaN where there is none."""
        return math.nan if self.record is None else self.record.metrics.get(name, math.nan)

    @property
    def trial_score(self) -> float:
        """How well a tuning member did, lower is better; NaN where it has no result.

        The share of the tuning budget that it took to solve. Where it did not solve, 1 plus its normalised loss, capped
        at 2; for a member that diverged or has no loss, 2.
        """
        record, budget = self.record, self.job.tuning_steps or self.job.steps
        if record is None or record.status in WITHOUT_RESULT:
            return math.nan
        if record.steps_to_solve is not None:
            return record.steps_to_solve / budget
        loss = self.metric(normalised_loss(self.job.criterion))
        return 1 + (1.0 if record.status == "diverged" or math.isnan(loss) else min(1.0, loss))

    def row(self) -> dict[str, Any]:
        """Return its columns in the frames of a study, by name."""
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
    """Return the records of these jobs, and a message for each record that could not be read."""
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
    """Return every member of the plan in its order, and further ones that ran; tuning members first within a job."""
    return [
        StudyMember(job, role, seed, rate, records.get((job.job, role, seed, rate)))
        for job in jobs
        for further, members in ((True, job.further_members()), (False, job.members()))
        for _, role, seed, rate in members
        if not further or (job.job, role, seed, rate) in records
    ]
