"""What is known of a member only when the whole study is: its cell's speed and its cell's span."""

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from lstm_bench.analysis.frames import RESULT_COLUMNS, Study
from lstm_bench.analysis.memory_span import MemorySpan
from lstm_bench.analysis.solving import spans
from lstm_bench.analysis.speed import speed_row

PARAMETERS = {"core": "n_parameters_core", "total": "n_parameters"}
SPEED_METRICS = ("sequences_per_s", "ms_per_time_step", "peak_memory_bytes")
UNITS = {
    "speed/sequences_per_s": "sequences/s",
    "speed/ms_per_time_step": "ms",
    "speed/peak_memory_bytes": "bytes",
    "memory/t50": "steps",
    "memory/t50_low": "steps",
    "memory/t50_high": "steps",
    "params/core": "parameters",
    "params/total": "parameters",
}
Derived = dict[str, dict[str, float]]


def all_results(study: Study) -> pd.DataFrame:
    """Return the tidy results of every recorded member, with parameters, speed and span beside its own metrics."""
    derived = derived_metrics(study)
    rows = [
        {**member, "step": member["steps"], "metric": metric, "value": value, "unit": UNITS[metric]}
        for member in study.members.to_dict("records")
        if member["identity"] in derived
        for metric, value in (_parameters(member) | derived[str(member["identity"])]).items()
    ]
    return pd.concat([study.results, pd.DataFrame(rows, columns=list(RESULT_COLUMNS))], ignore_index=True)


def derived_metrics(study: Study) -> Derived:
    """Return speed and span by member identity. A span that a ladder's end cuts off has no number and is left out."""
    return dict(item for one in study.by_task() for item in _derived_of(one))


def _derived_of(study: Study) -> Iterator[tuple[str, dict[str, float]]]:
    of_cell = {cell: _span_metrics(span) for cell, span in spans(study).items()}
    ran = study.members.loc[study.members["identity"].notna() & (study.members["status"] != "failed")]
    for member in ran.to_dict("records"):
        timed = _speed_metrics(study, str(member["cell"]), int(member["lag"]))
        yield str(member["identity"]), timed | of_cell[str(member["cell"])]


def _parameters(member: Mapping[Hashable, Any]) -> dict[str, float]:
    return {f"params/{name}": float(member[column]) for name, column in PARAMETERS.items()}


def _speed_metrics(study: Study, cell: str, lag: int) -> dict[str, float]:
    row = speed_row(study, cell, lag) or {}
    return {f"speed/{name}": float(row[name]) for name in SPEED_METRICS if row.get(name) is not None}


def _span_metrics(span: MemorySpan) -> dict[str, float]:
    numbers = {"memory/t50": span.median, "memory/t50_low": span.low, "memory/t50_high": span.high}
    fitted = span.outcome == "fitted"
    return {name: number for name, number in numbers.items() if fitted and math.isfinite(number)}


def study_metrics(study: Study) -> dict[str, float]:
    """Return the study's own numbers by cell: the span, where there is one, and the share of members that solved."""
    found: dict[str, float] = {}
    for one in study.by_task():
        for cell, span in spans(one).items():
            found |= {f"{name} {cell}": value for name, value in _span_metrics(span).items()}
            found[f"solved {cell}"] = float((one.members.loc[one.members["cell"] == cell, "status"] == "solved").mean())
    return found
