"""The points of a member's run: its curves, as far as its budget goes, and its single values."""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from lstm_bench.records.schema import JobPlan, MemberRecord, StudyPlan
from lstm_bench.records.store import StudyRecords

REFUSED_IN_METRIC_NAMES = re.compile(r"[^\w\-./ :]")
CARRIED = re.compile(r"eval/|train/loss$")  # how good a member is; a gradient belongs to a step that was taken
ENDS_EARLY = ("solved", "diverged")
FINAL, MILESTONE = "_final", re.compile(r"_(at_\d+)$")  # how the metric of a probe ends
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
    singles = {key: float(value) for key, value in record.metrics.items() if key not in set(metrics)}
    singles |= {"params/total": float(job.n_parameters), "params/core": float(job.n_parameters_core)}
    moments = {match.group(1) for key in singles if (match := MILESTONE.search(key))}
    reached = _milestones(moments, curves, record, job, records) if moments else {}
    at_their_step = ((key, _step_of(key, record, reached), value) for key, value in singles.items())
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
    last = {metric: value for metric, _, value in curves if CARRIED.match(metric) and math.isfinite(value)}
    yield from ((metric, step, value) for metric, value in last.items() for step in later)


def _evaluation_steps(record: MemberRecord, job: JobPlan) -> list[int]:
    """Return the steps at which a member is evaluated that takes all of its budget, the last one included."""
    trainer: dict[str, Any] = job.config.get("trainer", {})
    every = int(trainer.get("eval_every", job.steps) or 1)
    budget = job.steps
    if record.role == "tuning":
        budget = min(budget, every * max(1, round(float(trainer.get("tuning_share", 1.0)) * budget / every)))
    return [*range(0, budget, every), budget]


def _milestones(
    moments: Collection[str], curves: Sequence[Point], record: MemberRecord, job: JobPlan, records: StudyRecords
) -> dict[str, int]:
    """Return the step of each milestone: {"at_50": 1200, ...}.

    It is told beside the curves of probes. A probe that has none leaves the definition: the first evaluation at that
    share of the memoryless baseline.
    """
    probes = records.read_table(record, "probes")
    noted = dict(zip(probes.column("moment").to_pylist(), probes.column("step").to_pylist(), strict=True))
    shares = sorted((step, value) for metric, step, value in curves if metric == f"eval/{job.criterion}_share")

    def first(moment: str) -> int:
        percent = int(moment.removeprefix("at_"))
        return next((step for step, share in shares if share <= percent / 100), record.steps)

    return {moment: int(noted[moment]) if moment in noted else first(moment) for moment in moments}


def _step_of(metric: str, record: MemberRecord, reached: Mapping[str, int]) -> int:
    if milestone := MILESTONE.search(metric):
        return reached[milestone.group(1)]
    return record.steps if metric.endswith(FINAL) else 0
