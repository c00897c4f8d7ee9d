"""Spans by softer criteria than the task's own, from the same members' recorded evaluations."""

from typing import Any, NamedTuple

import pandas as pd

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.memory_span import MemorySpan, learned_span
from lstm_bench.analysis.solving import ATTEMPTS, solve_rates
from lstm_bench.analysis.statistics import interval_columns
from lstm_bench.metrics import EVALUATION

COLUMNS = ("study", "task", "variant", "cell", "criterion", "span", "outcome", "t50", "t50_low", "t50_high")


class Criterion(NamedTuple):
    """The least that a score must reach at two evaluations in a row."""

    score: str
    least: float

    @property
    def text(self) -> str:
        """The criterion in words: "recall accuracy at least 0.95"."""
        return f"{self.score.replace('_', ' ')} at least {self.least:g}"


def softer_criteria(study: StudyData) -> list[Criterion]:
    """Return the softer criteria of a study narrowed to one task, the hardest first; none where it has none."""
    stated = dict.fromkeys(
        Criterion(score, least) for job in study.plan.jobs for score, values in job.softer.items() for least in values
    )
    return sorted(stated, key=lambda criterion: (criterion.score, -criterion.least))


@cache_per_study
def softer_spans(study: StudyData) -> pd.DataFrame:
    """Return T50 by each softer criterion, a row a cell and criterion, of a study narrowed to one task.

    A member meets a criterion where two evaluations in a row do, at any time within its budget. One that solved the
    task stopped there and meets them all. Members that are not attempts do not count.
    span, outcome, t50, t50_low, t50_high: those of `learned_span`.
    """
    rows = [
        {**study.labels, "cell": cell, "criterion": criterion.text, **_columns(span)}
        for criterion in softer_criteria(study)
        for cell, span in spans_by(study, criterion).items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _columns(span: MemorySpan) -> dict[str, object]:
    ends = interval_columns("t50", (span.median, span.low, span.high))
    return {"span": span.text, "outcome": span.outcome, **ends}


@cache_per_study
def spans_by(study: StudyData, criterion: Criterion) -> dict[str, MemorySpan]:
    """Return each cell's learned span by a softer criterion, of a study narrowed to one task."""
    rates, meets = solve_rates(study), _members_that_meet(study, criterion)
    by_cell = {}
    for cell in study.cells:
        rows = rates.loc[rates["cell"] == cell]
        met = [meets.get((cell, lag), 0) for lag in rows["lag"]]
        by_cell[cell] = learned_span(rows["lag"].tolist(), met, rows["attempts"].tolist())
    return by_cell


def _members_that_meet(study: StudyData, criterion: Criterion) -> dict[tuple[str, int], int]:
    """Return how many attempts meet a criterion, by cell and lag."""
    keys = ["cell", "lag", "seed"]
    curves = study.curves.loc[study.curves["metric"] == EVALUATION + criterion.score].sort_values([*keys, "step"])
    is_met = (curves["value"] >= criterion.least).astype(int)
    in_a_row = is_met + is_met.groupby([curves[key] for key in keys], observed=True).shift(fill_value=0)
    met = pd.MultiIndex.from_frame(curves.loc[in_a_row == 2, keys])
    attempts = study.members.loc[study.members["status"].isin(ATTEMPTS)]
    is_counted = (attempts["status"] == "solved") | pd.MultiIndex.from_frame(attempts[keys]).isin(met)
    counts: Any = attempts.loc[is_counted].groupby(keys[:2]).size().to_dict()
    return dict(counts)
