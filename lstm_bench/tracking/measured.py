"""Every number of a member as a table, which MLflow renders among the files of its run."""

import math
from collections.abc import Mapping
from typing import Any

from lstm_bench.metrics import Metric
from lstm_bench.records.former_metrics import declarations_of, former_metric
from lstm_bench.records.plan import JobPlan
from lstm_bench.records.schema import MemberRecord

MEASURED = "measured.json"
COLUMNS = ["metric", "value", "unit"]
TOTAL, CORE = Metric("params/total", "parameters"), Metric("params/core", "parameters")
Table = dict[str, list[Any]]  # "columns", their names, and "data", a list a row: what MLflow takes for a table


def measured(record: MemberRecord, job: JobPlan, derived: Mapping[str, float]) -> Table:
    """Return the numbers of a member in results.csv by name, each with its unit: of a curve the last value.

    Args:
        record: the member's record.
        job: its job.
        derived: what is known of it only when the study has ended.
    """
    declarations = declarations_of(record, job.units)
    values = {declarations[key]: value for key, value in record.metrics.items()}
    values |= {TOTAL: float(job.n_parameters), CORE: float(job.n_parameters_core)}
    values |= {former_metric(key, job.units): value for key, value in derived.items()}
    rows = sorted((metric.key, _in_json(value), metric.unit) for metric, value in values.items())
    return {"columns": COLUMNS, "data": [list(row) for row in rows]}


def _in_json(value: float) -> float | str:
    """Return a number, or the name of one that JSON has no letters for: "nan", "inf"."""
    return value if math.isfinite(value) else str(value)
