"""The share of a job's work that is done, by its progress in the records: for a study's display and its status."""

from collections.abc import Mapping
from typing import Any

from lstm_bench.records.plan import JobPlan

PHASES = {"tuning": "tuning", "report": "training"}  # of a job in words, by the role of its members
LEAST_SHARE_FOR_ETA = 0.02  # of all work, to be done before the time left is estimated


def work(job: JobPlan) -> float:
    """Return a job's worst-case work, proportional to its multiply-adds."""
    return _tuning_work(job) + _cost(job) * len(job.seeds) * max(1, job.steps)


def share_done(job: JobPlan, progress: Mapping[str, Any]) -> float:
    """Return the share of a job's worst-case work that is done.

    Args:
        job: the job.
        progress: the progress that it wrote last, empty before it starts.
    """
    if not progress:
        return 0.0
    if progress["phase"] == "done":
        return 1.0
    tuning = _tuning_work(job) / work(job)
    within = float(progress["step"] / progress["steps"])
    return tuning * within if progress["phase"] == "tuning" else tuning + (1 - tuning) * within


def seconds_left(elapsed: float, share: float, share_before: float) -> float | None:
    """Return the seconds that a study still takes at most, None where it is too early to estimate them.

    Args:
        elapsed: seconds since the invocation began.
        share: the share of all work that is done.
        share_before: the share that earlier invocations had done, in none of this one's time.
    """
    newly_done = share - share_before
    return elapsed * (1 - share) / newly_done if newly_done > LEAST_SHARE_FOR_ETA else None


def clock(seconds: float) -> str:
    """Return a duration as minutes and seconds: "2:05"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _tuning_work(job: JobPlan) -> float:
    return _cost(job) * job.most_tuning_steps


def _cost(job: JobPlan) -> float:
    return float(job.n_parameters_core * job.length)
