"""The arguments of Hydra's launcher, and how many jobs it runs at a time."""

from collections.abc import Iterable, Mapping
from typing import Any

from lstm_bench.config.building import TARGET
from lstm_bench.config.quoting import quoted
from lstm_bench.config.schema import StudyConfig


def launch_arguments(config: StudyConfig, numbers: Iterable[int]) -> list[str]:
    """Return Hydra's arguments: jobs of the plan, by number, with the launcher and folders of the study.

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
