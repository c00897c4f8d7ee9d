"""The lags that a search for a span may try, from the shortest that its task and its cell take."""

from collections.abc import Callable, Sequence

from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.config.schema import JobConfig, RootConfig
from lstm_bench.lag_grid import quarter_octaves

LAG, AUTO = "task.lag", "auto"
LONGEST_SHORTEST = 64  # without a lag up to this one a task or cell is refused
MEASURES = ("training", "sensitivity")


def searched_lags(settings: RootConfig, max_lag: int, job_at: Callable[[int], JobConfig]) -> list[int]:
    """Return the lags that may be tried, ascending.

    Args:
        settings: the settings of the study.
        max_lag: the longest lag that may be tried.
        job_at: returns the job at a lag.

    Raises: ConfigError where the study does not train, and where task and cell take no lag up to `max_lag`.
    """
    if settings.measure not in MEASURES:
        raise not_allowed(LAG, AUTO, f"a lag, with measure={settings.measure}")
    if job_at(1).trainer.steps == 0:
        raise not_allowed(LAG, AUTO, "a lag, as members that are not trained have no span (trainer.steps=0)")
    shortest = _shortest_lag(job_at)
    if _refusal(job_at(2 * shortest)) and (refusal := _refusal(job_at(shortest + 1))):
        raise not_allowed(LAG, AUTO, f"a task of several lags ({refusal})")
    if shortest > max_lag:
        raise not_allowed("span.max_lag", max_lag, f"at least {shortest}, the shortest lag that is possible")
    return quarter_octaves(shortest, max_lag)


def check_alone(lags: Sequence[str]) -> None:
    """Check the lags of a sweep.

    Raises: ConfigError where both `auto` and lags are given.
    """
    different = list(dict.fromkeys(lags))
    if AUTO in different and len(different) > 1:
        raise not_allowed(LAG, ",".join(different), f"{AUTO} alone, or lags")


def _shortest_lag(job_at: Callable[[int], JobConfig]) -> int:
    refusal = None
    for lag in range(1, LONGEST_SHORTEST + 1):
        refusal = _refusal(job_at(lag))
        if refusal is None:
            return lag
    raise refusal or ConfigError()


def _refusal(job: JobConfig) -> ConfigError | None:
    """Return why a task and its cell cannot be made, None where they can."""
    from lstm_bench.engine.process_setup import prepare_process

    prepare_process()  # before torch, which tasks are made of
    from lstm_bench.config.objects import build_job

    try:
        build_job(job)
    except ConfigError as error:
        return error
    return None
