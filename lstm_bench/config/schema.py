"""The settings of a study, as typed dataclasses."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lstm_bench.checks import at_least, one_of

Measure = Literal["training", "speed", "claims"]
Comparison = Literal["hidden", "parameters", "both"]  # the size that the compared cells share


@dataclass(frozen=True)
class TrainerConfig:
    """How the members of a job are tuned and trained.

    Args:
        batch_size: sequences a step.
        steps: optimiser steps that a member may take; 0 evaluates the cells untrained.
        eval_every: steps between evaluations.
        eval_size: fresh sequences an evaluation.
        confirm_size: held-out sequences that confirm a solution.
        clip: largest global gradient norm; 0 turns clipping off.
        stop_when_solved: whether a member ends when it has solved the task; else it trains to its last step.
        learning_rates: Adam's rates to choose from on the tuning seeds; one rate needs no tuning.
        tuning_seeds: how many members try each rate.
        tuning_share: share of `steps` that a tuning member may take.
        seeds: how many members are reported, or a list of their seeds.
        study_seed: root of every random stream.
        device: where tensors live.
        kernel: `auto` uses the compiled kernel where there is one and it can be built, `torch` never.
    """

    batch_size: int = 32
    steps: int = 5000
    eval_every: int = 200
    eval_size: int = 1000
    confirm_size: int = 10_000
    clip: float = 1.0
    stop_when_solved: bool = True
    learning_rates: float | list[float] = field(default_factory=lambda: [0.001, 0.003, 0.01])
    tuning_seeds: int = 2
    tuning_share: float = 0.3
    seeds: int | list[int] = 5
    study_seed: int = 0
    device: str = "cpu"
    kernel: Literal["auto", "torch"] = "auto"

    def __post_init__(self) -> None:
        at_least(1, batch_size=self.batch_size, eval_every=self.eval_every)
        at_least(1, eval_size=self.eval_size, confirm_size=self.confirm_size, tuning_seeds=self.tuning_seeds)
        at_least(0, study_seed=self.study_seed, steps=self.steps)
        one_of(("auto", "torch"), kernel=self.kernel)
        if 0 < self.steps < self.eval_every:
            raise ValueError(f"eval_every={self.eval_every}: allowed: at most trainer.steps, which is {self.steps}")
        if self.clip < 0:
            raise ValueError(f"clip={self.clip}: allowed: a number of at least 0 (0 turns clipping off)")
        if not 0 < self.tuning_share <= 1:
            raise ValueError(f"tuning_share={self.tuning_share}: allowed: a number above 0 and at most 1")
        self._check_rates()
        self._check_seeds()

    def _check_rates(self) -> None:
        rates = self.rates
        if not rates or len(set(rates)) < len(rates) or not all(0 < rate < math.inf for rate in rates):
            raise ValueError(
                f"learning_rates={self.learning_rates}: allowed: a number above 0, or a list of such, each once"
            )

    def _check_seeds(self) -> None:
        seeds = self.seed_list
        if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
            raise ValueError(f"seeds={self.seeds}: allowed: how many (at least 1), or a list of seeds >= 0, each once")

    @property
    def rates(self) -> list[float]:
        """The learning-rate grid."""
        return (
            [float(r) for r in self.learning_rates] if isinstance(self.learning_rates, list) else [self.learning_rates]
        )

    @property
    def tunes(self) -> bool:
        """Whether a learning rate must be chosen: there are several, and members are trained."""
        return len(self.rates) > 1 and self.steps > 0

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
    """Where runs are mirrored: an MLflow tracking URI, by default mlflow.db in the output folder."""

    enabled: bool = True
    uri: str | None = None


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
        if self.turn_s <= 0:
            raise ValueError(f"turn_s={self.turn_s}: allowed: a number above 0")


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
class JobConfig:
    """One (task, cell, lag): settings by name, resolved, with `_target_` for the classes.

    `probe` has the settings of each probe by its name, `at` among them. Where `matched`, the hidden size is not the
    configured one but that with the number of parameters of the largest cell.
    """

    task_name: str
    cell_name: str
    task: dict[str, Any]
    cell: dict[str, Any]
    trainer: TrainerConfig
    probe: dict[str, Any] = field(default_factory=dict)
    matched: bool = False


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

    Without `resume` a study starts again beside its old records. `parameters` is how many parameters every cell gets,
    in place of those of the largest. `unmatched` says which cells have no match in parameters, and why. `published` is
    the text of the user's own table of published results. `studies` are the studies that a study of claims runs: their
    overrides by name. `config_dir` is the user's folder of yaml files; `replaced` are its files that replace built-in
    ones, `unread` those that Hydra does not read. `jobs_at_once` is how many jobs the launcher runs at a time.
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
    config_dir: Path | None = None
    replaced: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    jobs_at_once: int = 1
