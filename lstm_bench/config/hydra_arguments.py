"""Prepare the arguments of Hydra: quote names and paths, bound the size of a sweep, and choose the jobs to launch.

Hydra parses an unquoted value in its own grammar: it refuses '#' or 'ü', splits at a comma, and reads 1_000 as a
number and Nan as NaN.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from hydra.core.override_parser.types import Override

from lstm_bench.config.building import TARGET
from lstm_bench.config.errors import not_allowed
from lstm_bench.config.schema import StudyConfig

TEXT_OVERRIDE = re.compile(r"(\+{0,2}(study|output|published|tracking\.uri)=)([^'\"].*)", re.DOTALL)
MAY_BE_NULL = ("published", "tracking.uri")
MOST_PROCESSES = 1_000
MOST_JOBS = 10_000
QUEUED_AT_ONCE = "array_parallelism"
CHOICE = re.compile(r"(\+{0,2}([^=@~+]+)(?:@[^=]*)?=)([^'\"()\[\]{}$]+)")

PLAIN_NAME = re.compile(r"(?!(null|true|false|nan|inf)$)[a-z_][a-z0-9_/.-]*", re.IGNORECASE)  # Hydra takes it as it is


def quoted(text: str) -> str:
    """Return text as a quoted string of Hydra's grammar; ${...} in it stays an interpolation."""
    escaped = re.sub(r'(\\*)("|$)', lambda match: match[1] * 2 + (r"\"" if match[2] else ""), text)
    return f'"{escaped}"'


def as_typed(override: str, groups: Collection[str] = ()) -> str:
    """Return an override with its value quoted if it is unquoted free text; return any other unchanged.

    Free text is a name or path of TEXT_OVERRIDE, or the names of yaml files of the `groups`, separated by commas.
    """
    if text := TEXT_OVERRIDE.fullmatch(override):
        prefix, key, value = text.groups()
        return override if value == "null" and key in MAY_BE_NULL else prefix + quoted(value)
    if (choice := CHOICE.fullmatch(override)) and choice[2] in groups:
        names = [name.strip() for name in choice[3].split(",")]
        quoted_names = [name if PLAIN_NAME.fullmatch(name) else quoted(name) for name in names]
        return choice[1] + ",".join(quoted_names) if all(names) else override
    return override


def with_resolved(arguments: Sequence[str], resolved: Mapping[str, str]) -> list[str]:
    """Return the arguments of a command with these values, by key, in place of interpolations such as ${now:%H}.

    Otherwise each process, and a later command, would resolve an interpolation to a value of its own.
    """
    others = [argument for argument in arguments if argument.lstrip("+").partition("=")[0] not in resolved]
    return [*others, *(f"{key}={value}" for key, value in resolved.items())]


def launch_arguments(config: StudyConfig, numbers: Iterable[int]) -> list[str]:
    """Return the arguments that launch jobs of the plan, by number, with the launcher and folders of the study.

    The plan holds everything else about a job, as it may have jobs that no sweep can express.
    """
    jobs = ",".join(str(number) for number in numbers)
    names = {"study": config.study, "output": str(config.output.expanduser().resolve())}
    overrides = with_resolved(config.overrides, {key: quoted(value) for key, value in names.items()})
    return [*overrides, "hydra.sweeper.params=null", f"+job={jobs}"]


def jobs_at_once(launcher: Mapping[str, Any], cores: int) -> int:
    """Return how many jobs a launcher trains at a time: at most one a core of this machine, or a queue's limit.

    Args:
        launcher: its settings: `array_parallelism` is a queue's, `n_jobs` joblib's, where -1 is a job for every core
            and -2 for all but one.
        cores: how many cores may be used.

    Raises: ConfigError for an `n_jobs` that joblib cannot start, and an `array_parallelism` that is no such number.
    """
    if str(launcher[TARGET]).endswith(".BasicLauncher"):
        return 1
    if (queued := launcher.get(QUEUED_AT_ONCE)) is not None:
        if not isinstance(queued, int) or queued < 1:
            raise not_allowed(f"hydra.launcher.{QUEUED_AT_ONCE}", queued, "an integer of at least 1")
        return queued
    n_jobs = launcher.get("n_jobs", -1) or 1  # joblib takes null for 1
    if abs(n_jobs) > MOST_PROCESSES:
        raise not_allowed(
            "hydra.launcher.n_jobs", n_jobs, f"an integer of at most {MOST_PROCESSES:,}; -1 for all cores"
        )
    return max(1, min(cores, n_jobs if n_jobs > 0 else cores + 1 + n_jobs))


def check_sweep_size(overrides: Sequence[Override]) -> None:
    """Check the number of jobs of a sweep, the product of the numbers of values of its keys, before it is expanded.

    Raises: ConfigError for more than MOST_JOBS; it names the key whose values make them too many.
    """
    jobs = 1
    for override in overrides:
        if override.is_discrete_sweep():
            jobs *= sum(1 for _ in islice(override.sweep_string_iterator(), MOST_JOBS + 1))
            if jobs > MOST_JOBS:
                value = (override.input_line or "").partition("=")[2]
                raise not_allowed(override.key_or_group, value, f"a sweep of at most {MOST_JOBS:,} jobs")
