"""Make the plan of a study, which its records begin with."""

import math
import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import torch

from lstm_bench.cells.contract import Cell
from lstm_bench.config.objects import cell_defaults, cell_notes, check_job, n_parameters, total_parameters
from lstm_bench.config.schema import MOST_PACKS_AT_ONCE, JobConfig, SpanConfig, StudyConfig, TrainerConfig
from lstm_bench.engine.kernel_dispatch import kernel_name
from lstm_bench.records.plan import JobPlan, SpanPlan, StudyPlan
from lstm_bench.speed.operations import training_flops
from lstm_bench.study.duplicates import refuse_duplicates
from lstm_bench.study.environment import describe_environment
from lstm_bench.study.identity import job_identity, settings_of
from lstm_bench.study.plug_in_source import plug_in_sources
from lstm_bench.tasks.contract import Relaxable, Task


def plan_study(config: StudyConfig, arguments: Sequence[str]) -> StudyPlan:
    """Return the plan of a study, after checking that every job can be built here and is no duplicate of another.

    Raises: ConfigError for a job that cannot be built, or a duplicate.
    """
    names = cell_names(config.jobs)
    jobs = [_plan_job(job, name, *check_job(job)) for job, name in zip(config.jobs, names, strict=True)]
    refuse_duplicates(config, jobs)
    searched = [plan for job, plan in zip(config.jobs, jobs, strict=True) if job.searched]
    return StudyPlan(
        study=config.study,
        experiment=config.experiment,
        command=shlex.join(["python", "-m", "lstm_bench", *arguments]),
        started=now(),
        jobs=[plan for job, plan in zip(config.jobs, jobs, strict=True) if not job.searched],
        searches=_searches(searched, config.span, config.jobs_at_once),
        environment=describe_environment(config.jobs[0].trainer.device),
        measure=config.measure,
        tracked=config.tracking.enabled,
        tracking_uri=config.tracking.address,
        budget=config.budget.text if config.budget else "",
        published=config.published,
        members_per_job=config.members_per_job,
    )


def plan_claims(config: StudyConfig, arguments: Sequence[str]) -> StudyPlan:
    """Return the plan of a study of claims, which has studies in place of jobs."""
    return replace(plan_study(config, arguments), jobs=[], searches=[], studies=list(config.studies))


def _searches(jobs: Sequence[JobPlan], span: SpanConfig, cores: int) -> list[SpanPlan]:
    """Return the search for each cell's span on each task, from the jobs at the lags that it may try."""
    candidates: dict[tuple[str, str, str], list[JobPlan]] = defaultdict(list)
    for job in jobs:
        candidates[job.contestant].append(replace(job, seeds=[]))
    at_once = span.at_once or max(1, min(MOST_PACKS_AT_ONCE, math.ceil(2 * cores / max(1, len(candidates)))))
    return [
        SpanPlan(sorted(group, key=lambda job: job.lag), span.precision, span.members, span.core_hours, at_once)
        for group in candidates.values()
    ]


def now() -> str:
    """Return the time in UTC to the second, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _plan_job(job: JobConfig, cell_name: str, task: Task, cell: Cell) -> JobPlan:
    trainer = job.trainer
    return JobPlan(
        job=job_identity(job),
        task=job.task_name,
        variant=task.variant,
        lag=task.lag,
        length=task.length,
        cell=cell_name,
        hidden_size=cell.hidden_size,
        n_parameters=total_parameters(task, cell),
        n_parameters_core=n_parameters(cell),
        flops=training_flops(cell, trainer.batch_size, task.length),
        kernel=kernel_name(cell, torch.device(trainer.device), trainer.kernel),
        score=task.score,
        criterion=task.criterion,
        description=task.description,
        solved_rule=task.solved_rule,
        solved_share=task.solved_share,
        baselines=dict(task.baselines),
        units=dict(task.units),
        learning_rates=trainer.rates if trainer.tunes else trainer.rates[:1],
        tuning_seeds=list(range(trainer.tuning_seeds)) if trainer.tunes else [],
        further_rates=trainer.further_rates,
        tuning_steps=trainer.tuning_steps,
        cell_yaml=job.cell_name,
        seeds=trainer.seed_list,
        steps=trainer.steps,
        batch_size=trainer.batch_size,
        config=settings_of(job),
        cell_defaults=cell_defaults(job),
        sentence=list(getattr(task, "sentence", ())),
        answers=list(getattr(task, "answers", ())),
        softer={score: list(least) for score, least in task.softer.items()} if isinstance(task, Relaxable) else {},
        notes=cell_notes(job, task, cell),
        sources=plug_in_sources(job),
        distance=distance_of(task),
    )


def distance_of(task: object) -> float | None:
    """Return the task's distance; None for a plug-in without one, and where the settings place a cue by hand."""
    distance, is_placed = getattr(task, "distance", None), getattr(task, "cue_distance", None) is not None
    return float(distance) if isinstance(distance, int | float) and not is_placed else None


def job_config(plan: JobPlan) -> JobConfig:
    """Return the settings of a planned job, from which `job_identity` returns the same identity."""
    trainer = TrainerConfig(**plan.config["trainer"])
    return JobConfig(plan.task, plan.cell, plan.config["task"], plan.config["cell"], trainer, plan.config["probe"])


def cell_names(jobs: Sequence[JobConfig]) -> list[str]:
    """Return the name of each job's cell in the comparison: its yaml's name, and the settings that the study varies.

    A sweep over `cell.forget_bias=0,1` thus compares "lstm forget_bias=0" with "lstm forget_bias=1", never pooled. A
    cell with a matched hidden size has it at the end of its name: "rnn H=133".
    """
    rivals: dict[tuple[str, str, bool], list[dict[str, Any]]] = defaultdict(list)
    for job in jobs:
        rivals[_group_key(job)].append(_flat_settings(job))
    varied = {
        key for group in rivals.values() for key in group[0] | group[-1] if len({str(s.get(key)) for s in group}) > 1
    }
    return [_name(job, varied) for job in jobs]


def _group_key(job: JobConfig) -> tuple[str, str, bool]:
    """Return the key of jobs with competing cells: the task with its lag, the cell's yaml, whether it is matched."""
    return str(sorted(job.task.items())), job.cell_name, job.matched


def _flat_settings(job: JobConfig) -> dict[str, Any]:
    trainer = {f"trainer.{key}": value for key, value in vars(job.trainer).items()}
    return {**job.cell, **trainer}


def _name(job: JobConfig, varied: set[str]) -> str:
    settings: Mapping[str, Any] = _flat_settings(job)
    keys = [key for key in sorted(varied) if key in settings and not (job.matched and key == "hidden_size")]
    extras = [f"{key.removeprefix('trainer.')}={settings[key]}" for key in keys]
    return " ".join([job.cell_name, *extras, *([f"H={settings['hidden_size']}"] if job.matched else [])])
