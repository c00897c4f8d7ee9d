"""The content of MLflow for a study: its recorded members, the run of each, and the summary at the end.

A run specification follows from the member's record and the plan alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lstm_bench.records.plan import JobPlan, StudyPlan
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import WITHOUT_RESULT, MemberRecord
from lstm_bench.records.store import StudyRecords
from lstm_bench.tracking.measured import Table
from lstm_bench.tracking.points import job_of

RUNNING, FINISHED, FAILED, KILLED = "RUNNING", "FINISHED", "FAILED", "KILLED"
MLFLOW_STATUS = {"running": RUNNING, "interrupted": KILLED, "failed": FAILED, "out_of_memory": FAILED}
LONGEST_TEXT = 500
Stamp = tuple[int, int, int]  # of a record's file; it changes whenever the record is written again


@dataclass(frozen=True)
class RunSpec:
    """A member's run as MLflow should show it.

    Attributes:
        started: milliseconds since 1970; None for the moment at which the run is written.
        ended: the same.
        has_result: whether the run has points and files.
        digest: identifies the state of the record that the run shows.
    """

    identity: str
    role: str
    name: str
    status: str
    started: int | None
    ended: int | None
    tags: dict[str, str]
    params: dict[str, str]
    has_result: bool
    digest: str


@dataclass(frozen=True)
class StudySummary:
    """What is known only when a study ends.

    Attributes:
        of_members: metrics by member identity.
        of_study: the study's own metrics.
        report: the folder of the report; None for a study without one, which gets no summary run.
        headline: the finding, a paragraph a task.
        comparison: the table that compares the cells; None where nothing is compared.
    """

    of_members: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    of_study: Mapping[str, float] = field(default_factory=dict)
    report: Path | None = None
    headline: Sequence[str] = ()
    comparison: Table | None = None


class RecordedMembers:
    """The recorded members of a plan's jobs.

    Members of other settings that share the folder are left out.
    """

    def __init__(self, plan: StudyPlan, records: StudyRecords) -> None:
        self._records = records
        self._jobs = {job.job for job in plan.jobs}
        self._job_of: dict[str, str] = {}  # by identity, for records that could be read

    def follow(self, plan: StudyPlan) -> None:
        """Take the jobs of a plan that has grown."""
        self._jobs = {job.job for job in plan.jobs}

    def stamps(self) -> dict[str, Stamp]:
        """Return the stamp of each member's record by identity.

        A record that cannot be read counts as a member of the plan.
        """
        return {
            identity: stamp
            for identity in self._records.identities()
            if self._is_in_plan(identity) and (stamp := self._stamp(identity))
        }

    def _is_in_plan(self, identity: str) -> bool:
        if identity not in self._job_of:
            try:
                self._job_of[identity] = self._records.read_member(identity).job
            except RecordError:
                return True  # and read it again next time
        return self._job_of[identity] in self._jobs

    def _stamp(self, identity: str) -> Stamp | None:
        try:
            file = (self._records.member_folder(identity) / "record.json").stat()
        except FileNotFoundError:  # quarantined a moment ago
            return None
        return file.st_mtime_ns, file.st_size, file.st_ino


def run_spec(record: MemberRecord, plan: StudyPlan) -> RunSpec:
    """Return the specification of a member's run."""
    job = job_of(record, plan)
    ended = milliseconds(record.finished) if record.finished else None
    return RunSpec(
        identity=record.identity,
        role=record.role,
        name=_name(record, job, plan),
        status=mlflow_status(record),
        started=None if ended is None else ended - round(1e3 * record.train_s),
        ended=ended,
        tags=_tags(record, job, plan),
        params={key: str(value)[:LONGEST_TEXT] for key, value in _params(record, job).items()},
        has_result=record.status not in WITHOUT_RESULT,
        digest=record.sha256 or "none",
    )


def _name(record: MemberRecord, job: JobPlan, plan: StudyPlan) -> str:
    """Return the name of a run; names sorted as text, as in MLflow, are in the order of cell, lag and seed."""
    longest_lag = max(job.lag for job in plan.jobs)
    last_seed = max([record.seed, *(seed for job in plan.jobs for seed in job.seeds)])
    lag, seed = f"{job.lag:0{len(str(longest_lag))}}", f"{record.seed:0{len(str(last_seed))}}"
    is_tuning = record.role == "tuning" and record.learning_rate is not None
    return f"{job.cell} lag={lag} seed={seed}" + (f" lr={record.learning_rate:g}" if is_tuning else "")


def mlflow_status(record: MemberRecord) -> str:
    """Return MLflow's name of a member's status."""
    return MLFLOW_STATUS.get(record.status, FINISHED)


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
    params = {"cell": job.cell, "lag": job.lag, "seed": record.seed}
    params |= {"task": job.task, "variant": job.variant, "hidden_size": job.hidden_size, "kernel": job.kernel}
    if record.learning_rate is not None:  # None until tuning has chosen it
        params["learning_rate"] = record.learning_rate
    settings = {f"{group}.{key}": value for group, values in job.config.items() for key, value in values.items()}
    return params | settings
