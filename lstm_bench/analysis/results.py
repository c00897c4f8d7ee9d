"""Results of a member that are known once its whole study is: the speed and the span of its cell."""

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from lstm_bench.analysis.frames import RESULT_COLUMNS, StudyData
from lstm_bench.analysis.memory_horizons import GRADIENT, horizon_estimates
from lstm_bench.analysis.memory_span import MemorySpan
from lstm_bench.analysis.solving import ATTEMPTS, spans
from lstm_bench.analysis.speed import speed_row
from lstm_bench.metrics import COMPARE, INITIAL, STEPS, Metric
from lstm_bench.records.schema import WITHOUT_RESULT

PARAMETERS = {
    Metric("params/core", "parameters"): "n_parameters_core",
    Metric("params/total", "parameters"): "n_parameters",
}
SPEED = {
    Metric("speed/sequences_per_s", "sequences/s"): "sequences_per_s",
    Metric("speed/ms_per_time_step", "ms"): "ms_per_time_step",
    Metric("speed/peak_memory_bytes", "bytes"): "peak_memory_bytes",
}
T50, T50_LOW, T50_HIGH = (Metric(f"memory/t50{end}", STEPS) for end in ("", "_low", "_high"))
Derived = dict[str, dict[str, float]]  # by member identity and key of the metric


def all_results(study: StudyData) -> pd.DataFrame:
    """Return the tidy results of every recorded member: its own metrics, and parameters, speed and span of its cell.

    Speed is that of the kernel that trained the member together with the others of its job: sequences per second and
    peak memory are those of all of them, the time of a step is one member's.
    """
    derived = _derived(study)
    rows = [
        {**member, "step": member["steps"], "metric": metric.key, "value": value, "unit": metric.unit}
        for member in study.members.to_dict("records")
        if member["identity"] in derived
        for metric, value in (_parameters(member) | derived[str(member["identity"])]).items()
    ]
    columns = list(RESULT_COLUMNS)
    return pd.concat([study.results[columns], pd.DataFrame(rows, columns=columns)], ignore_index=True)


def derived_metrics(study: StudyData) -> Derived:
    """Return speed and span by member identity. A span that the lag grid cuts off has no number and is left out."""
    return {
        identity: {metric.key: value for metric, value in values.items()}
        for identity, values in _derived(study).items()
    }


def _derived(study: StudyData) -> dict[str, dict[Metric, float]]:
    return dict(item for one_task in study.by_task() for item in _derived_of(one_task))


def _derived_of(study: StudyData) -> Iterator[tuple[str, dict[Metric, float]]]:
    of_cell = {cell: _span_metrics(span) for cell, span in spans(study).items()}
    timed = {(job.cell, job.lag): _speed_metrics(study, job.cell, job.lag) for job in study.plan.jobs}
    ran = study.members.loc[study.members["identity"].notna() & ~study.members["status"].isin(WITHOUT_RESULT)]
    for member in ran.to_dict("records"):
        cell = str(member["cell"])
        yield str(member["identity"]), timed[cell, int(member["lag"])] | of_cell[cell]


def _parameters(member: Mapping[Hashable, Any]) -> dict[Metric, float]:
    return {metric: float(member[column]) for metric, column in PARAMETERS.items()}


def _speed_metrics(study: StudyData, cell: str, lag: int) -> dict[Metric, float]:
    row = speed_row(study, cell, lag) or {}
    return {metric: float(row[column]) for metric, column in SPEED.items() if row.get(column) is not None}


def _span_metrics(span: MemorySpan) -> dict[Metric, float]:
    if span.outcome != "fitted":
        return {}
    numbers = {T50: span.median, T50_LOW: span.low, T50_HIGH: span.high}
    return {metric: number for metric, number in numbers.items() if math.isfinite(number)}


def study_metrics(study: StudyData) -> dict[str, float]:
    """Return each cell's learned span, gradient horizon and share of attempts that solved, by metric name.

    A censored span or horizon has no number and is left out. In a study of several tasks each name ends in the task's.
    """
    metrics: dict[str, float] = {}
    tasks = study.by_task()
    for one_task in tasks:
        for cell, span in spans(one_task).items():
            members = one_task.members.loc[one_task.members["cell"] == cell]
            attempts = members.loc[members["status"].isin(ATTEMPTS), "status"]
            numbers = {"solved": float((attempts == "solved").mean())}
            numbers |= {"t50": _span_metrics(span).get(T50, math.nan), "gradient_horizon": _horizon(one_task, cell)}
            whose = cell if len(tasks) == 1 else f"{cell} {one_task.labels['task']} {one_task.labels['variant']}"
            metrics |= {f"{COMPARE}{name} {whose}": value for name, value in numbers.items() if math.isfinite(value)}
    return metrics


def _horizon(study: StudyData, cell: str) -> float:
    """Return the gradient horizon at initialisation; NaN where it is beyond the sequence, or was not measured."""
    estimates = horizon_estimates(study)[cell]
    return next(
        (e.middle for e in estimates if (e.horizon, e.moment) == (GRADIENT, INITIAL) and not e.censored), math.nan
    )
