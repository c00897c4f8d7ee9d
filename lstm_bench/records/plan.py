"""The plan of a study, field by field: its jobs, its searches for spans, and the receipt of how it ran."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import with_config

from lstm_bench.records.identity import PlannedMember, member_identity
from lstm_bench.records.schema import NO_OTHER_FIELDS, SCHEMA
from lstm_bench.records.speed import StudyCost

FORMER_PLAN_FIELDS = frozenset({"walk"})  # of study.json in earlier versions, ignored when it is read
Measure = Literal["training", "sensitivity", "speed", "claims"]  # what it measures, of its jobs or of other studies


@dataclass(frozen=True)
class JobPlan:
    """One (task, cell, lag) of a study: facts that hold for all its members, and the members it will have.

    `cell` is the name in the comparison: the name of its yaml and whatever else the study varies. `flops` are
    floating-point operations of one member's training step, by formula. `config` is the resolved configuration; `job`
    is the hash of what in it changes results. `sentence` are the words that a probe takes a trained cell through, where
    the task has them, `answers` the names of the task's classes. `softer` has, by score, the thresholds of softer
    criteria than the task's own. `notes` are warnings from a trial of the cell, `sources` the hash or version
    of each package and module that its plug-ins are made of. `further_rates` are those that tuning tries as well where
    the best of `learning_rates` lies at an end of them; each tuning member may take `tuning_steps`, None in earlier
    records. `cell_yaml` is the name of the cell's yaml, "" in earlier records. `distance` is the number of steps that
    a memory is held at this lag, None where the task does not state it, and in earlier records. `cell_defaults` are the
    cell's settings that its yaml leaves to the constructor, with their values there.
    """

    job: str
    task: str
    variant: str
    lag: int
    length: int
    cell: str
    hidden_size: int
    n_parameters: int
    n_parameters_core: int
    flops: float
    kernel: str
    score: str
    criterion: str
    description: str
    solved_rule: str
    solved_share: float
    baselines: dict[str, float]
    units: dict[str, str]
    learning_rates: list[float]
    tuning_seeds: list[int]
    seeds: list[int]
    steps: int
    batch_size: int
    config: dict[str, dict[str, Any]]
    sentence: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    softer: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    further_rates: list[float] = field(default_factory=list)
    tuning_steps: int | None = None
    cell_yaml: str = ""
    distance: float | None = None
    cell_defaults: dict[str, Any] = field(default_factory=dict)

    @property
    def contestant(self) -> tuple[str, str, str]:
        """Task, variant and cell: what is compared over lags, and has one span."""
        return self.task, self.variant, self.cell

    def members(self) -> list[PlannedMember]:
        """Return all members of the job, those that tune it first."""
        rates = self.learning_rates if len(self.learning_rates) > 1 and self.steps > 0 else []
        return [*self._tuning(rates), *self.reported()]

    def further_members(self) -> list[PlannedMember]:
        """Return the members beyond both ends of the grid; tuning trains those of an end where the best rate lies."""
        return self._tuning(self.further_rates)

    def possible_members(self) -> list[PlannedMember]:
        """Return all members that may have a record: the further ones, then those of the plan."""
        return [*self.further_members(), *self.members()]

    def reported(self) -> list[PlannedMember]:
        """Return the members that are reported."""
        return [PlannedMember(member_identity(self.job, "report", seed), "report", seed, None) for seed in self.seeds]

    @property
    def most_tuning_steps(self) -> float:
        """The most training steps of all tuning members: where none solves, and a rate beyond the grid is tried."""
        is_halving = self.config.get("trainer", {}).get("halving", False)
        half_way = len(self.learning_rates) // 2 if is_halving else 0  # rates that are dropped there
        budgets = len(self.learning_rates) - half_way / 2 + bool(self.further_rates)
        return len(self.tuning_seeds) * budgets * (self.tuning_steps or self.steps)

    def _tuning(self, rates: Sequence[float]) -> list[PlannedMember]:
        pairs = [(rate, seed) for rate in rates for seed in self.tuning_seeds]
        return [
            PlannedMember(member_identity(self.job, "tuning", seed, rate), "tuning", seed, rate) for rate, seed in pairs
        ]


@dataclass(frozen=True)
class PackPlan:
    """A pack of a search for a span: members that are trained at one lag, chosen by the packs before it.

    `reason` is that of `span_search.Decision`; `median`, `low` and `high` are T50 and its 95% interval, in steps, by
    the packs that the decision knows. `learning_rate` is the one chosen at the lag `tuned_at`; `tuned_also_at` is
    another lag whose tuning members were counted. All three are None until the rate is chosen; both lags stay None
    where only one rate was given.
    """

    lag: int
    seeds: list[int]
    reason: str
    median: float
    low: float
    high: float
    learning_rate: float | None = None
    tuned_at: int | None = None
    tuned_also_at: int | None = None


@dataclass(frozen=True)
class SpanPlan:
    """The search for the span of one cell at one task: what it may try, when it ends, and its state.

    `candidates` has the job at each lag that may be tried, ascending, without members. The search ends by `precision`,
    `members` or `core_hours`, as `SpanConfig` says; `at_once` packs of it are in training at a time. `packs` are those
    begun, in order. `ended` is why it has ended, "" before; `median`, `low` and `high` are T50 by all packs, in steps.
    """

    candidates: list[JobPlan]
    precision: float
    members: int
    core_hours: float | None
    at_once: int
    packs: list[PackPlan] = field(default_factory=list)
    ended: str = ""
    median: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @property
    def contestant(self) -> tuple[str, str, str]:
        """Task, variant and cell of all candidates."""
        return self.candidates[0].contestant


@with_config(NO_OTHER_FIELDS)
@dataclass(frozen=True)
class StudyPlan:
    """One invocation: its jobs, and the receipt of how and where it ran.

    `studies` are the names of the studies that a study of claims rules on; it has no jobs of its own.
    `taken_over` counts the members that other studies had trained, those that tuned included. `wall_s` is the time of
    this invocation, which trained the other members; `mirror_s` what MLflow took of it (processor time of its thread).
    `searches` are those of the cells without given lags; `jobs` includes what they have tried so far.
    `budget` says which of an experiment's budgets was run, and what it leaves out; empty where there is one only.
    `published` is the text of the user's own table of published results.
    `tracked` says whether runs are written to MLflow, `tracking_uri` where, None for the store next to the runs.
    `members_per_job` is how many reported members one process trains, None for all of a job; see `job_parts`.
    `attempt` counts how often the study was started again without resuming. `cost` is None before the end, where
    nothing was trained, and where training went on from a checkpoint, since a part of it was paid for earlier.
    """

    study: str
    experiment: str
    command: str
    started: str
    jobs: list[JobPlan]
    environment: dict[str, Any]
    finished: str | None = None
    wall_s: float | None = None
    mirror_s: float | None = None
    taken_over: int = 0
    measure: Measure = "training"
    studies: list[str] = field(default_factory=list)
    tracked: bool = False
    tracking_uri: str | None = None
    attempt: int = 0
    budget: str = ""
    published: str = ""
    cost: StudyCost | None = None
    searches: list[SpanPlan] = field(default_factory=list)
    members_per_job: int | None = None
    schema: int = SCHEMA
