"""How a study used its cores, next to the least time that its training could take."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from lstm_bench.config.schema import JobConfig
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.speed import MachineLimit, StudyCost
from lstm_bench.speed.machine_limit import least_step_s

Trained = tuple[JobConfig, JobPlan, MemberRecord]


def study_cost(
    pairs: Sequence[tuple[JobConfig, JobPlan]],
    members: Mapping[str, MemberRecord],
    events: Sequence[Mapping[str, object]],
    cores: int,
    wall_s: float,
    limit: MachineLimit,
) -> StudyCost | None:
    """Return the cost of one invocation; None where it trained nothing, or went on from a checkpoint.

    Args:
        pairs: the jobs of the study.
        members: the records that can be read, by identity.
        events: the lines of the journal that the invocation wrote.
        cores: how many it could use.
        wall_s: how long it took.
        limit: the measured limit of one core.
    """
    ended = {str(line["identity"]) for line in events if line["event"] == "member_ended"} & members.keys()
    trained = [
        (job, plan, members[member.identity])
        for job, plan in pairs
        for member in plan.possible_members()
        if member.identity in ended
    ]
    if not trained or any(line["event"] == "taken_up" for line in events):
        return None
    return StudyCost(
        cores=cores,
        available_s=cores * wall_s,
        jobs_s=sum(float(str(line["wall_s"])) for line in events if line["event"] == "job_ran"),
        training_s=_in_steps(member for *_, member in trained if member.role == "report"),
        tuning_s=_in_steps(member for *_, member in trained if member.role == "tuning"),
        evaluation_s=sum(member.evaluate_s for *_, member in trained),
        probes_s=sum(member.probe_s for *_, member in trained),
        limit_s=_least_s(trained, limit),
        limit=limit,
    )


def _in_steps(members: Iterable[MemberRecord]) -> float:
    """Return the seconds that went into training steps alone."""
    return sum(member.train_s - member.evaluate_s for member in members)


def _least_s(trained: Sequence[Trained], limit: MachineLimit) -> float | None:
    """Return the least time of all training steps; None where the work of a cell is not known."""
    total = 0.0
    for job, plan, steps in _steps_by_job(trained):
        seconds = least_step_s(job, plan, limit)
        if seconds is None:
            return None
        total += steps * seconds
    return total


def _steps_by_job(trained: Sequence[Trained]) -> Iterator[tuple[JobConfig, JobPlan, int]]:
    """Yield each job with the steps of all its members."""
    for _, of_job in groupby(trained, key=lambda member: member[1].job):
        members = list(of_job)
        yield *members[0][:2], sum(member.steps for *_, member in members)
