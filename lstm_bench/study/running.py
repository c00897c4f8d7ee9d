"""Run one study from its plan to its report."""

import math
import shlex
import shutil
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from lstm_bench.analysis import frames
from lstm_bench.analysis.matching import matched_parameters
from lstm_bench.analysis.wording import counted
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import ROLES, JobPlan
from lstm_bench.speed.study_cells import is_timed, measure_speed
from lstm_bench.study.base_study import Launch, PlannedStudy
from lstm_bench.study.failure_summary import summarise_failures
from lstm_bench.study.folders import reports_folder, tracking_uri
from lstm_bench.study.locks import is_any_job_running, stop_request
from lstm_bench.study.members import members_of, reported
from lstm_bench.study.planning import now
from lstm_bench.study.recovery import archive_study, attempt_of, reconcile
from lstm_bench.study.reuse import reuse_members
from lstm_bench.study.runtime_bound import in_words, most_seconds
from lstm_bench.study.stopping import Stop, Stopped
from lstm_bench.study.watching import FAILED, Watcher
from lstm_bench.tracking.background import BackgroundMirror

LAUNCHES = 3  # a launcher that dies is started again for the jobs that it did not run
CLOSING_S = 1.0  # for MLflow, when the study is stopped


class StudyRunner(PlannedStudy):
    """Run a planned study."""

    when_stopped = "Stopped. Finished members are kept; the same command resumes the study:"

    def run(self, launch: Launch, stop: Stop) -> int:
        """Run the jobs that are not finished, then measure speed and write the report; return the exit code.

        The code is 0 where the study is complete: every member has a result, speed is measured, the report is written
        and MLflow has every run, unless these are turned off; and where no job failed, even if another process produced
        its results. Repaired damage, a checkpoint that was not written, and a launcher that was started again do not
        count as failures.

        Args:
            launch: runs jobs of this study.
            stop: handles signals.
        """
        with self._alone():
            try:
                return self._run(launch, stop)
            except (OSError, RecordError) as error:
                self.say(f"Study {self._plan.study} cannot go on: {error}")
                return 1

    def _run(self, launch: Launch, stop: Stop) -> int:
        started = time.monotonic()
        self._begin()
        uri, artifacts = tracking_uri(self._config.output, self._config.tracking.uri)
        with ExitStack() as stack:
            mirror = None
            if self._config.tracking.enabled:
                mirror = stack.enter_context(BackgroundMirror(self._plan, self._records, uri, artifacts))
            try:
                came_to_end = self._train(launch, stop)
                if mirror is not None:
                    mirror.rest()  # nothing else runs while speed is measured
                has_speed = self._measure_speed()
                report = self._end(started, mirror)
            except Stopped as stopped:
                self._close_stopped(stopped, mirror)
                raise
        if report is not None:
            self._say_what_was_published()
        self._say_where_it_is(report, uri, mirror)
        without_result = self._say_what_failed(came_to_end)
        has_report = report is not None or not self._config.report.enabled
        is_mirrored = mirror is None or mirror.error is None
        self._records.journal.note(
            "study_ended", members_without_result=without_result, jobs=came_to_end, speed=has_speed, mlflow=is_mirrored
        )
        return 0 if not without_result and came_to_end and has_speed and has_report and is_mirrored else 1

    def _begin(self) -> None:
        """Reconcile the records with what is on disk, then print the plan."""
        attempt = attempt_of(self._records, self._config.resume)
        archive = None if self._config.resume else archive_study(self._records)
        self._plan = replace(self._plan, attempt=attempt)
        self._records.write_plan(self._plan)
        self._records.journal.note("study_began", command=self._plan.command, attempt=attempt)
        shutil.rmtree(self._records.folder / "progress", ignore_errors=True)
        if archive is not None:
            self.say(f"Started again; the earlier records are kept in {archive}.")
        reconciled = reconcile(self._records, self._plan.jobs)
        for damaged in reconciled.damaged:
            self.say(f"Damaged: {damaged}.")
        if self._config.resume:
            self._plan = replace(self._plan, taken_over=reuse_members(self._records, self._plan.jobs))
        self._say_what_is_ahead(reconciled.left_running)
        self._say_how_long()

    def _train(self, launch: Launch, stop: Stop) -> bool:
        """Run the waiting jobs; where a launcher dies, launch again the jobs that it did not run.

        Return whether every job and the last launcher ended without failure.
        """
        _, journal_end = self._records.journal.read()
        folder, failed, exit_code = self._records.folder, False, 0
        with Watcher(self._plan, self._records, self._console):
            waiting = self._waiting_jobs()
            for _ in range(LAUNCHES if waiting else 0):
                with stop.asking(stop_request(folder), lambda: is_any_job_running(folder)):
                    exit_code = launch(self._config, waiting)
                ended = [line for line in self._records.journal.read(journal_end)[0] if line["event"] == "job_ended"]
                failed = any(line["outcome"] in FAILED for line in ended)
                waiting = [number for number in waiting if number not in {line["number"] for line in ended}]
                if not exit_code or not waiting:
                    break
                self.say(f"The launcher ended with {counted(len(waiting), 'job')} not run.")
        return not failed and not waiting and not exit_code

    def _close_stopped(self, stopped: Stopped, mirror: BackgroundMirror | None) -> None:
        """Mark members that were running as interrupted, in the records and in MLflow."""
        reconcile(self._records, self._plan.jobs, patience_s=CLOSING_S)
        self._records.journal.note("study_stopped", signal=str(stopped))
        if mirror is not None:
            mirror.close({}, {}, None, CLOSING_S)

    def _measure_speed(self) -> bool:
        """Measure the speed of every job that has a trained member; return False where that failed."""
        pairs = list(zip(self._config.jobs, self._plan.jobs, strict=True))
        trained = [(job, plan) for job, plan in pairs if plan.steps and self._kept(plan)]
        try:
            if is_timed([plan for _, plan in trained], self._records.read_speed()):
                return True
            if not self._config.speed.enabled:
                self.say("Speed:   not measured (speed=off); the same command without it measures it.")
                return True
            self.say("Measuring speed, with nothing else running ...")
            self._records.write_speed(measure_speed(trained))
        except Exception as error:
            self.say(f"Speed was not measured: {type(error).__name__}: {error}")
            return False
        return True

    def _waiting_jobs(self) -> list[int]:
        """Return the numbers of the jobs with members to train, and mark the others as done."""
        waiting = []
        for number, job in enumerate(self._plan.jobs):
            if self._is_whole(job):
                self._records.write_progress(job.job, {"phase": "done"})
            else:
                waiting.append(number)
        return waiting

    def _is_whole(self, job: JobPlan) -> bool:
        """Tell whether every member of a job has a result, tuning members included."""
        return all(self._records.has_result(member.identity) for member in members_of(job))

    def _kept(self, plan: JobPlan) -> list[int]:
        """Return the seeds of a job's reported members that have a result."""
        return [member.seed for member in reported(plan) if self._records.has_result(member.identity)]

    def _say_what_is_ahead(self, left_running: int) -> None:
        members = sum(len(job.seeds) for job in self._plan.jobs)
        finished_seeds = [seed for job in self._plan.jobs for seed in self._kept(job)]
        details = f"; {len(finished_seeds)} are finished already and stay" if finished_seeds else ""
        if reused := self._plan.taken_over:
            details += f" ({counted(reused, 'member')} taken from other studies here, tuning included)"
        if resumable := self._begun():
            details += f"; {counted(resumable, 'job')} go{'es' * (resumable == 1)} on from a checkpoint"
        if left_running:
            details += f" ({left_running} left running by a process that died)"
        self._announce(f"Study {self._plan.study}: {len(self._plan.jobs)} jobs, {members} members{details}.")
        if matched := matched_parameters(self._plan.jobs):
            self.say(matched)
        for reason in self._config.unmatched:
            self.say(f"At matched hidden size alone: {reason}")

    def _say_how_long(self) -> None:
        """Print what the chosen budget leaves out and how long it takes at most, where the experiment has budgets."""
        if self._config.budget is None:
            return
        self.say(f"Budget {self._config.budget.text}.")
        pairs = zip(self._config.jobs, self._plan.jobs, strict=True)
        waiting = [(job, plan) for job, plan in pairs if plan.steps and not self._is_whole(plan)]
        if waiting:
            self.say(f"Timing a few training steps of {counted(len(waiting), 'job')} ...")
            ends = any(job.trainer.stop_when_solved for job, _ in waiting)
            limit = " at most; members that solve end before" if ends else ""
            at_once = self._config.jobs_at_once
            seconds = most_seconds(waiting, at_once)
            self.say(f"Training on {counted(at_once, 'core')} takes {in_words(seconds)}{limit}.")

    def _begun(self) -> int:
        """Return how many waiting jobs have a checkpoint."""
        waiting = [job.job for job in self._plan.jobs if not self._is_whole(job)]
        return sum(any(self._records.checkpoints(job, role).exist() for role in ROLES) for job in waiting)

    def _end(self, started: float, mirror: BackgroundMirror | None) -> Path | None:
        """Record the end of the study, write the report and close the mirror; return the report, None without one."""
        mirror_s = None if mirror is None else mirror.seconds
        self._plan = replace(self._plan, finished=now(), wall_s=time.monotonic() - started, mirror_s=mirror_s)
        self._records.write_plan(self._plan)
        try:
            report = self._write_report() if self._config.report.enabled else None
        except OSError as error:
            self.say(f"No report: {error}; python -m lstm_bench.report {self._plan.study} makes it from the records")
            report = None
        if mirror is not None:
            self._close(mirror, report)
        return report

    def _write_report(self) -> Path:
        from lstm_bench.report.build import build_report  # imported here, as seaborn takes a second

        return build_report(self._records.folder, reports_folder(self._config.output))

    @cached_property
    def _frames(self) -> frames.StudyData:
        """The records as frames, read once at the end of the study, when they no longer change."""
        return frames.load_study(self._records.folder)

    def _say_what_was_published(self) -> None:
        from lstm_bench.report.literature_text import literature_text

        if text := literature_text(self._frames):
            self.say(f"\n{text}\n")

    def _close(self, mirror: BackgroundMirror, report: Path | None) -> None:
        from lstm_bench.analysis.results import derived_metrics, study_metrics

        mirror.close(
            derived_metrics(self._frames), study_metrics(self._frames), None if report is None else report.parent
        )

    def _say_where_it_is(self, report: Path | None, uri: str, mirror: BackgroundMirror | None) -> None:
        if report is not None:
            self.say(f"Report:  {report}")
        elif not self._config.report.enabled:
            self._say_report_is_off()
        if mirror is not None and mirror.error is None:
            self.say(f"MLflow:  mlflow ui --backend-store-uri {shlex.quote(uri)}")
            share = mirror.seconds / (self._plan.wall_s or math.inf)
            self.say(f"         logging took {mirror.seconds:.1f} s of processor time, {share:.1%} of the study's time")
        elif mirror is not None:
            self.say(
                f"MLflow:  {counted(mirror.unwritten, 'run')} not yet written ({type(mirror.error).__name__}: "
                f"{mirror.error})\n"
                f"         to write them from the records: python -m lstm_bench.tracking.backfill {self._plan.study}"
            )

    def _say_what_failed(self, came_to_end: bool) -> int:
        """Print members without a result, diverged members and failed jobs; return how many have no result."""
        summary = summarise_failures(self._records, self._plan.jobs)
        for line in summary.lines:
            self.say(line)
        if without_result := summary.without_result:
            self.say(f"{counted(without_result, 'member')} without a result; the same command tries again:")
            self.say(f"  {self._plan.command}")
        elif not came_to_end:
            self.say("Every member has its result, but a job or its launcher failed, as printed above; to try again:")
            self.say(f"  {self._plan.command}")
        return without_result
