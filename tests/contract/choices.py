"""What conf/ holds, by group, and its studies, each composed once for all tests of a file."""

from functools import cache

from lstm_bench.conf_folder import conf_dir
from lstm_bench.config.composing import Invocation, compose_study
from lstm_bench.config.schema import StudyConfig


def names(group: str, folder: str = "") -> list[str]:
    paths = (conf_dir() / group / folder).glob("*.yaml")
    return sorted(path.relative_to(conf_dir() / group).with_suffix("").as_posix() for path in paths)


@cache
def composed(*overrides: str) -> StudyConfig:
    """Return a study, composed once for all tests."""
    return compose_study(Invocation(overrides))


def whole(experiment: str) -> StudyConfig:
    """Return an experiment with all its cells and tasks; where a search finds the lags, at one lag, which is sooner."""
    finds_lags = "lag: auto" in (conf_dir() / "experiment" / f"{experiment}.yaml").read_text()
    return composed(f"+experiment={experiment}", *(["task.lag=5"] if finds_lags else []))
