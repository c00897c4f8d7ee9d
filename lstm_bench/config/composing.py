"""Compose every job of a sweep before anything runs, so that one bad value stops the study at its start.

Hydra composes each job of a sweep only when it launches the job, after it has made folders. Here the same overrides are
split and composed by the same Hydra, in memory; the result is checked and planned. Hydra then launches the jobs of that
plan, by their numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, cast, get_args

from hydra import compose
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import OmegaConf

from lstm_bench.checks import STUDY_NAME, STUDY_NAME_RULE
from lstm_bench.config.budgets import chosen_budget, sweeps
from lstm_bench.config.building import TARGET, build
from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.config.hydra_errors import one_line_errors
from lstm_bench.config.launching import jobs_at_once
from lstm_bench.config.quoting import as_typed
from lstm_bench.config.root_keys import ROOT_KEYS, check_whole
from lstm_bench.config.schema import (
    Comparison,
    JobConfig,
    Measure,
    ReportConfig,
    SafetyConfig,
    SpeedConfig,
    StudyConfig,
    TrackingConfig,
    TrainerConfig,
)
from lstm_bench.config.search_path import files_used, is_ours, replaced, searching, unread
from lstm_bench.cores import usable_cores
from lstm_bench.literature.reading import LiteratureError, own_table

DUPLICATES_NAMED = 3


@dataclass(frozen=True)
class Invocation:
    """The arguments of the command: Hydra overrides as typed, and a user's own config folder."""

    overrides: tuple[str, ...]
    config_dir: Path | None = None


@dataclass(frozen=True)
class _Composed:
    """The configuration of a job: its settings, the yaml of each group, and the launcher's settings."""

    settings: dict[str, Any]
    choices: dict[str, Any]
    launcher: dict[str, Any]
    sweep: dict[str, Any]  # the values that the yaml files sweep, by key


def compose_study(invocation: Invocation) -> StudyConfig:
    """Return the whole study, with every job composed and its plain settings checked.

    Raises: ConfigError for anything that Hydra or the schema refuses.
    """
    with searching(invocation.config_dir), one_line_errors(invocation.overrides):
        base, overrides = _sweeps(invocation)
        composed = [[_compose_job(job, invocation) for job in sweep] for sweep in overrides]
        files = _used_files(invocation, overrides, composed)
        in_place_of_ours = replaced(files)
    jobs = _united([[_job_config(job) for job in sweep] for sweep in composed], invocation)
    first, choices = composed[0][0].settings, composed[0][0].choices
    measure = _measure(first["measure"])
    return StudyConfig(
        study=_study_name(first["study"]),
        experiment=str(choices.get("experiment") or ""),
        output=_output(first["output"]),
        tracking=build(TrackingConfig, first["tracking"], "tracking"),
        jobs=jobs,
        measure=measure,
        comparison=_comparison(first["comparison"], measure),
        parameters=_parameters(first["parameters"], first["comparison"]),
        speed=_speed(first["speed"], measure),
        report=build(ReportConfig, first["report"], "report"),
        overrides=tuple(overrides[0][0]),
        studies=_studies(first["studies"]),
        budget=chosen_budget(base),
        published=_published(first["published"]),
        resume=_resume(first["resume"]),
        safety=build(SafetyConfig, first["safety"], "safety"),
        config_dir=invocation.config_dir,
        replaced=in_place_of_ours,
        unread=unread(files, invocation.config_dir),
        jobs_at_once=jobs_at_once(composed[0][0].launcher, _usable_cores()),
    )


def _sweeps(invocation: Invocation) -> tuple[dict[str, Any], list[list[list[str]]]]:
    """Return the configuration of the first job, and the overrides of each job of each sweep.

    An override of the command line holds in every sweep, in place of the sweep's own values.
    """
    parser = OverridesParser.create()
    parsed = parser.parse_overrides([as_typed(override) for override in invocation.overrides])
    base = _compose_job(_split(parsed)[0], invocation)
    sweep_overrides = [
        parser.parse_overrides([f"{key}={value}" for key, value in (base.sweep | sweep).items()])
        for sweep in sweeps(base.settings)
    ]
    return base.settings, [_split(sweep + parsed) for sweep in sweep_overrides]


def _split(overrides: list[Override]) -> list[list[str]]:
    jobs: list[list[str]] = BasicSweeper.split_arguments(overrides, None)[0]
    return jobs


def _compose_job(overrides: list[str], invocation: Invocation) -> _Composed:
    with one_line_errors(invocation.overrides, overrides):
        config = compose("config", overrides=overrides, return_hydra_config=True)
        settings = {str(key): _resolved(node) for key, node in config.items() if key != "hydra"}
        launcher, sweep = _resolved(config.hydra.launcher), _resolved(config.hydra.sweeper.get("params"))
    check_whole(settings)
    if config.hydra.mode is not RunMode.MULTIRUN:
        raise not_allowed("hydra.mode", config.hydra.mode and config.hydra.mode.name, "MULTIRUN, as in our config.yaml")
    return _Composed(settings, dict(config.hydra.runtime.choices), launcher, sweep or {})


def _resolved(node: Any) -> Any:
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


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
    for key, value in settings.items():
        if key not in ROOT_KEYS:
            raise not_allowed(key, value, f"the keys {', '.join(ROOT_KEYS)}")
    for group in ("task", "cell"):
        is_chosen = job.choices.get(group) is not None
        if not is_chosen or not isinstance(settings[group], dict) or TARGET not in settings[group]:
            raise not_allowed(group, settings[group], f"a yaml of that group, with a {TARGET}")
    return JobConfig(
        task_name=str(job.choices["task"]),
        cell_name=str(job.choices["cell"]),
        task=settings["task"],
        cell=settings["cell"],
        trainer=build(TrainerConfig, settings["trainer"], "trainer"),
        probe=settings["probe"] or {},
    )


def _study_name(name: Any) -> str:
    if not isinstance(name, str) or not STUDY_NAME.fullmatch(name):
        raise not_allowed("study", name, STUDY_NAME_RULE)
    return name


def _output(folder: Any) -> Path:
    if not isinstance(folder, str):
        raise not_allowed("output", folder, "the path of a folder")
    return Path(folder)


def _measure(measure: Any) -> Measure:
    if measure not in get_args(Measure):
        raise not_allowed("measure", measure, ", ".join(get_args(Measure)))
    return cast(Measure, measure)


def _comparison(comparison: Any, measure: Measure) -> Comparison:
    allowed = ("hidden",) if measure == "speed" else get_args(Comparison)  # torch.nn has the same size
    if comparison not in allowed:
        raise not_allowed("comparison", comparison, ", ".join(allowed))
    return cast(Comparison, comparison)


def _parameters(parameters: Any, comparison: Any) -> int | None:
    if parameters is None:
        return None
    if not isinstance(parameters, int) or isinstance(parameters, bool) or parameters < 1:
        raise not_allowed("parameters", parameters, "an integer of at least 1, or null")
    if comparison != "parameters":
        raise not_allowed("parameters", parameters, "null, but with comparison=parameters")
    return parameters


def _speed(settings: Any, measure: Measure) -> SpeedConfig:
    speed: SpeedConfig = build(SpeedConfig, settings, "speed")
    if measure == "speed" and not speed.enabled:
        raise not_allowed("speed.enabled", False, "true, as this study measures nothing but speed")
    return speed


def _published(path: Any) -> str:
    if path is None:
        return ""
    try:
        return own_table(Path(str(path)).expanduser())
    except LiteratureError as error:
        raise ConfigError(f"published={path}: {error}") from error


def _usable_cores() -> int:
    try:
        return usable_cores()
    except ValueError as error:  # an environment variable
        raise ConfigError(str(error)) from error


def _resume(resume: Any) -> bool:
    if not isinstance(resume, bool):
        raise not_allowed("resume", resume, "true, false")
    return resume


def _studies(studies: Any) -> dict[str, str]:
    if not isinstance(studies, dict) or not all(isinstance(overrides, str) for overrides in studies.values()):
        raise not_allowed("studies", studies, "overrides by the name of a study, as in {mine: +experiment=copy_task}")
    return {_study_name(name): overrides for name, overrides in studies.items()}


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
