"""What MLflow should say of a member, read off its record. Everything here follows from the record alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lstm_bench.records.schema import WITHOUT_RESULT, JobPlan, MemberRecord, StudyPlan
from lstm_bench.tracking.points import job_of

RUNNING, FINISHED, FAILED, KILLED = "RUNNING", "FINISHED", "FAILED", "KILLED"
STATUS = {"running": RUNNING, "interrupted": KILLED, "failed": FAILED, "out_of_memory": FAILED}
LONGEST_TEXT = 500


@dataclass(frozen=True)
class WantedRun:
    """A member's run as it should be.

    `started` and `ended` are milliseconds since 1970, None for the moment at which it is written. Where there is no
    `result` there are no points and no files. `digest` tells one state of the record from another.
    """

    identity: str
    role: str
    name: str
    status: str
    started: int | None
    ended: int | None
    tags: dict[str, str]
    params: dict[str, str]
    result: bool
    digest: str


def wanted_run(record: MemberRecord, plan: StudyPlan) -> WantedRun:
    """Return the run that a record asks for."""
    job = job_of(record, plan)
    ended = milliseconds(record.finished) if record.finished else None
    name = f"{job.cell} lag={job.lag} seed={record.seed}"
    if record.role == "tuning" and record.learning_rate is not None:
        name += f" lr={record.learning_rate:g}"
    return WantedRun(
        identity=record.identity,
        role=record.role,
        name=name,
        status=status_of(record),
        started=None if ended is None else ended - round(1e3 * record.train_s),
        ended=ended,
        tags=_tags(record, job, plan),
        params={key: str(value)[:LONGEST_TEXT] for key, value in _params(record, job).items()},
        result=record.status not in WITHOUT_RESULT,
        digest=record.sha256 or "none",
    )


def status_of(record: MemberRecord) -> str:
    """Return MLflow's word for what became of a member."""
    return STATUS.get(record.status, FINISHED)


def milliseconds(moment: str) -> int:
    """Return an ISO moment as milliseconds since 1970."""
    return round(1e3 * datetime.fromisoformat(moment).timestamp())


def _tags(record: MemberRecord, job: JobPlan, plan: StudyPlan) -> dict[str, str]:
    tags = {"study": plan.study, "identity": record.identity, "job": record.job, "role": record.role}
    tags |= {"attempt": str(plan.attempt), "status": record.status}
    tags |= {"task": job.task, "variant": job.variant, "cell": job.cell}
    reason = (record.error or "").strip()
    return tags | ({"reason": reason.splitlines()[-1][:LONGEST_TEXT]} if reason else {})


def _params(record: MemberRecord, job: JobPlan) -> dict[str, Any]:
    own = {"cell": job.cell, "lag": job.lag, "seed": record.seed}
    own |= {"task": job.task, "variant": job.variant, "hidden_size": job.hidden_size, "kernel": job.kernel}
    if record.learning_rate is not None:  # tuning has not chosen it yet
        own["learning_rate"] = record.learning_rate
    return own | {f"{group}.{key}": value for group, settings in job.config.items() for key, value in settings.items()}
