"""The arguments that Hydra gets: paths quoted so that it takes them as typed, and the jobs of a plan to launch.

Hydra parses an unquoted value in its own grammar: it refuses '#' or 'ü', splits at a comma, and reads 1_000 as a
number.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lstm_bench.config.building import TARGET
from lstm_bench.config.schema import StudyConfig

PATH_OVERRIDE = re.compile(r"(\+{0,2}output=)([^'\"].*)", re.DOTALL)


def quoted(text: str) -> str:
    """Return text as a quoted string of Hydra's grammar; ${...} in it stays an interpolation."""
    escaped = re.sub(r'(\\*)("|$)', lambda match: match[1] * 2 + (r"\"" if match[2] else ""), text)
    return f'"{escaped}"'


def as_typed(override: str) -> str:
    """Return an override with its value quoted if it is an unquoted path; return any other unchanged."""
    match = PATH_OVERRIDE.fullmatch(override)
    return match[1] + quoted(match[2]) if match else override


def launch_arguments(config: StudyConfig, numbers: Iterable[int]) -> list[str]:
    """Return the arguments that launch jobs of the plan, by number, with the launcher and folders of the study.

    The plan holds everything else about a job, as it may have jobs that no sweep can express.
    """
    jobs = ",".join(str(number) for number in numbers)
    output = f"output={quoted(str(config.output.expanduser().resolve()))}"
    return [*config.overrides, "hydra.sweeper.params=null", output, f"+job={jobs}"]


def jobs_at_once(launcher: Mapping[str, Any], cores: int) -> int:
    """Return how many jobs a launcher trains at a time, at most one a core.

    Args:
        launcher: its settings: `n_jobs` is joblib's, where -1 is a job for every core and -2 for all but one.
        cores: how many cores may be used.
    """
    if str(launcher[TARGET]).endswith(".BasicLauncher"):
        return 1
    n_jobs = launcher.get("n_jobs", -1) or 1  # joblib takes null for 1
    return max(1, min(cores, n_jobs if n_jobs > 0 else cores + 1 + n_jobs))
