"""The parts of a study that a launcher runs: whole jobs, or the members of each dealt to several processes.

The rate of a job is chosen once: one part tunes it, the others train reported members at the rate that its records
choose. Members share no numbers, so a part gets the same results as the whole job.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from lstm_bench.records.plan import JobPlan, StudyPlan


class JobPart(NamedTuple):
    """A job with those of its members that one process trains.

    Attributes:
        name: the name of its progress, lock and checkpoints; for a whole job, its identity.
        job: the job, without the members of other parts.
        tuned_by: the name of the part that tunes the job, "" where this one tunes or nothing is tuned.
    """

    name: str
    job: JobPlan
    tuned_by: str = ""


def parts_of(plan: StudyPlan) -> list[JobPart]:
    """Return the parts of a study in the order of their numbers: those that tune, then those with reported members."""
    return dealt(plan.jobs, plan.members_per_job)


def dealt(jobs: Sequence[JobPlan], members_per_job: int | None) -> list[JobPart]:
    """Return the parts of some jobs, each with at most `members_per_job` reported members; with None, whole jobs."""
    if members_per_job is None:
        return [JobPart(job.job, job) for job in jobs]
    tuning = {job.job: JobPart(f"{job.job}.tuning", replace(job, seeds=[])) for job in jobs}
    tuning = {identity: part for identity, part in tuning.items() if part.job.members()}
    reported = [
        JobPart(f"{job.job}.{seeds[0]}", replace(job, seeds=seeds, tuning_seeds=[]), tuned_by)
        for job in jobs
        for tuned_by in [tuning[job.job].name if job.job in tuning else ""]
        for seeds in _dealt(job.seeds, members_per_job)
    ]
    return [*tuning.values(), *reported]


def _dealt(seeds: Sequence[int], most: int) -> list[list[int]]:
    return [list(seeds[start : start + most]) for start in range(0, len(seeds), most)]
