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
Table = dict[str, list[Any]]  # MLflow's format of a table: "columns" has their names, "data" a list a row


def measured(record: MemberRecord, job: JobPlan, derived: Mapping[str, float]) -> Table:
    """Return a table of the numbers of a member in results.csv, by name, with units; a curve has its last value.

    Args:
        record: the member's record.
        job: its job.
        derived: the member's numbers that are known only when the study has ended.
    """
    declarations = declarations_of(record, job.units)
    values = {declarations[key]: value for key, value in record.metrics.items()}
    values |= {TOTAL: float(job.n_parameters), CORE: float(job.n_parameters_core)}
    values |= {former_metric(key, job.units): value for key, value in derived.items()}
    rows = sorted((metric.key, _in_json(value), metric.unit) for metric, value in values.items())
    return {"columns": COLUMNS, "data": [list(row) for row in rows]}


def _in_json(value: float) -> float | str:
    """Return a number, or its name where JSON cannot hold it: "nan", "inf"."""
    return value if math.isfinite(value) else str(value)
