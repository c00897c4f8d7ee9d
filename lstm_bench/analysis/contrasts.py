"""Cell against cell: whether members of one solve sooner than those of the reference, lag by lag and over all lags."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.log_rank import log_rank
from lstm_bench.analysis.solving import times_to_solve, was_trained
from lstm_bench.analysis.statistics import (
    SIGNIFICANT,
    UNKNOWN,
    holm,
    interval_columns,
    probability_of_improvement,
    smallest_p_value,
)
from lstm_bench.analysis.survival import Times, restricted_mean, restricted_mean_ratio
from lstm_bench.records.plan import JobPlan

NO_EVENTS = "no events: nobody solved"
NO_MEMBERS = "one side has no members"
TOO_FEW = "too few members for p < 0.05"
COLUMNS = (
    "study", "task", "variant", "cell", "reference", "lag", "budget", "n", "n_reference", "solved", "solved_reference",
    "left_out", "steps_mean", "steps_mean_low", "steps_mean_high", "steps_mean_reference", "steps_mean_reference_low",
    "steps_mean_reference_high", "steps_ratio", "steps_ratio_low", "steps_ratio_high", "improvement", "improvement_low",
    "improvement_high", "lags", "z", "p", "p_holm", "smallest_p", "smallest_p_holm", "note",
)  # fmt: skip


@cache_per_study
def contrasts(study: StudyData) -> pd.DataFrame:
    """Return each cell against the reference, the first cell of the plan: a row a lag, and one over all lags.

    A member that did not solve, or diverged, is censored at the budget, the smaller one where they differ, and never
    dropped. Failed, missing and untrained members are left out and counted. A lag that is not planned for both cells
    has no row, and neither does a cell that shares no lag with the reference. There are no rows at all where fewer than
    two cells are planned, or none was trained.

    lag: NA in the row over all lags.
    n, solved, with _reference: members that ran to their end, and those of them that solved; left_out: the others.
    steps_mean, with _reference, each with _low, _high: mean steps to solve counted up to the budget, see
    `restricted_mean`; steps_ratio: over the reference's. NaN over all lags.
    improvement, _low, _high: probability that a member of the cell solves sooner than one of the reference, ties, and
    two that never solve, counting half; see `probability_of_improvement`. Over all lags: the mean over the lags at
    which any member solved, the lags being the strata.
    lags: the number of lags at which any member solved, which improvement, z and p are over; 1 or 0 at a lag.
    z, p: log-rank test, exact or by permutation, see `log_rank`; above 0 where the cell solves sooner. Over all lags it
    is stratified by lag: differences at one lag are added to those at others, so that few members a lag suffice.
    p_holm: adjusted by Holm over its family: all tests at single lags of the task, cells and lags together; the tests
    over all lags are a family of their own, one test a cell. What was not tested is in no family.
    smallest_p, smallest_p_holm: what p and p_holm cannot fall below whatever the members do.
    note: why p says little: "no events: nobody solved", "one side has no members" (p is NaN), "too few members for p
    < 0.05"; else "".
    """
    rows = [row for one_task in study.by_task() for row in _of_task(one_task)]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(("lag", "budget"), "Int64"))


@dataclass(frozen=True)
class _Pair:
    """A cell and the reference at one lag, both censored at the same budget."""

    cell: str
    lag: int
    budget: int
    planned: int
    times: Times
    reference: Times


def _of_task(study: StudyData) -> list[dict[str, Any]]:
    if not was_trained(study):
        return []
    by_cell = {cell: _pairs(study, cell) for cell in study.cells[1:]}
    by_lag = [_at_lag(study, pair) for pairs in by_cell.values() for pair in pairs]
    pooled = [_over_lags(study, cell, pairs) for cell, pairs in by_cell.items() if pairs]
    return _with_holm(by_lag) + _with_holm(pooled)


def _pairs(study: StudyData, cell: str) -> list[_Pair]:
    jobs, references = ({job.lag: job for job in study.plan.jobs if job.cell == c} for c in (cell, study.cells[0]))
    return [_pair(study, jobs[lag], references[lag]) for lag in sorted(jobs.keys() & references.keys())]


def _pair(study: StudyData, job: JobPlan, reference: JobPlan) -> _Pair:
    budget = min(job.steps, reference.steps)
    times = [times_to_solve(study, side.cell, side.lag).up_to(budget) for side in (job, reference)]
    return _Pair(job.cell, job.lag, budget, len(job.seeds) + len(reference.seeds), *times)


def _at_lag(study: StudyData, pair: _Pair) -> dict[str, Any]:
    return {
        **_labels(study, pair.cell),
        "lag": pair.lag,
        "budget": pair.budget,
        **_counts([pair]),
        **interval_columns("steps_mean", restricted_mean(*pair.times, pair.budget)),
        **interval_columns("steps_mean_reference", restricted_mean(*pair.reference, pair.budget)),
        **interval_columns("steps_ratio", restricted_mean_ratio(pair.times, pair.reference, pair.budget)),
        **_test([pair]),
    }


def _over_lags(study: StudyData, cell: str, pairs: Sequence[_Pair]) -> dict[str, Any]:
    budgets = {pair.budget for pair in pairs}
    budget = budgets.pop() if len(budgets) == 1 else None
    return {**_labels(study, cell), "lag": None, "budget": budget, **_counts(pairs), **_test(pairs)}


def _labels(study: StudyData, cell: str) -> dict[str, Any]:
    return study.labels | {"cell": cell, "reference": study.cells[0]}


def _counts(pairs: Sequence[_Pair]) -> dict[str, int]:
    n, n_reference = sum(pair.times.n for pair in pairs), sum(pair.reference.n for pair in pairs)
    return {
        "n": n,
        "n_reference": n_reference,
        "solved": sum(len(pair.times.solved_at) for pair in pairs),
        "solved_reference": sum(len(pair.reference.solved_at) for pair in pairs),
        "left_out": sum(pair.planned for pair in pairs) - n - n_reference,
    }


def _test(pairs: Sequence[_Pair]) -> dict[str, Any]:
    """Return the columns of the tests for a difference over some lags, each a stratum."""
    shared = [(pair.times, pair.reference) for pair in pairs if pair.times.n and pair.reference.n]
    eventful = tuple((times, reference) for times, reference in shared if times.solved_at or reference.solved_at)
    scores = [(_scores(times), _scores(reference)) for times, reference in eventful]
    z, p = log_rank(eventful)
    smallest = min(1.0, 2 * math.prod(smallest_p_value(times.n, reference.n) / 2 for times, reference in eventful))
    note = NO_MEMBERS if not shared else NO_EVENTS if not eventful else TOO_FEW if smallest >= SIGNIFICANT else ""
    return {
        **interval_columns("improvement", probability_of_improvement(scores) if scores else UNKNOWN),
        "lags": len(eventful),
        "z": z,
        "p": p,
        "smallest_p": smallest if eventful else math.nan,
        "note": note,
    }


def _scores(times: Times) -> list[float]:
    """Return each member's score: the sooner it solved the higher, the lowest of all where it never did."""
    return [*(-time for time in times.solved_at), *[-math.inf] * len(times.unsolved_until)]


def _with_holm(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of one family of tests with p_holm, and with the least p_holm that any of them could reach."""
    adjusted = holm([row["p"] for row in rows])
    reachable = [row["smallest_p"] for row in rows if not math.isnan(row["smallest_p"])]
    least = min(1.0, len(reachable) * min(reachable, default=math.nan))
    return [
        row | {"p_holm": p, "smallest_p_holm": math.nan if math.isnan(p) else least}
        for row, p in zip(rows, adjusted, strict=True)
    ]
