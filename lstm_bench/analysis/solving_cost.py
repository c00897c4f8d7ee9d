"""What it costs a cell to solve each lag, in steps and in FLOPs, and how the cost grows with the lag."""

import math
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args

import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.power_law import Attempt, PowerLaw, fit_power_law
from lstm_bench.analysis.solving import ATTEMPTS, lags_tried, members_at
from lstm_bench.analysis.statistics import Interval, interval_columns
from lstm_bench.analysis.survival import median_time
from lstm_bench.records.plan import JobPlan

Cost = Literal["steps", "flops"]
COLUMNS = (
    "study", "task", "variant", "cell", "cost", "lag", "solved", "attempts", "budget",
    *(f"{name}{end}" for name in ("median", "exponent") for end in ("", "_low", "_high")),
)  # fmt: skip


class Tried(NamedTuple):
    """The attempts at one lag: costs of the members that solved, as (later than, by), and the budget of the others."""

    lag: int
    solved: list[tuple[float, float]]
    unsolved: list[float]
    budget: float

    @property
    def median(self) -> Interval:
        """What half of the members need at most, Kaplan-Meier, see `median_time`; inf where half do not solve."""
        return median_time([by for _, by in self.solved], self.unsolved)


@cache_per_study
def costs_to_solve(study: StudyData) -> pd.DataFrame:
    """Return what solving takes, a row a cell, cost and lag with attempts, of a study narrowed to one task.

    cost: "steps" of the optimiser, or "flops", which are steps times the FLOPs of one member's training step.
    median, median_low, median_high: over members, Kaplan-Meier, see `median_time`; inf where half do not solve.
    budget: what a member could spend. exponent, exponent_low, exponent_high: those of `cost_law`, for all lags.

    There are no rows for a study that was trained at fewer than two lags.
    """
    rows = [row for cell in study.cells for cost in get_args(Cost) for row in _rows(study, cell, cost)]
    return pd.DataFrame(rows if lags_tried(study) > 1 else [], columns=list(COLUMNS))


def _rows(study: StudyData, cell: str, cost: Cost) -> Iterator[dict[str, Any]]:
    law = interval_columns("exponent", cost_law(study, cell, cost).exponent)
    for tried in tried_lags(study, cell, cost):
        counts = {"solved": len(tried.solved), "attempts": len(tried.solved) + len(tried.unsolved)}
        labels = {**study.labels, "cell": cell, "cost": cost, "lag": tried.lag}
        yield {**labels, **counts, "budget": tried.budget, **interval_columns("median", tried.median), **law}


@cache_per_study
def cost_law(study: StudyData, cell: str, cost: Cost) -> PowerLaw:
    """Return how a cost grows with the lag, cost ~ lag^a, of a study narrowed to one task; see `fit_power_law`.

    A member is known to have solved between two evaluations. It counts as solved at the second in a row, so that all
    steps to solve are one interval between evaluations longer than learning took.
    """
    attempts: list[Attempt] = []
    for lag, solved, unsolved, _ in tried_lags(study, cell, cost):
        attempts += [Attempt(lag, later_than, by) for later_than, by in solved]
        attempts += [Attempt(lag, budget, math.inf) for budget in unsolved]
    return fit_power_law(attempts)


def tried_lags(study: StudyData, cell: str, cost: Cost) -> list[Tried]:
    """Return the attempts of a cell at each lag that has some, the shortest first, of a study narrowed to one task."""
    jobs = sorted((job for job in study.plan.jobs if job.cell == cell), key=lambda job: job.lag)
    tried = [_tried_in(study, job, cost) for job in jobs]
    return [each for each in tried if each.solved or each.unsolved]


def _tried_in(study: StudyData, job: JobPlan, cost: Cost) -> Tried:
    unit = job.flops if cost == "flops" else 1.0
    eval_every = int(job.config["trainer"].get("eval_every", 1))
    members = members_at(study, job.cell, job.lag)
    steps = members.loc[members["status"] == "solved", "steps_to_solve"]
    solved = [((step - 1) // eval_every * eval_every * unit, step * unit) for step in steps]
    n_unsolved = int(members["status"].isin(ATTEMPTS[1:]).sum())
    return Tried(job.lag, solved, [job.steps * unit] * n_unsolved, job.steps * unit)
