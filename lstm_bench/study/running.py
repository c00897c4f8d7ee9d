"""Run one study from its plan to its report."""

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_bench.analysis.wording import counted
from lstm_bench.config.schema import JobConfig, StudyConfig
from lstm_bench.cores import usable_cores
from lstm_bench.records.job_parts import JobPart, dealt
from lstm_bench.records.locking import is_any_job_running, stop_request
from lstm_bench.records.plan import JobPlan, StudyPlan
from lstm_bench.records.reading import RecordError
from lstm_bench.records.schema import FAILED
from lstm_bench.records.snapshot import Snapshot
from lstm_bench.records.speed import StudyCost
from lstm_bench.speed.machine_limit import limit_of_this_core
from lstm_bench.speed.study_cells import is_timed, measure_speed
from lstm_bench.speed.study_cost import study_cost
from lstm_bench.study.base_study import Launch, PlannedStudy
from lstm_bench.study.folders import reports_folder, tracking_uri
from lstm_bench.study.messages import (
    last_bits_line,
    matching_lines,
    mirror_lines,
    plan_text,
    probe_lines,
    summarise_failures,
    tracking_line,
)
from lstm_bench.study.planning import job_config, now
from lstm_bench.study.recovery import reconcile
from lstm_bench.study.reuse import archive_study, attempt_of, reuse_members
from lstm_bench.study.runtime_bound import in_words, longest_first, most_seconds
from lstm_bench.study.searches import Searches, with_former_depth
from lstm_bench.study.stopping import Stop, Stopped
from lstm_bench.study.watching import Watcher
from lstm_bench.tracking.background import BackgroundMirror
from lstm_bench.tracking.run_spec import StudySummary

if TYPE_CHECKING:  # a study imports pandas when its jobs have ended, since that takes a third of a second
    from lstm_bench.analysis.frames import StudyData

LAUNCHES = 3  # a launcher that dies is started again for the jobs that it did not run
CLOSING_S = 1.0  # for MLflow, when the study is stopped


class StudyRunner(PlannedStudy):
    """Run a planned study."""

    when_stopped = "Stopped. Finished members are kept; the same command resumes the study:"

    def __init__(self, config: StudyConfig, plan: StudyPlan) -> None:
        super().__init__(config, plan)
        self._fixed = [
            job for job in config.jobs if not job.searched
        ]  # the settings of the jobs of `Searches.fixed_jobs`
        self._searches = Searches(plan.searches, fixed_jobs=plan.jobs)
        self._snapshot = Snapshot(self._records)  # the members, read when the study begins and where they change

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
                self.say(f"Study {self._plan.study} cannot continue: {error}")
                return 1

    def _run(self, launch: Launch, stop: Stop) -> int:
        started = time.monotonic()
        self._begin()
        uri, artifacts = tracking_uri(self._config.output, self._config.tracking.uri)
        with ExitStack() as stack:
            mirror = None
            if self._config.tracking.enabled:
                background = BackgroundMirror(self._plan, self._records, uri, artifacts, self._is_training())
                mirror = stack.enter_context(background)
            try:
                came_to_end = self._train(launch, stop, mirror.follow if mirror else lambda _: None)
                if mirror is not None:
                    mirror.rest()  # nothing else runs while speed is measured
                has_speed = self._measure_speed()
                report = self._end(started, mirror)
            except Stopped as stopped:
                self._close_stopped(stopped, mirror)
                raise
        if report is not None:
            self._attempted(self._say_what_came_out, "No comparison in text")
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
        self._plan = replace(self._plan_to_resume(), attempt=attempt)
        self._records.write_plan(self._plan)
        _, self._journal_began = self._records.journal.read()
        self._records.journal.note("study_began", command=self._plan.command, attempt=attempt)
        shutil.rmtree(self._records.folder / "progress", ignore_errors=True)
        if archive is not None:
            self.say(f"Started again; the earlier records are kept in {archive}.")
        left_running = self._take_up(self._plan.jobs)
        self._take_up_searches()
        self._records.write_plan(self._plan)
        self._announce(plan_text(self._plan, self._records, self._snapshot, left_running))
        if any(progress.ended for progress in self._searches.progress):
            for line in self._searches.words:
                self.say(line)
        if (notice := last_bits_line(self._plan)) is not None:
            self.say(notice)
        for line in matching_lines(self._plan.jobs, self._config.unmatched):
            self.say(line)
        if (where := tracking_line(self._config.tracking)) is not None:
            self.say(where)
        self._say_how_long()

    def _plan_to_resume(self) -> StudyPlan:
        """Return the plan; where the study has records, its searches keep the number of packs at a time."""
        with suppress(RecordError):
            if self._config.resume and self._config.span.at_once is None:
                return with_former_depth(self._plan, self._records.read_plan().searches)
        return self._plan

    def _take_up(self, jobs: Sequence[JobPlan]) -> int:
        """Reconcile jobs and reuse members of other studies; return how many a dead process had left running."""
        parts = dealt(jobs, self._plan.members_per_job)
        reconciled = reconcile(self._records, parts, snapshot=self._snapshot)
        for damaged in reconciled.damaged:
            self.say(f"Damaged: {damaged}.")
        if self._config.resume:
            reused = reuse_members(self._records, jobs, self._snapshot)
            self._plan = replace(self._plan, taken_over=self._plan.taken_over + reused)
        return reconciled.left_running

    def _take_up_searches(self) -> None:
        """Resume the searches from the records, and reuse members of other studies as long as a search advances."""
        self._searches = Searches(self._plan.searches, self._searches.fixed_jobs)
        taken_up: list[JobPlan] = []
        while True:
            self._searches.look(self._snapshot)
            self._plan = self._searches.grown(self._plan)
            jobs = [job for job in self._plan.jobs[len(self._fixed) :] if job not in taken_up]
            if not jobs:
                return
            self._take_up(jobs)
            taken_up += jobs

    def _is_training(self) -> Callable[[], bool]:
        """Return a function that returns whether training has begun, after processes have started, or no job waits."""
        parts = dealt(self._plan.jobs, self._plan.members_per_job)
        waiting = [part.name for part in parts if not self._snapshot.is_whole(part.job)]
        return lambda: not waiting or any(self._records.has_progress(name) for name in waiting)

    def _train(self, launch: Launch, stop: Stop, on_growth: Callable[[StudyPlan], None]) -> bool:
        """Run the waiting jobs; where a launcher dies, launch again the jobs that it did not run.

        Return whether every job and the last launcher ended without failure.

        Args:
            launch: runs jobs of this study.
            stop: handles signals.
            on_growth: called with the plan when a search has added jobs to it.
        """
        _, journal_end = self._records.journal.read()
        folder, failed, exit_code, was_announced = self._records.folder, False, 0, False
        waiting = self._waiting_jobs()
        with Watcher(self._plan, self._records, self._snapshot, self._console, self._searches, on_growth) as watcher:
            for _ in range(LAUNCHES if waiting else 0):
                with stop.forwarding(stop_request(folder), lambda: is_any_job_running(folder)):
                    exit_code = self._launch(launch, stop, waiting)
                lines, _ = self._records.journal.read(journal_end)
                ended = [line for line in lines if line["event"] == "job_ended"]
                failed = any(line["outcome"] in FAILED for line in ended)
                came_to_end = {line["number"] for line in lines if line["event"] == "lane_ended"}
                came_to_end |= {line["number"] for line in ended if line["number"] >= 0}
                not_run = [number for number in waiting if number not in came_to_end]
                is_new, waiting = not_run != waiting or not was_announced, not_run
                if not exit_code or not waiting:
                    break
                if is_new:
                    self.say(f"The launcher ended with {counted(len(waiting), 'job')} not run.")
                was_announced = True
        self._plan = watcher.plan
        self._snapshot.refresh(self._plan.jobs)
        return not failed and not waiting and not exit_code

    def _launch(self, launch: Launch, stop: Stop, numbers: Sequence[int]) -> int:
        """Launch the parts that tune, then all other parts; return the highest exit code."""
        tuning = {number for number, part in enumerate(self._parts) if not part.job.seeds}
        rounds, exit_code = ([n for n in numbers if n in tuning], [n for n in numbers if n not in tuning]), 0
        for waiting in rounds:
            if waiting and not stop.was_signalled:
                exit_code = max(exit_code, launch(self._config, self._in_order(waiting)))
        return exit_code

    def _in_order(self, numbers: Sequence[int]) -> list[int]:
        """Return the numbers of parts as they are launched: the longest first, lanes last."""
        lanes = [number for number in numbers if number < 0]
        settings = {plan.job: job for job, plan in zip(self._fixed, self._searches.fixed_jobs, strict=True)}
        parts = [(settings[part.job.job], part.job) for part in self._parts]
        return longest_first(parts, [number for number in numbers if number >= 0]) + lanes

    def _close_stopped(self, stopped: Stopped, mirror: BackgroundMirror | None) -> None:
        """Mark members that were running as interrupted, in the records and in MLflow."""
        parts = dealt(self._plan.jobs, self._plan.members_per_job)
        reconcile(self._records, parts, patience_s=CLOSING_S)
        self._records.journal.note("study_stopped", signal=str(stopped))
        if mirror is not None:
            mirror.close(StudySummary(), CLOSING_S)

    def _measure_speed(self) -> bool:
        """Measure the speed of every job that has a trained member; return False where that failed."""
        trained = self._to_be_timed()
        try:
            if is_timed([plan for _, plan in trained], self._records.read_speed()):
                return True
            if not self._config.speed.enabled:
                self.say("Speed:   not measured (speed=off); the same command without speed=off measures it.")
                return True
            self.say("Measuring speed, with nothing else running ...")
            self._records.write_speed(measure_speed(trained))
        except Exception as error:
            self.say(f"Speed was not measured: {type(error).__name__}: {error}")
            return False
        return True

    def _to_be_timed(self) -> list[tuple[JobConfig, JobPlan]]:
        """Return the jobs whose speed is measured: those with a trained member; of a search, only one an octave.

        A search trains one pack in a job, so the members of one pack are timed together.
        """
        trained = [(job, plan) for job, plan in self._pairs if plan.steps and self._snapshot.finished_seeds(plan)]
        if not self._plan.searches:
            return trained
        from lstm_bench.study.span_replay import packs_at_octaves  # scipy is loaded by now

        fixed = {job.job for job in self._searches.fixed_jobs}
        searched = packs_at_octaves([plan for _, plan in trained if plan.job not in fixed], self._plan.searches)
        return [pair for pair in trained if pair[1].job in fixed] + [(job_config(plan), plan) for plan in searched]

    @property
    def _pairs(self) -> list[tuple[JobConfig, JobPlan]]:
        """The settings and the plan of each job: as given, then as planned by searches."""
        fixed_pairs = list(zip(self._fixed, self._searches.fixed_jobs, strict=True))
        return fixed_pairs + [(job_config(plan), plan) for plan in self._plan.jobs[len(fixed_pairs) :]]

    @property
    def _parts(self) -> list[JobPart]:
        """The parts of the fixed jobs that the launcher runs, in the order of their numbers."""
        return dealt(self._searches.fixed_jobs, self._plan.members_per_job)

    def _waiting_jobs(self) -> list[int]:
        """Return the numbers of the parts with members to train, and mark the others as done.

        The lanes of the searches, if these wait for members, have the numbers from -1 downwards.
        """
        self._snapshot.refresh(self._plan.jobs)  # a job that another process runs may have ended
        waiting = []
        for number, part in enumerate(self._parts):
            if self._snapshot.is_whole(part.job):
                self._records.write_progress(part.name, {"phase": "done"})
            else:
                waiting.append(number)
        packs_at_once = sum(search.at_once for search in self._plan.searches)
        lanes = min(self._config.jobs_at_once, packs_at_once) if self._searches.waiting else 0
        return [*waiting, *range(-1, -1 - lanes, -1)]

    def _say_how_long(self) -> None:
        """Print what the chosen budget leaves out and how long it takes at most, where the experiment has budgets.

        Searches are left out, since nobody knows how long they take.
        """
        if self._config.budget is None:
            return
        self.say(f"Budget {self._config.budget.text}.")
        fixed_pairs = zip(self._fixed, self._searches.fixed_jobs, strict=True)
        waiting = [(job, plan) for job, plan in fixed_pairs if plan.steps and not self._snapshot.is_whole(plan)]
        if waiting:
            waiting = [waiting[place] for place in longest_first(waiting, range(len(waiting)))]
            self.say(f"Timing a few training steps of {counted(len(waiting), 'job')} ...")
            ends = any(job.trainer.stop_when_solved for job, _ in waiting)
            limit = " at most; members that solve end earlier" if ends else ""
            at_once = self._config.jobs_at_once
            seconds = most_seconds(waiting, at_once)
            self.say(f"Training on {counted(at_once, 'core')} takes {in_words(seconds)}{limit}.")

    def _end(self, started: float, mirror: BackgroundMirror | None) -> Path | None:
        """Record the end of the study, write the report and close the mirror; return the report, None without one."""
        mirror_s, wall_s = None if mirror is None else mirror.seconds, time.monotonic() - started
        self._plan = replace(self._plan, finished=now(), wall_s=wall_s, mirror_s=mirror_s, cost=self._cost(wall_s))
        self._records.write_plan(self._plan)
        report = self._reported(self._write_report) if self._config.report.enabled and self._snapshot.members else None
        if mirror is not None:
            self._close(mirror, report)
        return report

    def _cost(self, wall_s: float) -> StudyCost | None:
        """Return how this invocation used its cores, see `study_cost`."""
        events, _ = self._records.journal.read(self._journal_began)
        if not any(line["event"] == "member_ended" for line in events):
            return None
        cores = min(self._config.jobs_at_once, usable_cores())
        return study_cost(self._pairs, self._snapshot.members, events, cores, wall_s, limit_of_this_core())

    def _write_report(self) -> Path:
        from lstm_bench.claims.evidence import own_claims  # imported here, as scipy and seaborn take a second
        from lstm_bench.report.build import write_report

        claims = own_claims(self._records.folder)
        return write_report(self._frames, reports_folder(self._config.output), own_claims=claims)

    @cached_property
    def _frames(self) -> "StudyData":
        """The records as frames, read once at the end of the study, when they no longer change."""
        from lstm_bench.analysis.frames import load_study

        return load_study(self._records.folder)

    def _say_what_came_out(self) -> None:
        from lstm_bench.report.comparison_text import comparison_text

        if text := comparison_text(self._frames):
            self.say(f"\n{text}\n")

    def _say_what_was_published(self) -> None:
        from lstm_bench.report.literature_text import literature_text

        if text := literature_text(self._frames):
            self.say(f"\n{text}\n")

    def _close(self, mirror: BackgroundMirror, report: Path | None) -> None:
        from lstm_bench.study.mlflow_summary import mlflow_summary

        folder = None if report is None else report.parent
        summary = self._attempted(lambda: mlflow_summary(self._frames, folder), "No summary in MLflow")
        mirror.close(summary or StudySummary(report=folder))

    def _say_where_it_is(self, report: Path | None, uri: str, mirror: BackgroundMirror | None) -> None:
        if report is not None:
            self.say(f"Report:  {report}")
            self._say_missing_letters(self._frames)
        elif not self._config.report.enabled:
            self._say_report_is_off()
        elif not self._snapshot.members:
            self.say("No report: no member has a record.")
        for line in mirror_lines(self._plan, mirror, uri) if mirror is not None else []:
            self.say(line)

    def _say_what_failed(self, came_to_end: bool) -> int:
        """Print members without a result, diverged members and failed jobs; return how many have no result."""
        at_the_end = Snapshot(self._records, self._plan.jobs)  # all read again: a record may have been damaged since
        summary = summarise_failures(at_the_end, self._plan.jobs)
        for line in (*summary.lines, *probe_lines(at_the_end, self._plan.jobs)):
            self.say(line)
        if without_result := summary.without_result:
            self.say(f"{counted(without_result, 'member')} without a result; the same command tries again:")
            self.say(f"  {self._plan.command}")
        elif not came_to_end:
            self.say("Every member has its result, but a job or its launcher failed, as printed above; to try again:")
            self.say(f"  {self._plan.command}")
        return without_result
