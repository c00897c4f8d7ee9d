"""Compose every job of a sweep before anything runs, so that one bad value stops the study at its start.

Hydra composes each job of a sweep only when it launches the job, after it has made folders. Here the same overrides are
split and composed by the same Hydra, in memory; the result is checked and planned. Hydra then launches the jobs of that
plan, by their numbers.
"""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from hydra import compose
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lstm_bench.config.budgets import chosen_budget, sweeps
from lstm_bench.config.building import TARGET, build
from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.config.hydra_arguments import as_typed, jobs_at_once
from lstm_bench.config.hydra_errors import check_choices, one_line_errors
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
    check_root_keys,
)
from lstm_bench.config.search_path import files_used, is_ours, replaced, searching, unread
from lstm_bench.config.searched_lags import AUTO, LAG, check_alone, searched_lags
from lstm_bench.config.sweep_size import check_sweep_size
from lstm_bench.cores import usable_cores
from lstm_bench.literature.reading import LiteratureError, own_table

DUPLICATES_NAMED = 3
NAMES = ("study", "output")
KEPT_BY_THE_WHOLE = ("experiment", "study", "studies", "measure")  # keys of a study of claims itself


@dataclass(frozen=True)
class Invocation:
    """The arguments of the command: Hydra overrides as typed, and a user's own config folder."""

    overrides: tuple[str, ...]
    config_dir: Path | None = None


@dataclass(frozen=True)
class _Composed:
    """The configuration of a job: its settings, the yaml of each group, and the launcher's settings."""

    settings: RootConfig
    choices: dict[str, Any]
    launcher: dict[str, Any]
    sweep: dict[str, Any]  # the values that the yaml files sweep, by key
    resolved: dict[str, str]  # what the interpolations in NAMES came to, by key
    searched: bool = False  # whether the lag is one that a search for the span may try


def compose_study(invocation: Invocation) -> StudyConfig:
    """Return the whole study, with every job composed and its plain settings checked.

    Raises: ConfigError for anything that Hydra or the schema refuses.
    """
    with searching(invocation.config_dir), one_line_errors(invocation.overrides):
        composer = _Composer(invocation)
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
        invocation: the folder of yaml files, and the arguments that are not about it.

    Raises: ConfigError for anything that Hydra refuses.
    """
    rest = invocation.overrides
    overrides = [text for text in rest if not text.startswith("-") and ("=" in text or text.startswith("~"))]
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


def _sweeps(invocation: Invocation, composer: "_Composer") -> tuple[RootConfig, list[list[list[str]]]]:
    """Return the configuration of the first job, and the overrides of each job of each sweep.

    An override of the command line holds in every sweep, in place of the sweep's own values.
    """
    parser = OverridesParser.create()
    parsed = parser.parse_overrides(_as_typed(invocation.overrides))
    base = composer.job(_split([override for override in parsed if not _is_of_a_cell(override)])[0])
    sweep_overrides = [
        parser.parse_overrides([f"{key}={value}" for key, value in (base.sweep | sweep).items()])
        for sweep in sweeps(base.settings)
    ]
    return base.settings, [_split(sweep + parsed) for sweep in sweep_overrides]


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


class _Composer:
    """Compose the jobs of an invocation; those that differ in plain values alone share one composition of yaml files.

    Hydra sets the values of the command line after it has merged the files, so the result is the same.
    """

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._by_choices: dict[tuple[str, ...], bytes] = {}  # pickled, which a copy is made of faster than by deepcopy
        self._parsed: dict[str, Override] = {}  # by its text: jobs of a sweep share most of their overrides

    def job(self, overrides: list[str]) -> _Composed:
        """Return the configuration of a job with these overrides."""
        with one_line_errors(self._invocation.overrides, overrides):
            check_choices(overrides)
            config = self._with_values(overrides)
            settings = {str(key): _resolved(node) for key, node in config.items() if key != "hydra"}
            hydra = config.hydra
            launcher, sweep = _resolved(hydra.launcher), _resolved(hydra.sweeper.get("params"))
            resolved = {key: str(settings[key]) for key in NAMES if OmegaConf.is_interpolation(config, key)}
        check_root_keys(settings)
        if hydra.mode is not RunMode.MULTIRUN:
            raise not_allowed("hydra.mode", hydra.mode and hydra.mode.name, "MULTIRUN, as in our config.yaml")
        root: RootConfig = build(RootConfig, settings, "")
        return _Composed(root, dict(hydra.runtime.choices), launcher, sweep or {}, resolved)

    def _parse(self, override: str) -> Override:
        if override not in self._parsed:
            (self._parsed[override],) = OverridesParser.create().parse_overrides([override])
        return self._parsed[override]

    def _with_values(self, overrides: list[str]) -> DictConfig:
        """Return Hydra's configuration; where a value cannot be set, Hydra's own composition says why."""
        parsed = [self._parse(override) for override in overrides]
        choices = tuple(text for text, override in zip(overrides, parsed, strict=True) if not _is_plain_value(override))
        if choices not in self._by_choices:
            composed = compose("config", overrides=list(choices), return_hydra_config=True)
            self._by_choices[choices] = pickle.dumps(composed)
        config: DictConfig = pickle.loads(self._by_choices[choices])
        try:
            for override in filter(_is_plain_value, parsed):
                OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
        except OmegaConfBaseException:
            return compose("config", overrides=overrides, return_hydra_config=True)
        return config


def _is_plain_value(override: Override) -> bool:
    """Tell whether an override sets a value within a group, as task.lag=8 does, and chooses no yaml."""
    is_within_a_group = "." in override.key_or_group and not override.key_or_group.startswith("hydra")
    return is_within_a_group and override.type is OverrideType.CHANGE and override.package is None


def _resolved(node: Any) -> Any:
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def _jobs(composer: _Composer, overrides: list[str]) -> list[_Composed]:
    """Return the job with these overrides; with `task.lag=auto` one at each lag that a search for the span may try."""
    job = composer.job(overrides)
    task = job.settings.task
    if not isinstance(task, dict) or task.get("lag") != AUTO:
        return [job]
    others = [override for override in overrides if _key(override) != LAG]

    def at(lag: int) -> _Composed:
        return replace(composer.job([*others, f"{LAG}={lag}"]), searched=True)

    span: SpanConfig = build(SpanConfig, job.settings.span, "span")
    return [at(lag) for lag in searched_lags(job.settings, span.max_lag, lambda lag: _job_config(at(lag)))]


def _used_files(
    invocation: Invocation, overrides: Sequence[Sequence[list[str]]], composed: Sequence[Sequence[_Composed]]
) -> list[str]:
    """Return the yaml files that jobs use, where the user has a folder of them; one job of each choice suffices."""
    if invocation.config_dir is None or is_ours(invocation.config_dir):
        return []
    jobs = zip(chain(*overrides), chain(*composed), strict=True)
    return files_used({str(job.choices): job_overrides for job_overrides, job in jobs}.values())


def _job_config(job: _Composed) -> JobConfig:
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
            for the same key, except for KEPT_BY_THE_WHOLE.
    """
    shared = [override for override in invocation.overrides if _key(override).split(".")[0] not in KEPT_BY_THE_WHOLE]
    keys = {_key(override) for override in shared}
    return [
        Invocation(
            (*[override for override in overrides.split() if _key(override) not in keys], f"study={name}", *shared),
            invocation.config_dir,
        )
        for name, overrides in studies.items()
    ]


def _value(override: str) -> str:
    return override.partition("=")[2]


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~")
