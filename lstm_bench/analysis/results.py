"""What is known of a member only when the whole study is: its cell's speed and its cell's span."""

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from lstm_bench.analysis.frames import RESULT_COLUMNS, StudyData
from lstm_bench.analysis.gradients import FINAL
from lstm_bench.analysis.memory_horizons import (
    CAPACITY,
    CAPACITY_SPAN,
    GRADIENT,
    HALF_LIFE,
    LEARNED,
    LYAPUNOV,
    MOMENTS,
    WINDOW,
    all_reaches,
)
from lstm_bench.analysis.memory_span import MemorySpan
from lstm_bench.analysis.metric_units import unit_of
from lstm_bench.analysis.solving import spans
from lstm_bench.analysis.speed import speed_row
from lstm_bench.records.schema import WITHOUT_RESULT

PARAMETERS = {"core": "n_parameters_core", "total": "n_parameters"}
SPEED_METRICS = ("sequences_per_s", "ms_per_time_step", "peak_memory_bytes")
LENS_METRICS = {
    (HALF_LIFE, FINAL): "memory/half_life_final",
    (WINDOW, FINAL): "memory/implied_window_final",
} | {
    (lens, moment): f"{name}_{moment}"
    for moment in MOMENTS
    for lens, name in (
        (GRADIENT, "grad/horizon"),
        (CAPACITY_SPAN, "memory/capacity_span"),
        (CAPACITY, "memory/capacity"),
        (LYAPUNOV, "memory/lyapunov_horizon"),
    )
}
Derived = dict[str, dict[str, float]]


def all_results(study: StudyData) -> pd.DataFrame:
    """Return the tidy results of every recorded member, with parameters, speed and span beside its own metrics.

    Speed is that of the kernel that trained the member, together with the others of its job: sequences a second and
    peak memory are of all of them, the time of a step is one member's.
    """
    derived = derived_metrics(study)
    rows = [
        {**member, "step": member["steps"], "metric": metric, "value": value, "unit": unit_of(metric, {})}
        for member in study.members.to_dict("records")
        if member["identity"] in derived
        for metric, value in (_parameters(member) | derived[str(member["identity"])]).items()
    ]
    return pd.concat([study.results, pd.DataFrame(rows, columns=list(RESULT_COLUMNS))], ignore_index=True)


def derived_metrics(study: StudyData) -> Derived:
    """Return speed and span by member identity. A span that a ladder's end cuts off has no number and is left out."""
    return dict(item for one in study.by_task() for item in _derived_of(one))


def _derived_of(study: StudyData) -> Iterator[tuple[str, dict[str, float]]]:
    of_cell = {cell: _span_metrics(span) for cell, span in spans(study).items()}
    timed = {(job.cell, job.lag): _speed_metrics(study, job.cell, job.lag) for job in study.plan.jobs}
    ran = study.members.loc[study.members["identity"].notna() & ~study.members["status"].isin(WITHOUT_RESULT)]
    for member in ran.to_dict("records"):
        cell = str(member["cell"])
        yield str(member["identity"]), timed[cell, int(member["lag"])] | of_cell[cell]


def _parameters(member: Mapping[Hashable, Any]) -> dict[str, float]:
    return {f"params/{name}": float(member[column]) for name, column in PARAMETERS.items()}


def _speed_metrics(study: StudyData, cell: str, lag: int) -> dict[str, float]:
    row = speed_row(study, cell, lag) or {}
    return {f"speed/{name}": float(row[name]) for name in SPEED_METRICS if row.get(name) is not None}


def _span_metrics(span: MemorySpan) -> dict[str, float]:
    numbers = {"memory/t50": span.median, "memory/t50_low": span.low, "memory/t50_high": span.high}
    fitted = span.outcome == "fitted"
    return {name: number for name, number in numbers.items() if fitted and math.isfinite(number)}


def _lens_metrics(study: StudyData, cell: str) -> dict[str, float]:
    numbers = {
        LENS_METRICS[reach.lens, reach.moment]: reach for reach in all_reaches(study)[cell] if reach.lens != LEARNED
    }
    return {name: reach.middle for name, reach in numbers.items() if not reach.open and math.isfinite(reach.middle)}


def study_metrics(study: StudyData) -> dict[str, float]:
    """Return the study's own numbers by cell: what each lens says, where it has a number, and the share that solved.

    A lens that is open has no number and is left out.
    """
    found: dict[str, float] = {}
    for one in study.by_task():
        for cell, span in spans(one).items():
            found |= {f"{name} {cell}": value for name, value in _span_metrics(span).items()}
            found |= {f"{name} {cell}": value for name, value in _lens_metrics(one, cell).items()}
            found[f"solved {cell}"] = float((one.members.loc[one.members["cell"] == cell, "status"] == "solved").mean())
    return found
