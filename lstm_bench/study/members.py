"""The members of a planned job."""

from collections.abc import Iterator
from typing import NamedTuple

from lstm_bench.records.schema import JobPlan
from lstm_bench.study.identity import member_identity


class PlannedMember(NamedTuple):
    """A planned member; `rate` is the learning rate of a tuning member, None where tuning chooses it."""

    identity: str
    role: str
    seed: int
    rate: float | None


def reported(job: JobPlan) -> Iterator[PlannedMember]:
    """Yield the members of a job that are reported."""
    for seed in job.seeds:
        yield PlannedMember(member_identity(job.job, "report", seed), "report", seed, None)


def members_of(job: JobPlan) -> Iterator[PlannedMember]:
    """Yield all members of a job, those that tune it first."""
    for rate in job.learning_rates if len(job.learning_rates) > 1 else []:
        for seed in job.tuning_seeds:
            yield PlannedMember(member_identity(job.job, "tuning", seed, rate), "tuning", seed, rate)
    yield from reported(job)
