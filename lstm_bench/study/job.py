"""A job with its settings, task, cell and records, and the members that it trains."""

from collections.abc import Sequence
from dataclasses import dataclass

from lstm_bench.config.objects import cell_maker, make_task
from lstm_bench.config.schema import JobConfig
from lstm_bench.engine.model import MakeCell
from lstm_bench.engine.seeds import Member
from lstm_bench.records.identity import member_identity
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.heartbeat import Heartbeat
from lstm_bench.study.identity import job_identity
from lstm_bench.tasks.contract import Task


class StoppedError(Exception):
    """The study requests its jobs to end."""


@dataclass
class Tally:
    """How many checkpoints a job wrote, and how many seconds that took."""

    checkpoints: int = 0
    seconds: float = 0.0


@dataclass
class Job:
    """A job with its settings, the seeds of its reported members, its task and cell, and its records.

    `name` and `tuned_by` are those of the part of the job that is run, see `JobPart`.
    """

    config: JobConfig
    seeds: Sequence[int]
    records: StudyRecords
    checkpoint_s: float
    heartbeat: Heartbeat
    task: Task
    make_cell: MakeCell
    identity: str
    tally: Tally
    name: str
    tuned_by: str
    last_note: float = 0.0

    @classmethod
    def of(
        cls,
        config: JobConfig,
        seeds: Sequence[int],
        records: StudyRecords,
        checkpoint_s: float,
        heartbeat: Heartbeat,
        tally: Tally,
        name: str = "",
        tuned_by: str = "",
    ) -> "Job":
        """Return a job with its task and cell made from the settings."""
        task = make_task(config)
        make_cell = cell_maker(config, task)
        identity = job_identity(config)
        settings = config, seeds, records, checkpoint_s, heartbeat, task, make_cell, identity, tally
        return cls(*settings, name or identity, tuned_by)

    def name_of(self, role: str) -> str:
        """Return the name of the part that trains the members of a role; their checkpoints are stored under it."""
        return self.tuned_by if role == "tuning" and self.tuned_by else self.name

    def tuning_members(self) -> list[Member]:
        """Return the members that try learning rates."""
        return [member for rate in self.config.trainer.rates for member in self.members_at(rate)]

    def members_at(self, rate: float) -> list[Member]:
        """Return the members that try one learning rate."""
        return [Member("tuning", seed, rate) for seed in range(self.config.trainer.tuning_seeds)]

    def reported_members(self, rate: float) -> list[Member]:
        """Return the members that are reported, at the chosen learning rate."""
        return [Member("report", seed, rate) for seed in self.seeds]

    def identity_of(self, member: Member) -> str:
        """Return the identity of a member."""
        rate = member.learning_rate if member.role == "tuning" else None
        return member_identity(self.identity, member.role, member.seed, rate)

    def has_result(self, member: Member) -> bool:
        """Tell whether a member has a result; a member without one is trained again."""
        return self.records.has_result(self.identity_of(member))

    def raise_if_stopped(self) -> None:
        """Send a heartbeat.

        Raises: StoppedError where the job is requested to end.
        """
        self.heartbeat.beat()
        if self.heartbeat.stop_requested():
            raise StoppedError
