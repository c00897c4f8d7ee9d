"""The settings of a study, as typed dataclasses."""

import math
from collections.abc import Container
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from lstm_bench.checks import STUDY_NAME, STUDY_NAME_RULE, at_least, at_most
from lstm_bench.config.errors import ConfigError
from lstm_bench.config.tracking_address import FROM_ENVIRONMENT, address_from_environment, check_address
from lstm_bench.engine.settings import TrainingSettings
from lstm_bench.engine.tuning import rate_beyond

MOST_PACKS_AT_ONCE = 4  # with more, a search knows too little to choose the next lag
MEMBERS_PER_JOB_RULE = "an integer of at least 1, or all"
STUDIES_RULE = "overrides by the name of a study, as in {mine: +experiment=copy_task}"
MOST_STEPS = 10**9  # all bounds are far above what anybody trains, and far below what no machine ends or holds
MOST_EVALUATIONS = 100_000
MOST_SEQUENCES = 10**6
MOST_MEMBERS = 10_000
MOST_ROUNDS = 10_000
LONGEST_TURN_S = 3600
LARGEST_SEED = 2**63 - 1  # of a column of integers
Measure = Literal["training", "sensitivity", "speed", "claims"]
Comparison = Literal["hidden", "parameters", "both"]  # the size that the compared cells share


def _all() -> Literal["all"]:
    return "all"


@dataclass(frozen=True)
class RootConfig:
    """The keys at the root of every configuration; each group of settings is checked by its own class.

    "allowed" in a field's metadata is the text of the error for a value of another type.

    Args:
        study: the name of the study.
        output: the folder of runs/, reports/ and mlflow.db.
        measure: what the study measures.
        studies: the studies that a study of claims runs: their overrides by name.
        comparison: which size the compared cells share.
        parameters: with `comparison=parameters`, how many parameters every cell gets.
        resume: whether the study resumes from its records; else it archives them and starts again.
        sweeps: several sweeps in one study; see budgets.py.
        budget: the name of the chosen budget.
        budgets: the budgets of the experiment by name.
        published: the path of a csv of the user's own published results.
        span: how a span is searched where the lags are not given; see SpanConfig.
        members_per_job: how many reported members of one (task, cell, lag) a job of the launcher trains.
        detach: whether the study runs in the background.
    """

    study: str = field(metadata={"allowed": STUDY_NAME_RULE})
    output: str = field(metadata={"allowed": "the path of a folder"})
    measure: Measure
    studies: dict[str, str] = field(metadata={"allowed": STUDIES_RULE})
    comparison: Comparison
    parameters: int | None = field(metadata={"allowed": "an integer of at least 1, or null"})
    task: Any
    cell: Any
    trainer: Any
    probe: Any
    tracking: Any
    speed: Any
    resume: bool = field(metadata={"allowed": "true, false"})
    safety: Any
    sweeps: Any
    budget: Any
    budgets: Any
    published: str | None = field(metadata={"allowed": "the path of a csv, or null"})
    report: Any = field(default_factory=dict)  # a config.yaml of the user's own may be older than these keys
    span: Any = field(default_factory=dict)
    members_per_job: int | Literal["all"] = field(default_factory=_all, metadata={"allowed": MEMBERS_PER_JOB_RULE})
    detach: bool = field(default_factory=bool, metadata={"allowed": "true, false"})

    def __post_init__(self) -> None:
        for name in (self.study, *self.studies):
            if not STUDY_NAME.fullmatch(name):
                raise ValueError(f"study={name}: allowed: {STUDY_NAME_RULE}")
        if self.measure == "speed" and self.comparison != "hidden":  # torch.nn has the same size
            raise ValueError(f"comparison={self.comparison}: allowed: hidden")
        if self.members_per_job != "all" and self.members_per_job < 1:
            raise ValueError(f"members_per_job={self.members_per_job}: allowed: {MEMBERS_PER_JOB_RULE}")
        if self.parameters is not None:
            if self.parameters < 1:
                raise ValueError(f"parameters={self.parameters}: allowed: an integer of at least 1, or null")
            if self.comparison != "parameters":
                raise ValueError(f"parameters={self.parameters}: allowed: null, unless comparison=parameters")


def check_root_keys(settings: Container[str]) -> None:
    """Check that settings have every key of the root that has no default.

    Raises: ConfigError for the first one that is missing.
    """
    for item in fields(RootConfig):
        if item.name not in settings and item.default_factory is MISSING:
            raise ConfigError(
                f"{item.name} is missing: give it a value (a config.yaml of your own replaces ours as a whole)"
            )


@dataclass(frozen=True)
class TrainerConfig(TrainingSettings):
    """How the members of a job are tuned and trained: the settings of training, and those below.

    Args:
        learning_rates: Adam's rates to choose from on the tuning seeds; one rate needs no tuning.
        tuning_seeds: how many members try each rate.
        tuning_share: share of `steps` that a tuning member may take.
        extend_rates: whether tuning also tries the half-decade beyond an end of the grid at which the best rate lies.
        seeds: how many members are reported, or a list of their seeds.
        kernel: `auto` uses the compiled kernel where there is one and it can be built, `torch` never.
    """

    learning_rates: float | list[float] = field(default_factory=lambda: [0.0003, 0.001, 0.003, 0.01, 0.03])
    tuning_seeds: int = 4
    tuning_share: float = 1.0
    halving: bool = True
    extend_rates: bool = True
    seeds: int | list[int] = 5
    kernel: Literal["auto", "torch"] = "auto"

    def __post_init__(self) -> None:
        if self.device == "cpu:0":  # the same device, by which kernels and identities know it
            object.__setattr__(self, "device", "cpu")
        at_least(1, batch_size=self.batch_size, eval_every=self.eval_every)
        at_least(1, eval_size=self.eval_size, confirm_size=self.confirm_size, tuning_seeds=self.tuning_seeds)
        at_least(0, study_seed=self.study_seed, steps=self.steps)
        self._check_counts()
        if self.clip < 0:
            raise ValueError(f"clip={self.clip}: allowed: a number of at least 0 (0 turns clipping off)")
        if not 0 < self.tuning_share <= 1:
            raise ValueError(f"tuning_share={self.tuning_share}: allowed: a number above 0 and at most 1")
        if not 0 < self.beta2 < 1:
            raise ValueError(f"beta2={self.beta2}: allowed: a number above 0 and below 1")
        self._check_rates()
        self._check_seeds()

    def _check_counts(self) -> None:
        at_most(MOST_STEPS, "which take weeks", steps=self.steps)
        if 0 < self.steps < self.eval_every:
            raise ValueError(f"eval_every={self.eval_every}: allowed: at most trainer.steps, which is {self.steps}")
        if self.steps > MOST_EVALUATIONS * self.eval_every:
            fewest = -(-self.steps // MOST_EVALUATIONS)
            reason = f"as each evaluation is a point of every curve, which has at most {MOST_EVALUATIONS:,}"
            raise ValueError(f"eval_every={self.eval_every}: allowed: at least {fewest:,}, {reason}")
        precision = "which measure a share to 0.1%"
        at_most(MOST_SEQUENCES, precision, eval_size=self.eval_size, confirm_size=self.confirm_size)
        at_most(MOST_MEMBERS, "as each is a training run for each rate", tuning_seeds=self.tuning_seeds)
        at_most(LARGEST_SEED, "2^63 - 1", study_seed=self.study_seed)

    def _check_rates(self) -> None:
        rates = self.rates
        if not rates or len(set(rates)) < len(rates) or not all(0 < rate < math.inf for rate in rates):
            raise ValueError(
                f"learning_rates={self.learning_rates}: allowed: a number above 0, or a list of such numbers, each once"
            )

    def _check_seeds(self) -> None:
        if isinstance(self.seeds, int):
            at_most(MOST_MEMBERS, "as each is a training run", seeds=self.seeds)
        seeds = self.seed_list
        if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
            raise ValueError(f"seeds={self.seeds}: allowed: how many (at least 1), or a list of seeds >= 0, each once")
        if len(seeds) > MOST_MEMBERS:
            raise ValueError(
                f"seeds: {len(seeds):,} of them: allowed: at most {MOST_MEMBERS:,}, as each is a training run"
            )
        if max(seeds) > LARGEST_SEED:
            raise ValueError(f"seeds={self.seeds}: allowed: seeds of at most {LARGEST_SEED:,}, 2^63 - 1")

    @property
    def rates(self) -> list[float]:
        """The learning-rate grid."""
        rates = self.learning_rates
        return [float(rate) for rate in rates] if isinstance(rates, list) else [rates]

    @property
    def tunes(self) -> bool:
        """Whether a learning rate must be chosen: there are several, and members are trained."""
        return len(self.rates) > 1 and self.steps > 0

    @property
    def further_rates(self) -> list[float]:
        """The half-decades beyond both ends of the learning-rate grid, where tuning may go there."""
        ends = (min(self.rates), max(self.rates)) if self.tunes and self.extend_rates else ()
        return [beyond for end in ends if (beyond := rate_beyond(end, self.rates)) is not None]

    @property
    def seed_list(self) -> list[int]:
        """The seeds of the reported members."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else self.seeds

    @property
    def tuning_steps(self) -> int:
        """The steps of a tuning member, a multiple of `eval_every` where `steps` allows it."""
        evaluations = max(1, round(self.tuning_share * self.steps / self.eval_every))
        return min(evaluations * self.eval_every, self.steps)


@dataclass(frozen=True)
class TrackingConfig:
    """Where runs are mirrored: an MLflow tracking URI.

    By default it is MLFLOW_TRACKING_URI, and mlflow.db in the output folder where that is not set.
    """

    enabled: bool = True
    uri: str | None = None

    def __post_init__(self) -> None:
        if not self.enabled:
            return
        if self.uri is not None:
            check_address("tracking.uri", self.uri)
        elif (address := address_from_environment()) is not None:
            check_address(FROM_ENVIRONMENT, address)

    @property
    def address(self) -> str | None:
        """The store that the setting or the environment names, None for the one in the output folder."""
        return self.uri or address_from_environment()


@dataclass(frozen=True)
class SpeedConfig:
    """Whether a study measures the speed of its cells, and how a speed study measures.

    Args:
        enabled: whether speed is measured when all jobs have ended; a speed study always measures.
        rounds: how often each implementation of a speed study is timed.
        turn_s: about how long each of these timings takes, in seconds; at least one training step.
    """

    enabled: bool = True
    rounds: int = 9
    turn_s: float = 0.5

    def __post_init__(self) -> None:
        at_least(1, rounds=self.rounds)
        at_most(MOST_ROUNDS, "as each is a turn of every implementation", rounds=self.rounds)
        if not 0 < self.turn_s <= LONGEST_TURN_S:
            raise ValueError(f"turn_s={self.turn_s}: allowed: a number above 0 and at most {LONGEST_TURN_S}, an hour")


@dataclass(frozen=True)
class ReportConfig:
    """Whether a study writes its report when it has ended."""

    enabled: bool = True


@dataclass(frozen=True)
class SafetyConfig:
    """How a job is protected against failures; no part of any identity.

    Args:
        checkpoint_s: seconds from one checkpoint of a job to the next.
        job_timeout_s: seconds without a heartbeat (a step, a probe) after which a job counts as hung and is ended.
    """

    checkpoint_s: float = 30.0
    job_timeout_s: float = 1800.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0:
                raise ValueError(f"{name}={value}: allowed: a number above 0")


@dataclass(frozen=True)
class SpanConfig:
    """How the span of a cell is searched where its lags are not given, with `task.lag=auto`.

    Args:
        precision: the search ends where the 95% interval of T50 is narrower, from end to end, than this factor.
        members: it ends where no further pack of two fits into this many members of a cell.
        max_lag: the longest lag that may be tried.
        core_hours: it ends where the packs of a cell that have ended took this long of a core's time, their tuning
            included.
        at_once: packs of one cell that are trained at a time, null for as many as the cores need.
    """

    precision: float = 1.5
    members: int = 40
    max_lag: int = 512
    core_hours: float | None = None
    at_once: int | None = None

    def __post_init__(self) -> None:
        if not self.precision > 1:
            raise ValueError(f"precision={self.precision:g}: allowed: a number above 1")
        at_least(4, members=self.members)
        at_least(1, max_lag=self.max_lag)
        if self.core_hours is not None and self.core_hours <= 0:
            raise ValueError(f"core_hours={self.core_hours:g}: allowed: a number above 0, or null")
        if self.at_once is not None and not 1 <= self.at_once <= MOST_PACKS_AT_ONCE:
            raise ValueError(f"at_once={self.at_once}: allowed: an integer from 1 to {MOST_PACKS_AT_ONCE}, or null")


@dataclass(frozen=True)
class JobConfig:
    """One (task, cell, lag): settings by name, resolved, with `_target_` for the classes.

    `probe` has the settings of each probe by its name, including `at`. Where `matched`, the hidden size is not the
    configured one but that with the number of parameters that cells share. Where `searched`, the lag is one of those
    that a search for the span may try.
    """

    task_name: str
    cell_name: str
    task: dict[str, Any]
    cell: dict[str, Any]
    trainer: TrainerConfig
    probe: dict[str, Any] = field(default_factory=dict)
    matched: bool = False
    searched: bool = False


@dataclass(frozen=True)
class BudgetChoice:
    """The chosen budget of an experiment: its name, and in words what it leaves out."""

    name: str
    cut: str

    @property
    def text(self) -> str:
        """Name and cut, as in "laptop: lags above 100 are left out"."""
        return f"{self.name}: {self.cut}" if self.cut else self.name


@dataclass(frozen=True)
class StudyConfig:
    """The settings of one invocation; `overrides` compose the first job.

    Without `resume` a study archives its old records and starts again. `parameters` is how many parameters every cell
    gets, in place of those of the largest. `unmatched` says which cells have no match in parameters, and why.
    `published` is the text of the user's own table of published results. `studies` are the studies that a study of
    claims runs: their overrides by name. `config_dir` is the user's folder of yaml files; `replaced` are its files that
    replace built-in ones, `unread` those that Hydra does not read. `jobs_at_once` is how many jobs the launcher runs at
    a time. `launcher` has the settings of Hydra's launcher, its class as `_target_`.
    `members_per_job` is how many reported members of a job each job of the launcher trains, None for all. With `detach`
    the study runs in the background.
    `resolved` has the values of the interpolations in the study's name and output folder, by key.
    """

    study: str
    experiment: str
    output: Path
    tracking: TrackingConfig
    jobs: list[JobConfig]
    measure: Measure = "training"
    speed: SpeedConfig = field(default_factory=SpeedConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    comparison: Comparison = "hidden"
    parameters: int | None = None
    overrides: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    studies: dict[str, str] = field(default_factory=dict)
    budget: BudgetChoice | None = None
    published: str = ""
    resume: bool = True
    safety: SafetyConfig = field(default_factory=SafetyConfig)
    span: SpanConfig = field(default_factory=SpanConfig)
    config_dir: Path | None = None
    replaced: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    jobs_at_once: int = 1
    members_per_job: int | None = None
    detach: bool = False
    launcher: dict[str, Any] = field(default_factory=dict)
    resolved: dict[str, str] = field(default_factory=dict)
