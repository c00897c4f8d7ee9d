"""Compose every job of a sweep before anything runs, so that one bad value stops it all at the door.

Hydra composes each job of a sweep only when its turn comes, after it has made folders. Here the same overrides are
split and composed by the same Hydra, in memory; what comes out is checked and planned. Hydra is then asked to launch
the jobs of that plan, by their numbers.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast, get_args

from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException, HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lstm_bench.checks import STUDY_NAME, STUDY_NAME_RULE
from lstm_bench.config.budgets import chosen_budget, sweeps
from lstm_bench.config.building import TARGET, build
from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.config.quoting import as_typed, quoted
from lstm_bench.config.schema import (
    Comparison,
    JobConfig,
    Measure,
    SafetyConfig,
    SpeedConfig,
    StudyConfig,
    TrackingConfig,
    TrainerConfig,
)
from lstm_bench.literature.reading import LiteratureError, own_table

ROOT_KEYS = (
    "study", "output", "measure", "studies", "comparison", "parameters", "task", "cell", "trainer", "probe", "tracking",
    "speed", "resume", "safety", "sweeps", "budget", "budgets", "published",
)  # fmt: skip
DUPLICATES_NAMED = 3


@dataclass(frozen=True)
class Invocation:
    """What was asked for: Hydra overrides as typed, and a user's own config folder."""

    overrides: tuple[str, ...]
    config_dir: Path | None = None

    @property
    def searched(self) -> list[str]:
        """The overrides, with the user's folder on Hydra's search path."""
        own = [f"hydra.searchpath=[{quoted(f'file://{self.config_dir}')}]"] if self.config_dir else []
        return [*own, *map(as_typed, self.overrides)]


def conf_dir() -> Path:
    """Return the folder of our yaml files: conf/ in a checkout, lstm_bench/conf in an installed wheel."""
    package = Path(str(files("lstm_bench")))
    installed = package / "conf"
    return installed if installed.is_dir() else package.parent / "conf"


def compose_study(invocation: Invocation) -> StudyConfig:
    """Return the whole study, every job composed and its plain settings checked.

    Raises: ConfigError for anything that Hydra or our own schema refuses.
    """
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
            base, overrides = _sweeps(invocation)
            composed = [[_compose_job(job) for job in sweep] for sweep in overrides]
    except (HydraException, OmegaConfBaseException) as error:
        raise _in_one_line(error, invocation) from error
    jobs = _united([[_job_config(*job) for job in sweep] for sweep in composed], invocation)
    first, choices = composed[0][0]
    measure = _measure(first["measure"])
    return StudyConfig(
        study=_study_name(first["study"]),
        experiment=str(choices.get("experiment") or ""),
        output=Path(str(first["output"])),
        tracking=build(TrackingConfig, first["tracking"], "tracking"),
        jobs=jobs,
        measure=measure,
        comparison=_comparison(first["comparison"], measure),
        parameters=_parameters(first["parameters"], first["comparison"]),
        speed=build(SpeedConfig, first["speed"], "speed"),
        overrides=tuple(overrides[0][0]),
        studies=_studies(first["studies"]),
        budget=chosen_budget(base),
        published=_published(first["published"]),
        resume=_resume(first["resume"]),
        safety=build(SafetyConfig, first["safety"], "safety"),
    )


def launch_arguments(config: StudyConfig, numbers: Iterable[int]) -> list[str]:
    """Return what Hydra is asked for: jobs of the plan, by number, with the launcher and folders of the study.

    Everything else about a job stands in the plan, which knows more jobs than a sweep can name.
    """
    jobs = ",".join(str(number) for number in numbers)
    output = f"output={quoted(str(config.output.expanduser().resolve()))}"
    return [*config.overrides, "hydra.sweeper.params=null", output, f"+job={jobs}"]


def _sweeps(invocation: Invocation) -> tuple[dict[str, Any], list[list[list[str]]]]:
    """Return the configuration of the first job, and the overrides of each job of each sweep.

    What is given on the command line holds in every sweep, in place of what it sweeps itself.
    """
    parser = OverridesParser.create()
    parsed = parser.parse_overrides(list(invocation.searched))
    composed = compose("config", overrides=_split(parsed)[0], return_hydra_config=True)
    base = _resolved(composed)
    params = dict(composed.hydra.sweeper.get("params") or {})
    given = [
        parser.parse_overrides([f"{key}={value}" for key, value in (params | own).items()]) for own in sweeps(base)
    ]
    return base, [_split(own + parsed) for own in given]


def _split(overrides: list[Override]) -> list[list[str]]:
    jobs: list[list[str]] = BasicSweeper.split_arguments(overrides, None)[0]
    return jobs


def _compose_job(overrides: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    config = compose("config", overrides=overrides, return_hydra_config=True)
    return _resolved(config), dict(config.hydra.runtime.choices)


def _resolved(config: DictConfig) -> dict[str, Any]:
    nodes = {str(key): node for key, node in config.items() if key != "hydra"}
    return {
        key: OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
        for key, node in nodes.items()
    }


def _job_config(config: dict[str, Any], choices: dict[str, Any]) -> JobConfig:
    for key, value in config.items():
        if key not in ROOT_KEYS:
            raise not_allowed(key, value, f"the keys {', '.join(ROOT_KEYS)}")
    for group in ("task", "cell"):
        if not isinstance(config[group], dict) or TARGET not in config[group]:
            raise not_allowed(group, config[group], f"a yaml of that group, with a {TARGET}")
    return JobConfig(
        task_name=str(choices["task"]),
        cell_name=str(choices["cell"]),
        task=config["task"],
        cell=config["cell"],
        trainer=build(TrainerConfig, config["trainer"], "trainer"),
        probe=config["probe"] or {},
    )


def _study_name(name: Any) -> str:
    if not isinstance(name, str) or not STUDY_NAME.fullmatch(name):
        raise not_allowed("study", name, STUDY_NAME_RULE)
    return name


def _measure(measure: Any) -> Measure:
    if measure not in get_args(Measure):
        raise not_allowed("measure", measure, ", ".join(get_args(Measure)))
    return cast(Measure, measure)


def _comparison(comparison: Any, measure: Measure) -> Comparison:
    allowed = ("hidden",) if measure == "speed" else get_args(Comparison)  # speed is set beside torch.nn of one size
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


def _published(path: Any) -> str:
    if path is None:
        return ""
    try:
        return own_table(Path(str(path)).expanduser())
    except LiteratureError as error:
        raise ConfigError(f"published={path}: {error}") from error


def _resume(resume: Any) -> bool:
    if not isinstance(resume, bool):
        raise not_allowed("resume", resume, "true, false")
    return resume


def _studies(studies: Any) -> dict[str, str]:
    if not isinstance(studies, dict) or not all(isinstance(overrides, str) for overrides in studies.values()):
        raise not_allowed("studies", studies, "overrides by the name of a study, as in {mine: +experiment=copy_task}")
    return {_study_name(name): overrides for name, overrides in studies.items()}


def _united(sweeps: Sequence[Sequence[JobConfig]], invocation: Invocation) -> list[JobConfig]:
    """Return the jobs of all sweeps, each once; within one sweep a value twice is refused."""
    for jobs in sweeps:
        if any(job in jobs[:index] for index, job in enumerate(jobs)):
            swept = [override for override in invocation.overrides if "," in override][:DUPLICATES_NAMED]
            raise ConfigError(f"{' '.join(swept) or 'the sweep'}: a value twice: allowed: each job once")
    united: list[JobConfig] = []
    for job in (job for jobs in sweeps for job in jobs):
        if job not in united:
            united.append(job)
    return united


def _in_one_line(error: Exception, invocation: Invocation) -> ConfigError:
    """Say Hydra's many-line errors in one line."""
    text = str(error)
    unknown = re.search(
        r"Could not find '(.+?)/([^/']+)'\s+Available options in '.+?':\s+(.+?)\s*Config search", text, re.S
    )
    if unknown:
        group, name, options = unknown.groups()
        return not_allowed(group, name, ", ".join(options.split()))
    if isinstance(error, ConfigCompositionException):
        key = re.search(r"(?:Could not override|Error merging override) '?([^'\s]+)'?", text)
        if key:
            return _unknown_key(key.group(1), invocation)
    line = " ".join(text.split("\nSee http", maxsplit=1)[0].split("\nConfig search path", maxsplit=1)[0].split())
    if isinstance(error, OverrideParseException):
        return ConfigError(f"{error.override}: allowed: key=value, key=value1,value2 to sweep ({line[:120]})")
    return ConfigError(line[:300])


def _unknown_key(path: str, invocation: Invocation) -> ConfigError:
    override = next((o for o in invocation.overrides if o.lstrip("+~").startswith(path.lstrip("+~"))), path)
    key, _, value = override.partition("=")
    parent = key.lstrip("+~").rpartition(".")[0]
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
        config = compose("config")
    node = OmegaConf.select(config, parent) if parent else config
    allowed = ", ".join(str(name) for name in node if name != TARGET) if OmegaConf.is_dict(node) else "a known group"
    return not_allowed(key, value, f"the keys {allowed}")
