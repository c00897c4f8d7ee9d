"""The lags that a search for a span may try on a task, from the shortest that the task takes."""

from collections.abc import Callable

from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.config.schema import JobConfig, RootConfig
from lstm_bench.lag_grid import quarter_octaves

LAG, AUTO = "task.lag", "auto"
LONGEST_SHORTEST = 64  # a task without a lag up to this one is refused
MEASURES = ("training", "sensitivity")


def searched_lags(settings: RootConfig, max_lag: int, job_at: Callable[[int], JobConfig]) -> list[int]:
    """Return the lags that may be tried, ascending.

    Args:
        settings: those of the study.
        max_lag: the longest lag that may be tried.
        job_at: returns the job at a lag.

    Raises: ConfigError where the study does not train, and where the task takes no lag up to `max_lag`.
    """
    if settings.measure not in MEASURES:
        raise not_allowed(LAG, AUTO, f"a lag, with measure={settings.measure}")
    if job_at(1).trainer.steps == 0:
        raise not_allowed(LAG, AUTO, "a lag, as members that are not trained have no span (trainer.steps=0)")
    shortest = _shortest_lag(job_at)
    if shortest > max_lag:
        raise not_allowed("span.max_lag", max_lag, f"at least {shortest}, the shortest lag of the task")
    return quarter_octaves(shortest, max_lag)


def _shortest_lag(job_at: Callable[[int], JobConfig]) -> int:
    from lstm_bench.engine.process_setup import prepare_process

    prepare_process()  # before torch, which tasks are made of
    from lstm_bench.config.objects import make_task

    refusal = ConfigError()
    for lag in range(1, LONGEST_SHORTEST + 1):
        try:
            make_task(job_at(lag))
        except ConfigError as error:
            refusal = error
        else:
            return lag
    raise refusal
