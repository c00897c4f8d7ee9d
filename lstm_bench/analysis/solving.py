"""How many members solved, at which lag, how soon, the span that follows, and whether the budget limits it."""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.memory_span import MemorySpan, SpanRatio, learned_span
from lstm_bench.analysis.span_growth import span_growth
from lstm_bench.analysis.statistics import Interval, interval_columns, wilson
from lstm_bench.analysis.survival import Times, median_time
from lstm_bench.records.schema import WITHOUT_RESULT

ATTEMPTS = ("solved", "learning", "plateau", "diverged")  # ran to their end
UNTRAINED = "untrained"  # measured as it started, with no budget
HALF_OF_BUDGET, GROWTH = 0.5, 1.1  # GROWTH is a ratio of spans
STATUSES = (*ATTEMPTS, UNTRAINED, *WITHOUT_RESULT, "missing")


class Counts(NamedTuple):
    """Members of one cell that solved, and that ran to their end, lag by lag."""

    lags: list[int]
    solved: list[int]
    attempts: list[int]


@cache_per_study
def solve_rates(study: StudyData) -> pd.DataFrame:
    """Return one row a (task, variant, cell, lag): members by status, and the share solved with its Wilson interval.

    `attempts` are the members that ran to their end; untrained, failed and missing ones say nothing about the cell.
    `rate`, `rate_low` and `rate_high` are NaN without attempts.
    """
    return pd.DataFrame([row for one_task in study.by_task() for row in _rates(one_task)])


def _rates(study: StudyData) -> Iterator[dict[str, object]]:
    planned = {(job.cell, job.lag) for job in study.plan.jobs}
    counted: dict[Any, int] = study.members.groupby(["cell", "lag"])["status"].value_counts().to_dict()
    for cell, lag in ((cell, lag) for cell in study.cells for lag in study.lags if (cell, lag) in planned):
        counts = {status: counted.get((cell, lag, status), 0) for status in STATUSES}
        attempts = sum(counts[status] for status in ATTEMPTS)
        share = wilson(counts["solved"], attempts)
        numbers = {"planned": sum(counts.values()), "attempts": attempts, **counts}
        yield {**study.labels, "cell": cell, "lag": lag, **numbers, **interval_columns("rate", share)}


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


@cache_per_study
def spans_within(study: StudyData, fraction: float) -> dict[str, MemorySpan]:
    """Return each cell's learned span within a fraction of the budget, of a study narrowed to one task.

    A member that solved later than that counts as an attempt that did not solve.
    """
    return {cell: learned_span(*_counts_within(study, cell, fraction)) for cell in study.cells}


def _counts_within(study: StudyData, cell: str, fraction: float) -> Counts:
    rates, solved = solve_rates(study), _solved_within(study, fraction)
    rows = rates.loc[rates["cell"] == cell]
    lags = rows["lag"].tolist()
    return Counts(lags, [solved.get((cell, lag), 0) for lag in lags], rows["attempts"].tolist())


@cache_per_study
def _solved_within(study: StudyData, fraction: float) -> dict[tuple[str, int], int]:
    members = study.members
    is_in_time = (members["status"] == "solved") & (members["steps_to_solve"] <= fraction * members["budget"])
    counts: Any = members.loc[is_in_time].groupby(["cell", "lag"]).size().to_dict()
    return dict(counts)


@cache_per_study
def growth_of_span(study: StudyData, cell: str) -> SpanRatio:
    """Return a cell's T50 within the whole budget over that within the half, of a study narrowed to one task.

    Both are of the same members, and the interval is that of `span_growth`.
    """
    half, whole = (_counts_within(study, cell, fraction) for fraction in (HALF_OF_BUDGET, 1.0))
    return span_growth(whole.lags, half.solved, whole.solved, whole.attempts)


def is_budget_limited(study: StudyData, cell: str) -> bool:
    """Return whether T50 of a cell still grows with the budget, of a study narrowed to one task.

    It does where T50 within the whole budget is more than 10% above that within the half, and the 95% interval of
    their ratio lies above 1.
    """
    ratio = growth_of_span(study, cell)
    return ratio.median > GROWTH and ratio.low > 1


def steps_to_solve(study: StudyData, cell: str, lag: int) -> Interval:
    """Return the Kaplan-Meier median of optimiser steps to solve, with its interval."""
    return median_time(*times_to_solve(study, cell, lag))


def times_to_solve(study: StudyData, cell: str, lag: int) -> Times:
    """Return the optimiser steps to solve of a cell's attempts at one lag, of a study narrowed to one task.

    Members that did not solve, diverged ones included, are censored at the budget; failed and missing ones are not
    attempts.
    """
    members = members_at(study, cell, lag)
    solved = members.loc[members["status"] == "solved", "steps_to_solve"]
    others = members.loc[members["status"].isin(ATTEMPTS[1:]), "budget"].astype(float)
    return Times(tuple(solved.tolist()), tuple(others.tolist()))


def longest_mostly_solved(study: StudyData, cell: str, among: Collection[int] | None = None) -> int | None:
    """Return the longest lag, of `among` if set, that more than half of a cell's attempts solved; None without one."""
    rates = solve_rates(study)
    lags = rates.loc[(rates["cell"] == cell) & (2 * rates["solved"] > rates["attempts"]), "lag"]
    return max((int(lag) for lag in lags if among is None or lag in among), default=None)


def members_a_lag(study: StudyData) -> tuple[int, int]:
    """Return the fewest and the most attempts at any (cell, lag) that has some; zeros where nothing ran."""
    attempts = solve_rates(study)["attempts"]
    tried = attempts.loc[attempts > 0]
    return (0, 0) if tried.empty else (int(tried.min()), int(tried.max()))


def lags_tried(study: StudyData) -> int:
    """Return at how many lags some member was trained to its end, of a study narrowed to one task."""
    rates = solve_rates(study)
    return int(rates.loc[rates["attempts"] > 0, "lag"].nunique())


def was_trained(study: StudyData) -> bool:
    """Return whether a study had a budget; without one its members are measured as they start, and none can solve."""
    return any(job.steps > 0 for job in study.plan.jobs)
