"""Bring MLflow level with the records of a study, again and again, each fact once."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import MemberRecord, StudyPlan
from lstm_bench.records.store import StudyRecords
from lstm_bench.tracking.members import Members, Stamp
from lstm_bench.tracking.opening import open_store
from lstm_bench.tracking.points import metric_name, wanted_points
from lstm_bench.tracking.progress import Progress
from lstm_bench.tracking.run import MirroredRun
from lstm_bench.tracking.run_spec import (
    FAILED,
    FINISHED,
    KILLED,
    RUNNING,
    WantedRun,
    milliseconds,
    status_of,
    wanted_run,
)
from lstm_bench.tracking.summary import StudySummary

PAGE = 200  # runs in one answer
EXPERIMENTS = {"report": "", "tuning": " tuning"}  # by role, what follows the study's name
RECORD, CONTENT = "record", "content"  # tags: the state of the record, or of the report, that a run shows
OF_ONE_RUN = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")  # MLflow's codes for what it will refuse next time, too


class DeletedError(Exception):
    """An experiment that somebody has put into MLflow's bin."""


class Mirror:
    """The runs of one study in an MLflow store.

    Reported members go to the experiment named like the study, tuning members to "<study> tuning", so that a chart
    grouped by cell and lag averages over comparable seeds alone. A run is found by its member's identity and the
    study's attempt, both tags. What a run shows is told by its status and its tag `record`, both written last: a run
    that was left half written lacks them, and is completed.

    `refused` holds the errors of members that MLflow or their own files stand against, by identity.
    """

    def __init__(
        self,
        plan: StudyPlan,
        records: StudyRecords,
        uri: str,
        artifacts: Path | None,
        progress: Progress,
        is_running: Callable[[str], bool] = lambda job: True,
    ) -> None:
        """Ask nothing of MLflow yet. Where a job is not running, a member said to be running was interrupted."""
        self._plan, self._records, self._uri, self._artifacts = plan, records, uri, artifacts
        self._progress, self._is_running = progress, is_running
        self._members = Members(plan, records)
        self._client: MlflowClient | None = None
        self._experiments: dict[str, str] = {}
        self._runs: dict[str, MirroredRun] | None = None  # None: to be read
        self._summaries: dict[str, MirroredRun] = {}
        self._level: dict[str, Stamp] = {}
        self._ended: dict[str, Mapping[str, float]] = {}
        self.refused: dict[str, Exception] = {}

    def level(self, ending: StudySummary | None = None) -> None:
        """Write what MLflow lacks, and at the end of the study what is known only then.

        Raises: whatever MLflow raises. What was written until then stays, and the next call goes on from there.
        """
        try:
            self._bring_level(ending or StudySummary())
        except BaseException:
            self._runs = None
            raise

    def present(self) -> int:
        """Return how many members of the plan have a record."""
        return len(self._members.present())

    def behind(self, ending: StudySummary | None = None) -> int:
        """Return how many members of the plan have a record that MLflow does not show, as far as is known."""
        wanted = (ending or StudySummary()).of_members
        return sum(
            self._level.get(identity) != stamp or self._ended.get(identity, {}) != wanted.get(identity, {})
            for identity, stamp in self._members.present().items()
        )

    def _bring_level(self, ending: StudySummary) -> None:
        present = self._members.present()
        runs = self._runs
        if runs is None:
            runs = self._runs = self._read_runs(present)
        self.refused = {}
        for identity, stamp in present.items():
            try:
                if self._level.get(identity) != stamp:
                    self._level_member(self._read_member(identity), runs)
                    self._level[identity] = stamp
                values = ending.of_members.get(identity, {})
                runs[identity].set_last({metric_name(key): value for key, value in values.items()}, _now())
                self._ended[identity] = values
            except Exception as error:
                if not _is_of_one_run(error):
                    raise
                self.refused[identity] = error
        if ending.report is not None:
            self._write_summary(ending.report, ending.of_study)

    def _read_member(self, identity: str) -> MemberRecord:
        record = self._records.read_member(identity)
        left = record.status == "running" and not self._is_running(record.job)
        return replace(record, status="interrupted", error="its process died") if left else record

    def _level_member(self, record: MemberRecord, runs: dict[str, MirroredRun]) -> None:
        wanted = wanted_run(record, self._plan)
        run = runs.get(wanted.identity)
        if run is None:
            run = runs[wanted.identity] = self._create(wanted.role, wanted.name, wanted.tags, wanted.started)
        elif run.status == wanted.status and run.tags.get(RECORD) == wanted.digest:
            return
        run.set_tags(wanted.tags, not_wanted={"reason"} - set(wanted.tags))
        run.add_params(wanted.params)
        if wanted.result:
            self._add_result(run, record, wanted)
        run.set_tags({RECORD: wanted.digest})
        run.set_status(wanted.status, wanted.ended)

    def _add_result(self, run: MirroredRun, record: MemberRecord, wanted: WantedRun) -> None:
        moment = milliseconds(self._plan.started) if wanted.ended is None else wanted.ended
        run.add_points(wanted_points(record, self._plan, self._records), moment)
        run.add_files(self._records.member_folder(record.identity))

    def _write_summary(self, report: Path, metrics: Mapping[str, float]) -> None:
        """Write one run that holds the report, its tables and figures, and the study's own numbers.

        One for each content of results.csv, which holds all that a report rests on; what else it holds (when it was
        made, how long that took) is another each time.
        """
        content = hashlib.sha256((report / "results.csv").read_bytes()).hexdigest()
        run = self._summaries.get(content)
        if run is None:
            tags = {"study": self._plan.study, "role": "summary", "attempt": str(self._plan.attempt)}
            tags |= {"command": self._plan.command, CONTENT: content}
            tags["mlflow.note.content"] = f"Report of `{self._plan.command}`"
            run = self._summaries[content] = self._create("report", f"{self._plan.study} report", tags)
        run.set_last({metric_name(key): value for key, value in metrics.items()}, run.started)
        if run.status != FINISHED:
            run.add_files(report)
            run.set_status(FINISHED)

    def _create(self, role: str, name: str, tags: dict[str, str], started: int | None = None) -> MirroredRun:
        client = self._opened()
        run = client.create_run(self._experiments[role], start_time=started, tags=tags, run_name=name)
        self._progress.wrote(str(run.info.run_id))
        return MirroredRun(client, self._progress, run)

    def _opened(self) -> MlflowClient:
        if self._client is None:
            self._client = open_store(self._uri)
            self._progress.answered()
        return self._client

    def _read_runs(self, present: Mapping[str, Stamp]) -> dict[str, MirroredRun]:
        """Return the run of each member, the oldest where there are several, and end those that nobody writes."""
        self._level, self._ended = {}, {}
        self._experiments = {role: self._experiment(self._plan.study + end) for role, end in EXPERIMENTS.items()}
        ours = sorted(self._search(), key=lambda run: (run.started, run.run_id))
        runs: dict[str, MirroredRun] = {}
        for run in ours:
            if (identity := self._identity(run)) is not None:
                runs.setdefault(identity, run)
        self._summaries = {run.tags[CONTENT]: run for run in reversed(ours) if CONTENT in run.tags}
        for run in ours:
            identity = self._identity(run)
            is_written = identity is not None and identity in present and runs[identity] is run
            if run.status == RUNNING and not is_written and _attempt(run) <= self._plan.attempt:
                run.set_status(self._true_end(identity))
        return runs

    def _identity(self, run: MirroredRun) -> str | None:
        """Return whose run it is, None where it belongs to no member or to another attempt."""
        return run.tags.get("identity") if _attempt(run) == self._plan.attempt else None

    def _true_end(self, identity: str | None) -> str:
        """Return how a run ended that is not in the plan any more; one without its points did not finish."""
        try:
            ended = KILLED if identity is None else status_of(self._records.read_member(identity))
        except RecordError:
            return KILLED
        return ended if ended == FAILED else KILLED

    def _experiment(self, name: str) -> str:
        client = self._opened()
        found = client.get_experiment_by_name(name)
        self._progress.answered()
        if found is not None:
            if found.lifecycle_stage != "active":
                raise DeletedError(
                    f"experiment={name}: deleted in MLflow: allowed: restored there, or removed for good"
                )
            return str(found.experiment_id)
        location = None if self._artifacts is None else (self._artifacts / name).as_uri()
        created = str(client.create_experiment(name, artifact_location=location))
        self._progress.answered()
        return created

    def _search(self) -> Iterator[MirroredRun]:
        client, where = self._opened(), f"tags.study = '{self._plan.study}'"
        for experiment in self._experiments.values():
            token: str | None = None
            while True:
                page = client.search_runs([experiment], where, max_results=PAGE, page_token=token)
                self._progress.answered()
                found: list[Run] = list(page)
                yield from (MirroredRun(client, self._progress, run) for run in found)
                token = page.token
                if not token:
                    break


def _attempt(run: MirroredRun) -> int:
    """Return how often the study had been started anew when the run was made."""
    return int(run.tags.get("attempt", 0))


def _is_of_one_run(error: Exception) -> bool:
    """Tell whether an error stands against one member alone; any other stands against all of them."""
    if isinstance(error, MlflowException):
        return str(error.error_code) in OF_ONE_RUN
    return isinstance(error, RecordError | ValueError)


def _now() -> int:
    return round(1e3 * time.time())
