"""Compose every job of a sweep before anything runs, so that one bad value stops the study at its start.

Hydra composes each job of a sweep only when it launches the job, after it has made folders. Here the same overrides are
split and composed by the same Hydra, in memory; the result is checked and planned. Hydra then launches the jobs of that
plan, by their numbers.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from hydra import compose
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from lstm_bench.config.budgets import chosen_budget, sweeps
from lstm_bench.config.building import TARGET, build
from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.config.hydra_arguments import as_typed, check_sweep_size, jobs_at_once
from lstm_bench.config.hydra_errors import check_choices, one_line_errors
from lstm_bench.config.job_composer import ComposedJob, Composer
from lstm_bench.config.schema import (
    JobConfig,
    Measure,
    ReportConfig,
    RootConfig,
    SafetyConfig,
    SpanConfig,
    SpeedConfig,
    StudyConfig,
    TrackingConfig,
    TrainerConfig,
)
from lstm_bench.config.search_path import files_used, is_ours, replaced, searching, unread
from lstm_bench.config.searched_lags import AUTO, LAG, check_alone, searched_lags
from lstm_bench.cores import usable_cores
from lstm_bench.literature.reading import LiteratureError, own_table

DUPLICATES_NAMED = 3
CHOSEN_GROUPS = ("task", "cell")
OF_EVERY_CHOICE = (LAG, "cell.hidden_size")  # which a sweep sets for any task and cell
KEPT_BY_THE_WHOLE = ("experiment", "study", "studies", "measure")  # keys of a study of claims itself
KEPT_BY_A_PART = "budget"  # a study of claims leaves it to a study that sets it


@dataclass(frozen=True)
class Invocation:
    """The arguments of the command: Hydra overrides as typed, and a user's own config folder."""

    overrides: tuple[str, ...]
    config_dir: Path | None = None


def compose_study(invocation: Invocation) -> StudyConfig:
    """Return the whole study, with every job composed and its plain settings checked.

    Raises: ConfigError for anything that Hydra or the schema refuses.
    """
    with searching(invocation.config_dir), one_line_errors(invocation.overrides):
        composer = Composer(invocation.overrides)
        base, overrides = _sweeps(invocation, composer)
        for sweep in overrides:
            check_alone([_value(override) for job in sweep for override in job if _key(override) == LAG])
        by_lag = [[_jobs(composer, job_overrides) for job_overrides in sweep] for sweep in overrides]
        files = _used_files(invocation, overrides, [[jobs[0] for jobs in sweep] for sweep in by_lag])
        composed = [list(chain.from_iterable(sweep)) for sweep in by_lag]
        in_place_of_ours = replaced(files)
    jobs = _united([[_job_config(job) for job in sweep] for sweep in composed], invocation)
    first, choices = composed[0][0].settings, composed[0][0].choices
    return StudyConfig(
        study=first.study,
        experiment=str(choices.get("experiment") or ""),
        output=Path(first.output),
        tracking=build(TrackingConfig, first.tracking, "tracking"),
        jobs=jobs,
        measure=first.measure,
        comparison=first.comparison,
        parameters=first.parameters,
        speed=_speed(first.speed, first.measure),
        report=build(ReportConfig, first.report, "report"),
        overrides=tuple(overrides[0][0]),
        studies=first.studies,
        budget=chosen_budget(base),
        published=_published(first.published),
        resume=first.resume,
        safety=build(SafetyConfig, first.safety, "safety"),
        span=build(SpanConfig, first.span, "span"),
        config_dir=invocation.config_dir,
        replaced=in_place_of_ours,
        unread=unread(files, invocation.config_dir),
        jobs_at_once=jobs_at_once(composed[0][0].launcher, _usable_cores()),
        members_per_job=_members_per_job(first.members_per_job, jobs),
        detach=first.detach,
        launcher=composed[0][0].launcher,
        resolved=composed[0][0].resolved,
    )


def hydra_arguments(arguments: Sequence[str], invocation: Invocation) -> list[str]:
    """Return the arguments of a command that Hydra answers by itself (--cfg), after checking that they compose.

    Args:
        arguments: all of them, as typed.
        invocation: the folder of yaml files, and the other arguments.

    Raises: ConfigError for anything that Hydra refuses.
    """
    others = invocation.overrides
    overrides = [text for text in others if not text.startswith("-") and ("=" in text or text.startswith("~"))]
    with searching(invocation.config_dir), one_line_errors(overrides):
        typed = dict(zip(overrides, _as_typed(overrides), strict=True))
        parsed = OverridesParser.create().parse_overrides(list(typed.values()))
        if swept := next((override for override in parsed if override.is_sweep_override()), None):
            raise not_allowed(swept.key_or_group, (swept.input_line or "").partition("=")[2], "one value, not several")
        jobs = list(typed.values())
        with one_line_errors(overrides, jobs):
            check_choices(jobs)
            compose("config", overrides=jobs, return_hydra_config=True)
    return [typed.get(argument, argument) for argument in arguments]


def _sweeps(invocation: Invocation, composer: Composer) -> tuple[RootConfig, list[list[list[str]]]]:
    """Return the configuration of the first job, and the overrides of each job of each sweep.

    An override of the command line holds in every sweep, in place of the sweep's own values. Where it chooses a task or
    cell in place of the sweep's, settings of the sweep for its own choice alone, such as `cell.heads`, are dropped.
    """
    parser = OverridesParser.create()
    parsed = parser.parse_overrides(_as_typed(invocation.overrides))
    base = composer.job(_split([override for override in parsed if not _is_of_a_cell(override)])[0])
    chosen = {override.key_or_group for override in parsed}
    sweep_overrides = [
        parser.parse_overrides([f"{key}={value}" for key, value in _kept(base.sweep | sweep, chosen).items()])
        for sweep in sweeps(base.settings)
    ]
    return base.settings, [_split(sweep + parsed) for sweep in sweep_overrides]


def _kept(sweep: Mapping[str, Any], chosen: Container[str]) -> dict[str, Any]:
    """Return a sweep without the settings of a task or cell that the command line replaces by another."""
    replaced_groups = [group for group in CHOSEN_GROUPS if group in sweep and group in chosen]
    prefixes = tuple(f"{group}." for group in replaced_groups)
    return {key: value for key, value in sweep.items() if key in OF_EVERY_CHOICE or not key.startswith(prefixes)}


def _as_typed(overrides: Sequence[str]) -> list[str]:
    groups = GlobalHydra.instance().config_loader().list_groups("")
    return [as_typed(override, groups) for override in overrides]


def _is_of_a_cell(override: Override) -> bool:
    """Tell whether an override sets a value of a task or cell, which the sweeps of an experiment may choose."""
    return override.key_or_group.startswith(("task.", "cell."))


def _split(overrides: list[Override]) -> list[list[str]]:
    check_sweep_size(overrides)
    jobs: list[list[str]] = BasicSweeper.split_arguments(overrides, None)[0]
    return jobs


def _jobs(composer: Composer, overrides: list[str]) -> list[ComposedJob]:
    """Return the job with these overrides; with `task.lag=auto` one at each lag that a search for the span may try."""
    job = composer.job(overrides)
    task = job.settings.task
    if not isinstance(task, dict) or task.get("lag") != AUTO:
        return [job]
    with_lag = composer.with_one_more([override for override in overrides if _key(override) != LAG])

    @cache  # the search for the shortest lag asks for some of them, too
    def at(lag: int) -> ComposedJob:
        return replace(with_lag(f"{LAG}={lag}"), searched=True)

    span: SpanConfig = build(SpanConfig, job.settings.span, "span")
    return [at(lag) for lag in searched_lags(job.settings, span.max_lag, lambda lag: _job_config(at(lag)))]


def _used_files(
    invocation: Invocation, overrides: Sequence[Sequence[list[str]]], composed: Sequence[Sequence[ComposedJob]]
) -> list[str]:
    """Return the yaml files that jobs use, where the user has a folder of them; one job of each choice suffices."""
    if invocation.config_dir is None or is_ours(invocation.config_dir):
        return []
    jobs = zip(chain(*overrides), chain(*composed), strict=True)
    return files_used({str(job.choices): job_overrides for job_overrides, job in jobs}.values())


def _job_config(job: ComposedJob) -> JobConfig:
    settings = job.settings
    return JobConfig(
        task_name=str(job.choices["task"]),
        cell_name=str(job.choices["cell"]),
        task=_chosen_yaml("task", settings.task, job.choices),
        cell=_chosen_yaml("cell", settings.cell, job.choices),
        trainer=build(TrainerConfig, settings.trainer, "trainer"),
        probe=settings.probe or {},
        searched=job.searched,
    )


def _chosen_yaml(group: str, settings: Any, choices: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a task or cell.

    Raises: ConfigError where no yaml of its group is chosen, or one without a class.
    """
    if choices.get(group) is None or not isinstance(settings, dict) or TARGET not in settings:
        raise not_allowed(group, settings, f"a yaml of that group, with a {TARGET}")
    return settings


def _speed(settings: Any, measure: Measure) -> SpeedConfig:
    speed: SpeedConfig = build(SpeedConfig, settings, "speed")
    if measure == "speed" and not speed.enabled:
        raise not_allowed("speed.enabled", False, "true, as this study measures nothing but speed")
    return speed


def _published(path: str | None) -> str:
    """Return the text of the user's own table of published results."""
    if path is None:
        return ""
    try:
        return own_table(Path(path).expanduser())
    except LiteratureError as error:
        raise ConfigError(f"published={path}: {error}") from error


def _members_per_job(most: int | Literal["all"], jobs: Sequence[JobConfig]) -> int | None:
    if most == "all":
        return None
    if any(job.searched for job in jobs):
        raise not_allowed("members_per_job", most, "all, with task.lag=auto: a search trains two members a job")
    return most


def _usable_cores() -> int:
    try:
        return usable_cores()
    except ValueError as error:  # an environment variable
        raise ConfigError(str(error)) from error


def _united(sweeps: Sequence[Sequence[JobConfig]], invocation: Invocation) -> list[JobConfig]:
    """Return the jobs of all sweeps, each once.

    Raises: ConfigError where one sweep has a value twice.
    """
    for jobs in sweeps:
        if any(job in jobs[:index] for index, job in enumerate(jobs)):
            swept = [override for override in invocation.overrides if "," in override][:DUPLICATES_NAMED]
            raise ConfigError(f"{' '.join(swept) or 'the sweep'}: a value twice: allowed: each job once")
    united: list[JobConfig] = []
    for job in (job for jobs in sweeps for job in jobs):
        if job not in united:
            united.append(job)
    return united


def substudy_invocations(studies: Mapping[str, str], invocation: Invocation) -> list[Invocation]:
    """Return the invocation of each study that a study of claims runs.

    Args:
        studies: overrides, separated by spaces, by the name of the study.
        invocation: the command of the study of claims. Its overrides hold for every study, in place of the study's own
            for the same key, except for KEPT_BY_THE_WHOLE, and for KEPT_BY_A_PART where a study sets it.
    """
    shared = [override for override in invocation.overrides if _key(override).split(".")[0] not in KEPT_BY_THE_WHOLE]
    return [
        Invocation(_overrides_of_a_part(overrides.split(), name, shared), invocation.config_dir)
        for name, overrides in studies.items()
    ]


def _overrides_of_a_part(of_the_part: Sequence[str], name: str, shared: Sequence[str]) -> tuple[str, ...]:
    kept = [override for override in of_the_part if _key(override) == KEPT_BY_A_PART]
    others = [override for override in shared if not kept or _key(override) != KEPT_BY_A_PART]
    keys = {_key(override) for override in others}
    return (*[override for override in of_the_part if _key(override) not in keys], f"study={name}", *others)


def _value(override: str) -> str:
    return override.partition("=")[2]


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~")
