"""What Hydra's launcher is asked for, and how many jobs it runs at a time."""

from collections.abc import Iterable, Mapping
from typing import Any

from lstm_bench.config.building import TARGET
from lstm_bench.config.quoting import quoted
from lstm_bench.config.schema import StudyConfig


def launch_arguments(config: StudyConfig, numbers: Iterable[int]) -> list[str]:
    """Return what Hydra is asked for: jobs of the plan, by number, with the launcher and folders of the study.

    Everything else about a job stands in the plan, which knows more jobs than a sweep can name.
    """
    jobs = ",".join(str(number) for number in numbers)
    output = f"output={quoted(str(config.output.expanduser().resolve()))}"
    return [*config.overrides, "hydra.sweeper.params=null", output, f"+job={jobs}"]


def jobs_at_once(launcher: Mapping[str, Any], cores: int) -> int:
    """Return how many jobs a launcher trains at a time, at most one a core.

    Args:
        launcher: its settings: `n_jobs` is joblib's, where -1 is a job for every core and -2 for all but one.
        cores: how many may be used.
    """
    if str(launcher[TARGET]).endswith(".BasicLauncher"):
        return 1
    n_jobs = launcher.get("n_jobs", -1) or 1  # joblib takes null for 1
    return max(1, min(cores, n_jobs if n_jobs > 0 else cores + 1 + n_jobs))
