"""How a cell's span grows with the budget of steps, computed from the steps to solve of the same members."""

from typing import Any

import numpy as np
import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.memory_span import MemorySpan
from lstm_bench.analysis.solving import growth_of_span, is_budget_limited, lags_tried, spans_within
from lstm_bench.analysis.statistics import interval_columns

FRACTIONS = (1 / 8, 1 / 4, 1 / 2, 1.0)  # of the budget
POINTS = 20
SPAN_COLUMNS = ("study", "task", "variant", "cell", "budget_share", "steps", "outcome", "t50", "t50_low", "t50_high")
GROWTH_COLUMNS = ("growth", "growth_low", "growth_high", "growth_bound", "budget_limited")


@cache_per_study
def spans_by_budget(study: StudyData) -> pd.DataFrame:
    """Return T50 within parts of the budget, a row a cell and part, of a study narrowed to one task.

    budget_share, steps: the part as a share of each member's own budget, and in steps of the cell's largest budget.
    FRACTIONS are among them, and about POINTS evaluations from the second, before which no member can have solved, to
    the last.
    outcome, t50, t50_low, t50_high: those of `learned_span`.
    growth, growth_low, growth_high, growth_bound, budget_limited: the same in all rows of a cell, see
    `growth_of_span` and `is_budget_limited`.

    Cells without an attempt have no rows. A study that was trained at fewer than two lags has none at all.
    """
    rows = [row for cell in study.cells for row in _rows(study, cell)] if lags_tried(study) > 1 else []
    return pd.DataFrame(rows, columns=[*SPAN_COLUMNS, *GROWTH_COLUMNS])


def _rows(study: StudyData, cell: str) -> list[dict[str, Any]]:
    budget = max(job.steps for job in study.plan.jobs if job.cell == cell)
    if spans_within(study, 1.0)[cell].outcome == "unmeasured":
        return []
    ratio = growth_of_span(study, cell)
    growth = {
        **interval_columns("growth", (ratio.median, ratio.low, ratio.high)),
        "growth_bound": ratio.bound,
        "budget_limited": is_budget_limited(study, cell),
    }
    return [
        {**study.labels, "cell": cell, "budget_share": share, "steps": share * budget, **_span(span), **growth}
        for share in budget_shares(study)
        for span in [spans_within(study, share)[cell]]
    ]


def _span(span: MemorySpan) -> dict[str, Any]:
    return {"outcome": span.outcome, **interval_columns("t50", (span.median, span.low, span.high))}


def budget_shares(study: StudyData) -> list[float]:
    """Return parts of the budget, ascending: FRACTIONS, and evaluations that are about evenly spread on a log scale."""
    job = max(study.plan.jobs, key=lambda job: job.steps)
    evaluations = job.steps / int(job.config["trainer"].get("eval_every", job.steps))
    places = np.unique(np.geomspace(min(2.0, evaluations), evaluations, POINTS).round())
    return sorted({*FRACTIONS, *(min(1.0, float(place / evaluations)) for place in places)})
