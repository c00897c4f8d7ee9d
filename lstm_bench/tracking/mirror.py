"""Write records into MLflow, each once."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient

from lstm_bench.records.schema import JobPlan, MemberRecord, StudyPlan
from lstm_bench.records.store import StudyRecords

BATCH = 1000  # metrics that one log_batch takes; one call each would be forty times slower
LONGEST_PARAM = 500
REFUSED_IN_METRIC_NAMES = str.maketrans(dict.fromkeys("[]=,%@", " "))
MLFLOW_STATUS = {"failed": "FAILED"}


class Mirror:
    """The runs of one study in an MLflow store.

    Reported members go to the experiment named like the study, tuning members to "<study> tuning", so that a chart
    grouped by cell and lag averages over comparable seeds alone. A run carries its member's identity as a tag: what is
    there already is not written again.
    """

    def __init__(self, plan: StudyPlan, records: StudyRecords, uri: str, artifacts: Path | None) -> None:
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.ERROR)
        mlflow.set_tracking_uri(uri)
        self._plan, self._records, self._artifacts = plan, records, artifacts
        self._client = MlflowClient(uri)
        self._jobs = {job.job: job for job in plan.jobs}
        self._experiments = {
            role: self._experiment(plan.study + suffix) for role, suffix in (("report", ""), ("tuning", " tuning"))
        }
        self._runs: dict[str, str] = dict(self._already_there())
        self._strangers: set[str] = set()  # members of older settings that share the folder: read once

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        location = None if self._artifacts is None else (self._artifacts / name).as_uri()
        return str(self._client.create_experiment(name, artifact_location=location))

    def _already_there(self) -> Iterator[tuple[str, str]]:
        for experiment in self._experiments.values():
            token: str | None = None
            while True:
                page = self._client.search_runs([experiment], "attributes.status = 'FINISHED'", page_token=token)
                yield from ((run.data.tags["identity"], run.info.run_id) for run in page if "identity" in run.data.tags)
                token = page.token
                if not token:
                    break

    def mirror_new(self) -> int:
        """Write the members that were finished since the last call; return how many."""
        before = len(self._runs)
        for identity in self._records.identities():
            if identity in self._runs or identity in self._strangers:
                continue
            record = self._records.read_member(identity)
            if record.job in self._jobs:
                self._runs[identity] = self._write_member(record)
            else:
                self._strangers.add(identity)
        return len(self._runs) - before

    def _write_member(self, record: MemberRecord) -> str:
        job, end = self._jobs[record.job], _milliseconds(record.finished)
        name = f"{job.cell} lag={job.lag} seed={record.seed}"
        if record.role == "tuning":
            name += f" lr={record.learning_rate:g}"
        start = end - round(1e3 * record.train_s)
        run = self._client.create_run(
            self._experiments[record.role], start_time=start, tags=self._tags(record, job), run_name=name
        )
        run_id = str(run.info.run_id)
        params = [Param(key, str(value)[:LONGEST_PARAM]) for key, value in _params(record, job).items()]
        self._client.log_batch(run_id, params=params)
        curves = self._records.read_table(record.identity, "curves").to_pandas()
        self._log(run_id, _points(curves, record, job, end))
        self._client.log_artifacts(run_id, str(self._records.member_folder(record.identity)))
        self._client.set_terminated(run_id, MLFLOW_STATUS.get(record.status, "FINISHED"), end)
        return run_id

    def _tags(self, record: MemberRecord, job: JobPlan) -> dict[str, str]:
        tags = {"study": self._plan.study, "identity": record.identity, "job": record.job, "role": record.role}
        return tags | {"status": record.status, "task": job.task, "variant": job.variant, "cell": job.cell}

    def _log(self, run_id: str, metrics: Iterable[Metric]) -> None:
        points = list(metrics)
        for start in range(0, len(points), BATCH):
            self._client.log_batch(run_id, metrics=points[start : start + BATCH])

    def add_metrics(self, metrics: Mapping[str, Mapping[str, float]]) -> None:
        """Add what is known only when the study ends (speed, memory span) to the runs, by member identity."""
        moment = _milliseconds(datetime.now().astimezone().isoformat())
        for identity, values in metrics.items():
            if identity in self._runs:
                self._log(self._runs[identity], [Metric(key, value, moment, 0) for key, value in values.items()])

    def write_summary(self, report: Path, metrics: Mapping[str, float]) -> None:
        """Write one run that holds the report, its tables and figures, and the study's own numbers."""
        tags = {"study": self._plan.study, "role": "summary", "command": self._plan.command}
        run: Run = self._client.create_run(
            self._experiments["report"], tags=tags, run_name=f"{self._plan.study} report"
        )
        run_id, moment = run.info.run_id, int(run.info.start_time)
        names = {key.translate(REFUSED_IN_METRIC_NAMES): value for key, value in metrics.items()}
        self._log(run_id, [Metric(key, value, moment, 0) for key, value in names.items()])
        self._client.log_batch(run_id, tags=[RunTag("mlflow.note.content", f"Report of `{self._plan.command}`")])
        self._client.log_artifacts(run_id, str(report))
        self._client.set_terminated(run_id)


def _params(record: MemberRecord, job: JobPlan) -> dict[str, Any]:
    own = {"cell": job.cell, "lag": job.lag, "seed": record.seed, "learning_rate": record.learning_rate}
    own |= {"task": job.task, "variant": job.variant, "hidden_size": job.hidden_size, "kernel": job.kernel}
    flat = {f"{group}.{key}": value for group, settings in job.config.items() for key, value in settings.items()}
    return own | flat


def _points(curves: pd.DataFrame, record: MemberRecord, job: JobPlan, moment: int) -> Iterator[Metric]:
    for step, metric, value in curves.itertuples(index=False):
        yield Metric(metric, float(value), moment, int(step))
    in_curves = set(curves["metric"])
    last = {key: value for key, value in record.metrics.items() if key not in in_curves}
    last |= {"params/total": job.n_parameters, "params/core": job.n_parameters_core}
    for key, value in last.items():
        yield Metric(key, float(value), moment, record.steps)


def _milliseconds(moment: str) -> int:
    return round(1e3 * datetime.fromisoformat(moment).timestamp())
