"""How many members solved, at which lag, how soon, and the span that follows."""

from collections.abc import Collection, Iterator
from typing import Any

import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.memory_span import MemorySpan, learned_span
from lstm_bench.analysis.statistics import Interval, wilson
from lstm_bench.analysis.survival import Times, median_time
from lstm_bench.records.schema import WITHOUT_RESULT

ATTEMPTS = ("solved", "learning", "plateau", "diverged")  # ran to their end
UNTRAINED = "untrained"  # looked at as it started, with no budget
STATUSES = (*ATTEMPTS, UNTRAINED, *WITHOUT_RESULT, "missing")


@cache_per_study
def solve_rates(study: StudyData) -> pd.DataFrame:
    """Return one row a (task, variant, cell, lag): members by status, and the share solved with its Wilson interval.

    `attempts` are the members that ran to their end; untrained, failed and missing ones say nothing about the cell.
    `rate`, `rate_low` and `rate_high` are NaN without attempts.
    """
    return pd.DataFrame([row for one in study.by_task() for row in _rates(one)])


def _rates(study: StudyData) -> Iterator[dict[str, object]]:
    job = study.plan.jobs[0]
    planned = {(job.cell, job.lag) for job in study.plan.jobs}
    found: dict[Any, int] = study.members.groupby(["cell", "lag"])["status"].value_counts().to_dict()
    for cell, lag in ((cell, lag) for cell in study.cells for lag in study.lags if (cell, lag) in planned):
        counts = {status: found.get((cell, lag, status), 0) for status in STATUSES}
        attempts = sum(counts[status] for status in ATTEMPTS)
        share = wilson(counts["solved"], attempts)
        labels = {"study": study.plan.study, "task": job.task, "variant": job.variant, "cell": cell, "lag": lag}
        numbers = {"planned": sum(counts.values()), "attempts": attempts, **counts}
        yield {**labels, **numbers, "rate": share.middle, "rate_low": share.low, "rate_high": share.high}


@cache_per_study
def members_at(study: StudyData, cell: str, lag: int) -> pd.DataFrame:
    """Return the members of one cell at one lag, of a study narrowed to one task."""
    return study.members.loc[(study.members["cell"] == cell) & (study.members["lag"] == lag)]


@cache_per_study
def spans(study: StudyData) -> dict[str, MemorySpan]:
    """Return each cell's learned span, of a study narrowed to one task."""
    rates = solve_rates(study)
    by_cell = {cell: rates.loc[rates["cell"] == cell] for cell in study.cells}
    return {
        cell: learned_span(rows["lag"].tolist(), rows["solved"].tolist(), rows["attempts"].tolist())
        for cell, rows in by_cell.items()
    }


def steps_to_solve(study: StudyData, cell: str, lag: int) -> Interval:
    """Return the Kaplan-Meier median of optimiser steps to solve, with its interval."""
    return median_time(*times_to_solve(study, cell, lag))


def times_to_solve(study: StudyData, cell: str, lag: int) -> Times:
    """Return the optimiser steps to solve of a cell's attempts at one lag, of a study narrowed to one task.

    Members that did not solve, the diverged among them, are censored at the budget; failed and missing ones are no
    attempts.
    """
    members = members_at(study, cell, lag)
    solved = members.loc[members["status"] == "solved", "steps_to_solve"]
    others = members.loc[members["status"].isin(ATTEMPTS[1:]), "budget"].astype(float)
    return Times(tuple(solved.tolist()), tuple(others.tolist()))


def longest_mostly_solved(study: StudyData, cell: str, among: Collection[int] | None = None) -> int | None:
    """Return the longest lag, of some if so asked, that more than half of a cell's attempts solved; None without."""
    rates = solve_rates(study)
    lags = rates.loc[(rates["cell"] == cell) & (2 * rates["solved"] > rates["attempts"]), "lag"]
    return max((int(lag) for lag in lags if among is None or lag in among), default=None)


def members_a_lag(study: StudyData) -> tuple[int, int]:
    """Return the fewest and the most attempts at any (cell, lag) that has some; zeros where nothing ran."""
    attempts = solve_rates(study)["attempts"]
    some = attempts.loc[attempts > 0]
    return (0, 0) if some.empty else (int(some.min()), int(some.max()))


def was_trained(study: StudyData) -> bool:
    """Tell whether a study had a budget: one without looks at members as they start, and can solve nothing."""
    return any(job.steps > 0 for job in study.plan.jobs)
