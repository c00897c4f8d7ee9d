"""The points of a member's run: its curves, as far as its budget goes, and its single values."""

import math
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from lstm_bench.metrics import EVALUATION, FINAL, INITIAL, TRAINING_LOSS, Metric, normalised_loss, percent_of
from lstm_bench.records.former_metrics import declarations_of
from lstm_bench.records.schema import JobPlan, MemberRecord, StudyPlan
from lstm_bench.records.store import StudyRecords

REFUSED_IN_METRIC_NAMES = re.compile(r"[^\w\-./ :]")
ENDS_EARLY = ("solved", "diverged")
TOTAL, CORE = Metric("params/total"), Metric("params/core")
Point = tuple[str, int, float]  # metric, step, value


def wanted_points(record: MemberRecord, plan: StudyPlan, records: StudyRecords) -> list[Point]:
    """Return every point of a member with a result, each once: its curves, and its single values beside them.

    A member that solved or diverged before the end of its budget keeps the last finite value of its evaluations and of
    its training loss at every later evaluation step, as in the report's learning curves: a mean over members is then
    over all of them at each step. Its gradients end where it did.

    A single value stands at step 0, but for what a probe found at a milestone, which stands at the milestone's step,
    and at the end, which stands at the member's last.

    Raises: RecordError where the curves cannot be read.
    """
    job = job_of(record, plan)
    columns = records.read_table(record, "curves")
    steps, metrics, values = (columns.column(name).to_pylist() for name in ("step", "metric", "value"))
    curves = [
        (metric, int(step), math.nan if value is None else float(value))
        for step, metric, value in zip(steps, metrics, values, strict=True)
    ]
    declarations = declarations_of(record, job.units)
    singles = {declarations[key]: float(value) for key, value in record.metrics.items() if key not in set(metrics)}
    singles |= {TOTAL: float(job.n_parameters), CORE: float(job.n_parameters_core)}
    moments = {metric.moment for metric in singles}
    steps_of = {"": 0, INITIAL: 0, FINAL: record.steps} | _milestones(moments, curves, record, job, records)
    at_their_step = ((metric.key, steps_of[metric.moment], value) for metric, value in singles.items())
    points = [*curves, *_carried(curves, record, job), *at_their_step]
    return list(dict.fromkeys((metric_name(metric), step, value) for metric, step, value in points))


def metric_name(name: str) -> str:
    """Return a name that MLflow takes."""
    return REFUSED_IN_METRIC_NAMES.sub(" ", name)


def job_of(record: MemberRecord, plan: StudyPlan) -> JobPlan:
    """Return the job that a member belongs to."""
    return next(job for job in plan.jobs if job.job == record.job)


def _carried(curves: Sequence[Point], record: MemberRecord, job: JobPlan) -> Iterator[Point]:
    """Yield the last finite value of each curve at the evaluation steps that a member did not live to see."""
    if record.status not in ENDS_EARLY:
        return
    later = [step for step in _evaluation_steps(record, job) if step > record.steps]
    last = {metric: value for metric, _, value in curves if _is_carried(metric) and math.isfinite(value)}
    yield from ((metric, step, value) for metric, value in last.items() for step in later)


def _is_carried(metric: str) -> bool:
    """Return whether a curve measures how good a member is; a gradient belongs to a step that was taken."""
    return metric.startswith(EVALUATION) or metric == TRAINING_LOSS


def _evaluation_steps(record: MemberRecord, job: JobPlan) -> list[int]:
    """Return the steps at which a member is evaluated that takes all of its budget, the last one included."""
    trainer: dict[str, Any] = job.config.get("trainer", {})
    every = int(trainer.get("eval_every", job.steps) or 1)
    budget = job.steps
    if record.role == "tuning":
        budget = job.tuning_steps or record.steps
    return [*range(0, budget, every), budget]


def _milestones(
    moments: Collection[str], curves: Sequence[Point], record: MemberRecord, job: JobPlan, records: StudyRecords
) -> dict[str, int]:
    """Return the step of each milestone among the moments: {"at_50": 1200, ...}.

    It stands beside the curves of probes. Where no probe has a curve, it follows from the definition: the first
    evaluation at that percent of the memoryless baseline.
    """
    percents = {moment: percent for moment in moments if (percent := percent_of(moment)) is not None}
    if not percents:
        return {}
    probes = records.read_table(record, "probes")
    recorded = dict(zip(probes.column("moment").to_pylist(), probes.column("step").to_pylist(), strict=True))
    losses = sorted((step, value) for metric, step, value in curves if metric == normalised_loss(job.criterion))

    def first_at(percent: int) -> int:
        return next((step for step, loss in losses if loss <= percent / 100), record.steps)

    return {
        moment: int(recorded[moment]) if moment in recorded else first_at(percent)
        for moment, percent in percents.items()
    }
