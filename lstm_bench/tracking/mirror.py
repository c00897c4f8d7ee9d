"""Write the missing records of a study into MLflow."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from lstm_bench.records.folder_id import folder_id
from lstm_bench.records.plan import StudyPlan
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import MemberRecord
from lstm_bench.records.store import StudyRecords
from lstm_bench.tracking import front_page
from lstm_bench.tracking.experiments import Experiments
from lstm_bench.tracking.file_location import FilesError
from lstm_bench.tracking.measured import MEASURED, measured
from lstm_bench.tracking.opening import open_store
from lstm_bench.tracking.points import job_of, metric_name, wanted_points
from lstm_bench.tracking.progress import Progress
from lstm_bench.tracking.run import MirroredRun
from lstm_bench.tracking.run_spec import (
    FAILED,
    FINISHED,
    KILLED,
    RUNNING,
    RecordedMembers,
    RunSpec,
    Stamp,
    StudySummary,
    milliseconds,
    mlflow_status,
    run_spec,
)
from lstm_bench.tracking.shown_metrics import compared, shown_at_the_end

PAGE = 200  # runs in one answer
RECORD, CONTENT = "record", "content"  # tags: the state of the record, or of the report, that a run shows
FOLDER = "folder"  # tag: the id of the folder of records that a run belongs to
REFUSALS = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")  # MLflow's codes for what it refuses every time


class Mirror:
    """The runs of one study in an MLflow store.

    Each role of a run has an experiment, see `Experiments`. A run is found by three tags: the id of the folder of
    records, its member's identity and the study's attempt. Its status and its tag `record` are written last: a run
    without them is incomplete, and the next update completes it. Runs of another folder, whose study has the same name,
    are left as they are.

    Attributes:
        refused: the errors of members that cannot be written, by identity.
        n_others: the number of runs of other folders that are there under the study's name.
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
        """Keep the settings; the first update opens the store.

        Args:
            plan: the study's plan.
            records: the study's records.
            uri: the MLflow store.
            artifacts: the folder of artifacts; None for the store's own.
            progress: counts MLflow's answers.
            is_running: whether a job is running; a member with the status "running" was interrupted where it is not.
        """
        self._plan, self._records, self._uri, self._artifacts = plan, records, uri, artifacts
        self._progress, self._is_running = progress, is_running
        self._members = RecordedMembers(plan, records)
        self._client: MlflowClient | None = None
        self._experiments: Experiments | None = None
        self._runs: dict[str, MirroredRun] | None = None  # None: to be read
        self._summary_runs: dict[str, MirroredRun] = {}
        self._written: dict[str, Stamp] = {}
        self._written_metrics: dict[str, Mapping[str, float]] = {}
        self._without_files: dict[str, Stamp] = {}  # members that are written except for their files
        self._mark: dict[str, str] = {}  # the tag of every run of ours
        self.refused: dict[str, Exception] = {}
        self.n_others = 0

    def follow(self, plan: StudyPlan) -> None:
        """Take a plan that may have grown; the next update writes its members."""
        if plan is not self._plan:
            self._plan = plan
            self._members.follow(plan)

    def update(self, summary: StudySummary | None = None) -> None:
        """Write the missing records and, for a study that has ended, the summary.

        Raises: whatever MLflow raises. What was written until then stays, and the next call continues from there.
        """
        try:
            self._write_missing(summary or StudySummary())
        except BaseException:
            self._runs = None
            raise

    @property
    def experiment(self) -> str:
        """MLflow's id of the reported members' experiment, "" before the first update."""
        return "" if self._experiments is None else self._experiments.ids["report"]

    @property
    def _opened_experiments(self) -> Experiments:
        """The study's experiments, which are opened before its runs are read."""
        assert self._experiments is not None
        return self._experiments

    def recorded(self) -> int:
        """Return how many members of the plan have a record."""
        return len(self._members.stamps())

    def unwritten(self, summary: StudySummary | None = None) -> int:
        """Return how many recorded members of the plan are not known to be written to MLflow."""
        metrics = (summary or StudySummary()).of_members
        return sum(
            self._written.get(identity) != stamp or self._written_metrics.get(identity, {}) != metrics.get(identity, {})
            for identity, stamp in self._members.stamps().items()
        )

    def _write_missing(self, summary: StudySummary) -> None:
        stamps = self._members.stamps()
        runs = self._runs
        if runs is None:
            runs = self._runs = self._read_runs(stamps)
        self.refused = {}
        for identity, stamp in stamps.items():
            try:
                if self._written.get(identity) != stamp:
                    self._update_member(identity, stamp, runs)
                self._add_derived(identity, summary.of_members.get(identity, {}), runs[identity])
            except Exception as error:
                if not _concerns_one_run(error):
                    raise
                self.refused[identity] = error
        report = None if summary.report is None else self._write_summary(summary.report, summary)
        if summary.headline:
            self._opened_experiments.describe("report", self._description(summary.headline, report), is_last=True)

    def _update_member(self, identity: str, stamp: Stamp, runs: dict[str, MirroredRun]) -> None:
        """Write the missing parts of a member's run, unless these are only files that still cannot be stored."""
        try:
            if self._without_files.get(identity) == stamp:
                self._opened_experiments.check_location(runs[identity])
            self._write_member(self._read_member(identity), runs)
            self._written[identity] = stamp
            self._written_metrics.pop(identity, None)  # its table has been written without them
        except FilesError as error:
            self._without_files[identity] = stamp
            self.refused[identity] = error

    def _add_derived(self, identity: str, derived: Mapping[str, float], run: MirroredRun) -> None:
        """Write what is known of a member only when its study has ended: metrics, and the table of its numbers."""
        if self._written_metrics.get(identity, {}) == derived:
            return
        metrics = shown_at_the_end(derived)
        run.set_last({metric_name(key): value for key, value in metrics.items()}, _now())
        record = self._read_member(identity)
        self._opened_experiments.store(
            run, lambda: run.add_table(MEASURED, measured(record, job_of(record, self._plan), derived))
        )
        self._written_metrics[identity] = derived

    def _read_member(self, identity: str) -> MemberRecord:
        record = self._records.read_member(identity)
        is_interrupted = record.status == "running" and not self._is_running(record.job)
        return replace(record, status="interrupted", error="its process died") if is_interrupted else record

    def _write_member(self, record: MemberRecord, runs: dict[str, MirroredRun]) -> None:
        spec = run_spec(record, self._plan)
        run = runs.get(spec.identity)
        if run is None:
            run = runs[spec.identity] = self._create(spec.role, spec.name, spec.tags, spec.started)
        elif run.status == spec.status and run.tags.get(RECORD) == spec.digest:
            # earlier versions did not write these numbers, and the files may have become unreachable
            run.set_last(compared(record, job_of(record, self._plan)), self._moment(spec))
            self._opened_experiments.check_location(run)
            return
        run.set_tags(spec.tags, removed={"reason"} - set(spec.tags))
        run.add_params(spec.params)
        if spec.has_result:
            run.add_points(wanted_points(record, self._plan, self._records), self._moment(spec))
            folder = self._records.member_folder(record.identity)
            table = measured(record, job_of(record, self._plan), {})
            try:
                self._opened_experiments.store(run, lambda: run.add_files(folder))
                self._opened_experiments.store(run, lambda: run.add_table(MEASURED, table))
            except FilesError:
                run.set_status(spec.status, spec.ended)  # and no tag `record`: a later update adds the files
                raise
        run.set_tags({RECORD: spec.digest})
        run.set_status(spec.status, spec.ended)

    def _moment(self, spec: RunSpec) -> int:
        return milliseconds(self._plan.started) if spec.ended is None else spec.ended

    def _write_summary(self, report: Path, summary: StudySummary) -> MirroredRun:
        """Write a run that holds the report, its tables and figures, and the study's own metrics, and return it.

        There is one for each content of results.csv, from which all else in a report follows; other files differ
        whenever the report is made.
        """
        content = hashlib.sha256((report / "results.csv").read_bytes()).hexdigest()
        run = self._summary_runs.get(content)
        if run is None:
            tags = {"study": self._plan.study, "role": "summary", "attempt": str(self._plan.attempt)}
            tags |= {"command": self._plan.command, CONTENT: content}
            tags["mlflow.note.content"] = f"Report of `{self._plan.command}`"
            run = self._summary_runs[content] = self._create("summary", f"{self._plan.study} report", tags)
        run.set_tags(self._mark)
        run.set_last({metric_name(key): value for key, value in summary.of_study.items()}, run.started)
        try:
            if run.status != FINISHED:
                self._opened_experiments.store(run, lambda: run.add_files(report))
            self._add_texts(run, report, summary)
            run.set_status(FINISHED)
        except FilesError as error:
            self.refused["report"] = error
            if run.status != FINISHED:
                run.set_status(KILLED)
        return run

    def _add_texts(self, run: MirroredRun, report: Path, summary: StudySummary) -> None:
        """Store the files of a report that MLflow's pages show: its picture, and the comparison of the cells."""
        if (picture := front_page.picture_of(report)) is not None:
            self._opened_experiments.store(run, lambda: run.add_text(front_page.PICTURE, picture))
        if (comparison := summary.comparison) is not None:
            self._opened_experiments.store(run, lambda: run.add_table(front_page.COMPARISON, comparison))

    def _description(self, headline: Sequence[str], report: MirroredRun | None) -> str:
        """Return the description of a study that has ended."""
        if report is None:
            return front_page.of_ended(headline, self.experiment)
        has_picture = report.has_text(front_page.PICTURE)
        return front_page.of_reported(headline, self.experiment, report.experiment, report.run_id, has_picture)

    def _create(self, role: str, name: str, tags: dict[str, str], started: int | None = None) -> MirroredRun:
        client = self._opened()
        tags = tags | self._mark
        run = client.create_run(self._opened_experiments.ids[role], start_time=started, tags=tags, run_name=name)
        self._progress.wrote(str(run.info.run_id))
        return MirroredRun(client, self._progress, run)

    def _opened(self) -> MlflowClient:
        if self._client is None:
            self._client = open_store(self._uri, self._artifacts)
            self._progress.answered()
        return self._client

    def _read_runs(self, stamps: Mapping[str, Stamp]) -> dict[str, MirroredRun]:
        """Return the run of each member, the oldest where there are several, and terminate abandoned runs."""
        self._written, self._written_metrics, self._without_files = {}, {}, {}
        self._experiments = Experiments(self._opened(), self._progress, self._plan.study, self._artifacts)
        self._experiments.introduce(milliseconds(self._plan.started))
        self._mark = {FOLDER: folder_id(self._records.folder, is_shared=self._artifacts is None)}
        stored = sorted(self._search(), key=lambda run: (run.started, run.run_id))
        summaries = [
            run for run in stored if CONTENT in run.tags and run.tags.get(FOLDER) in (None, self._mark[FOLDER])
        ]
        self._summary_runs = {run.tags[CONTENT]: run for run in reversed(summaries)}
        study_runs = [run for run in stored if self._is_ours(run)]
        self.n_others = len(stored) - len(study_runs)
        complete = [run for run in stored if run.status == FINISHED and {RECORD, CONTENT} & set(run.tags)]
        self._experiments.look_for_folders(complete)
        runs: dict[str, MirroredRun] = {}
        for run in study_runs:
            run.set_tags(self._mark)
            if (identity := self._identity(run)) is not None:
                runs.setdefault(identity, run)
        for run in study_runs:
            identity = self._identity(run)
            is_written = identity is not None and identity in stamps and runs[identity] is run
            if run.status == RUNNING and not is_written and _attempt(run) <= self._plan.attempt:
                run.set_status(self._status_of_abandoned(identity))
        return runs

    def _is_ours(self, run: MirroredRun) -> bool:
        """Tell whether a run is of our folder of records.

        A run of an earlier version has no tag that says so. It is ours where it shows our record, whose digest no other
        folder has, since times differ; and in the store that lies next to the records.
        """
        if FOLDER in run.tags:
            return run.tags[FOLDER] == self._mark[FOLDER]
        return self._artifacts is not None or self._shows_our_record(run)

    def _shows_our_record(self, run: MirroredRun) -> bool:
        digest = run.tags.get(RECORD)
        try:
            return digest is not None and self._records.read_member(run.tags.get("identity", "")).sha256 == digest
        except RecordError:
            return False

    def _identity(self, run: MirroredRun) -> str | None:
        """Return the identity of a run's member; None for a run of no member or of another attempt."""
        return run.tags.get("identity") if _attempt(run) == self._plan.attempt else None

    def _status_of_abandoned(self, identity: str | None) -> str:
        """Return FAILED for a run whose member failed, KILLED for any other: without its points it did not finish."""
        try:
            status = KILLED if identity is None else mlflow_status(self._records.read_member(identity))
        except RecordError:
            return KILLED
        return status if status == FAILED else KILLED

    def _search(self) -> Iterator[MirroredRun]:
        client, query = self._opened(), f"tags.study = '{self._plan.study}'"
        for experiment in self._opened_experiments.ids.values():
            token: str | None = None
            while True:
                page = client.search_runs([experiment], query, max_results=PAGE, page_token=token)
                self._progress.answered()
                runs: list[Run] = list(page)
                yield from (MirroredRun(client, self._progress, run) for run in runs)
                token = page.token
                if not token:
                    break


def _attempt(run: MirroredRun) -> int:
    """Return the study's attempt that made a run: how often it had been started anew by then."""
    return int(run.tags.get("attempt", 0))


def _concerns_one_run(error: Exception) -> bool:
    """Return whether an error concerns one member; any other error concerns all of them."""
    if isinstance(error, MlflowException):
        return str(error.error_code) in REFUSALS
    return isinstance(error, RecordError | ValueError | FilesError)


def _now() -> int:
    return round(1e3 * time.time())
