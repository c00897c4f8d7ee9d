"""The points of a member's run: its curves, to the end of its budget, and its single values."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from lstm_bench.metrics import EVALUATION, TRAINING_LOSS
from lstm_bench.records.plan import JobPlan, StudyPlan
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.store import StudyRecords
from lstm_bench.tracking.shown_metrics import compared, is_curve_shown, is_plotted

REFUSED_IN_METRIC_NAMES = re.compile(r"[^\w\-./ :]")
ENDS_EARLY = ("solved", "diverged")
Point = tuple[str, int, float]  # metric, step, value


def wanted_points(record: MemberRecord, plan: StudyPlan, records: StudyRecords) -> list[Point]:
    """Return every point of a member with a result, each once: its curves, and the single values that are shown.

    A member that solved or diverged before the end of its budget keeps the last finite value of its evaluations and of
    its training loss at every later evaluation step, as in the report's learning curves: a mean over members is then
    over all of them at each step. Its gradients end where it did.

    A single value is written at step 0, whenever it was measured: MLflow then draws a bar a run, else a lone point.

    Raises: RecordError where the curves cannot be read.
    """
    job = job_of(record, plan)
    columns = records.read_table(record, "curves")
    steps, metrics, values = (columns.column(name).to_pylist() for name in ("step", "metric", "value"))
    curves = [
        (metric, int(step), math.nan if value is None else float(value))
        for step, metric, value in zip(steps, metrics, values, strict=True)
        if is_curve_shown(metric)
    ]
    of_curves = set(metrics)
    singles = {key: value for key, value in record.metrics.items() if key not in of_curves and is_plotted(key)}
    singles = compared(record, job) | singles  # the page of a run lists metrics as they were written
    points = [*((key, 0, float(value)) for key, value in singles.items()), *curves, *_carried(curves, record, job)]
    return list(dict.fromkeys((metric_name(metric), step, value) for metric, step, value in points))


def metric_name(name: str) -> str:
    """Return a metric's name with spaces in place of the characters that MLflow refuses."""
    return REFUSED_IN_METRIC_NAMES.sub(" ", name)


def job_of(record: MemberRecord, plan: StudyPlan) -> JobPlan:
    """Return the job that a member belongs to."""
    return next(job for job in plan.jobs if job.job == record.job)


def _carried(curves: Sequence[Point], record: MemberRecord, job: JobPlan) -> Iterator[Point]:
    """Yield the last finite value of each curve at the evaluation steps after the end of a member."""
    if record.status not in ENDS_EARLY:
        return
    later = [step for step in _evaluation_steps(record, job) if step > record.steps]
    last = {metric: value for metric, _, value in curves if _is_carried(metric) and math.isfinite(value)}
    yield from ((metric, step, value) for metric, value in last.items() for step in later)


def _is_carried(metric: str) -> bool:
    """Return whether a curve measures how good a member is; a gradient belongs to a step that was taken."""
    return metric.startswith(EVALUATION) or metric == TRAINING_LOSS


def _evaluation_steps(record: MemberRecord, job: JobPlan) -> list[int]:
    """Return the steps at which a member that takes its whole budget is evaluated, the last one included."""
    trainer: dict[str, Any] = job.config.get("trainer", {})
    every = int(trainer.get("eval_every", job.steps) or 1)
    budget = job.steps
    if record.role == "tuning":
        budget = job.tuning_steps or record.steps
    return [*range(0, budget, every), budget]
