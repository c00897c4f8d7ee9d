"""One study from plan to report."""

import math
import shutil
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from lstm_bench.analysis.matching import matched_parameters
from lstm_bench.analysis.wording import counted
from lstm_bench.records.schema import JobPlan
from lstm_bench.study.folders import reports_folder, tracking_uri
from lstm_bench.study.identity import member_identity
from lstm_bench.study.job import finished
from lstm_bench.study.planned import Launch, PlannedStudy
from lstm_bench.study.planning import now
from lstm_bench.study.speed import measure_speed
from lstm_bench.study.taking_over import take_over
from lstm_bench.study.watching import Watcher
from lstm_bench.tracking.background import BackgroundMirror


class Study(PlannedStudy):
    """A planned study, ready to run."""

    when_stopped = "Stopped. What is finished is kept; the same command goes on from there:"

    def run(self, launch: Launch) -> int:
        """Run the jobs that are not finished, then measure speed and write the report; return the exit code.

        Args:
            launch: runs jobs of this study.
        """
        started = time.monotonic()
        self._records.write_plan(self._plan)
        shutil.rmtree(self._records.folder / "progress", ignore_errors=True)
        self._plan = replace(self._plan, taken_over=take_over(self._records, self._plan.jobs))
        self._say_what_is_ahead()
        uri, artifacts = tracking_uri(self._config.output, self._config.tracking.uri)
        with ExitStack() as stack:
            mirror = None
            if self._config.tracking.enabled:
                mirror = stack.enter_context(BackgroundMirror(self._plan, self._records, uri, artifacts))
            with Watcher(self._plan, self._records, self._console):
                waiting = self._waiting_jobs()
                launched = launch(self._config, waiting) if waiting else 0
        measured = self._measure_speed()
        mirror_s = None if mirror is None else mirror.seconds
        self._plan = replace(self._plan, finished=now(), wall_s=time.monotonic() - started, mirror_s=mirror_s)
        self._records.write_plan(self._plan)
        report = self._write_report(mirror)
        self._say_where_it_is(report, uri, mirror)
        failed = self._say_what_failed()
        return 1 if launched or failed or not measured else 0

    def _measure_speed(self) -> bool:
        """Measure every job that has a trained member to show for it; tell whether that went well."""
        if all(job.steps == 0 for job in self._plan.jobs):
            return True
        self.say("Measuring speed, with nothing else running ...")
        pairs = zip(self._config.jobs, self._plan.jobs, strict=True)
        try:
            self._records.write_speed(measure_speed([(job, plan) for job, plan in pairs if self._kept(plan)]))
        except Exception as error:
            self.say(f"Speed was not measured: {type(error).__name__}: {error}")
            return False
        return True

    def _waiting_jobs(self) -> list[int]:
        """Return the numbers of the jobs with members to train, and say of the others that they are done."""
        waiting = []
        for number, job in enumerate(self._plan.jobs):
            if len(self._kept(job)) < len(job.seeds):
                waiting.append(number)
            else:
                self._records.write_progress(job.job, {"phase": "done"})
        return waiting

    def _kept(self, plan: JobPlan) -> list[int]:
        """Return the seeds of a job that have a record that stands."""
        return [seed for seed in plan.seeds if finished(self._records, plan.job, "report", seed)]

    def _members(self) -> list[tuple[str, str]]:
        """Return (description, identity) of every reported member."""
        return [
            (f"{job.task} {job.cell} lag {job.lag} seed {seed}", member_identity(job.job, "report", seed))
            for job in self._plan.jobs
            for seed in job.seeds
        ]

    def _say_what_is_ahead(self) -> None:
        members = self._members()
        kept = [seed for job in self._plan.jobs for seed in self._kept(job)]
        again = f"; {len(kept)} are finished already and stay" if kept else ""
        if taken := self._plan.taken_over:
            again += f" ({counted(taken, 'member')} taken from other studies here, tuning included)"
        self._announce(f"Study {self._plan.study}: {len(self._plan.jobs)} jobs, {len(members)} members{again}.")
        if matched := matched_parameters(self._plan.jobs):
            self.say(matched)
        for reason in self._config.unmatched:
            self.say(f"At matched hidden size alone: {reason}")

    def _write_report(self, mirror: BackgroundMirror | None) -> Path:
        from lstm_bench.analysis.frames import load_study
        from lstm_bench.analysis.results import derived_metrics, study_metrics
        from lstm_bench.report.build import build_report  # here: seaborn takes a second to import

        report = build_report(self._records.folder, reports_folder(self._config.output))
        if mirror is not None:
            study = load_study(self._records.folder)
            mirror.close(derived_metrics(study), study_metrics(study), report.parent)
        return report

    def _say_where_it_is(self, report: Path, uri: str, mirror: BackgroundMirror | None) -> None:
        self.say(f"Report:  {report}")
        if mirror is not None and mirror.error is None:
            self.say(f"MLflow:  mlflow ui --backend-store-uri {uri}")
            share = mirror.seconds / (self._plan.wall_s or math.inf)
            self.say(f"         logging took {mirror.seconds:.1f} s of processor time, {share:.1%} of the study's time")
        elif mirror is not None:
            self.say(
                f"MLflow:  not complete ({type(mirror.error).__name__}: {mirror.error}); the records hold everything"
            )

    def _say_what_failed(self) -> int:
        """Tell members that failed or never ran, grouped by reason; return how many."""
        reasons: Counter[str] = Counter()
        for description, identity in self._members():
            if not self._records.has_member(identity):
                reasons["never ran"] += 1
                continue
            record = self._records.read_member(identity)
            if record.status == "failed":
                reasons[(record.error or "").strip().splitlines()[-1]] += 1
                self.say(f"Failed: {description}")
        for reason, count in reasons.items():
            self.say(f"{count} members without a result: {reason}")
        return sum(reasons.values())
