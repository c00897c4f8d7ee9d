"""A study of claims: the studies that measure them, then the verdicts."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Column, Table

from lstm_bench.claims.deciding import Ruling
from lstm_bench.config.schema import StudyConfig
from lstm_bench.records.plan import JobPlan, StudyPlan
from lstm_bench.records.reading import RecordError
from lstm_bench.records.snapshot import Snapshot
from lstm_bench.records.store import StudyRecords
from lstm_bench.speed.study_cells import is_timed
from lstm_bench.study.base_study import Launch, PlannedStudy
from lstm_bench.study.folders import records_folder, reports_folder
from lstm_bench.study.planning import now
from lstm_bench.study.running import StudyRunner
from lstm_bench.study.searches import have_ended
from lstm_bench.study.stopping import Stop

if TYPE_CHECKING:
    from lstm_bench.claims.evidence import Evidence


class ClaimsStudy(PlannedStudy):
    """Studies to run one after another, and the claims that they decide."""

    when_stopped = StudyRunner.when_stopped

    def __init__(self, config: StudyConfig, plan: StudyPlan, parts: Sequence[tuple[StudyConfig, StudyPlan]]) -> None:
        super().__init__(config, plan)
        self._parts = parts

    def run(self, launch: Launch, stop: Stop) -> int:
        """Run what is not in the records yet, write the report and print the verdicts; return the worst exit code."""
        with self._alone():
            return self._run(launch, stop)

    def _run(self, launch: Launch, stop: Stop) -> int:
        started = time.monotonic()
        self._records.write_plan(self._plan)
        codes = [
            self._run_part(f"{place} of {len(self._parts)}", config, plan, launch, stop)
            for place, (config, plan) in enumerate(self._parts, start=1)
        ]
        self._plan = replace(self._plan, finished=now(), wall_s=time.monotonic() - started)
        self._records.write_plan(self._plan)
        return max([*codes, self._report()])

    def _run_part(self, place: str, config: StudyConfig, plan: StudyPlan, launch: Launch, stop: Stop) -> int:
        if config.resume and self._has_report(config) and is_whole(config, plan):
            self.say(f"{place}: {plan.study} is in the records.")
            return 0
        self.say(f"{place}: {plan.study}")
        return StudyRunner(config, plan).run(launch, stop)

    def _has_report(self, config: StudyConfig) -> bool:
        """Tell whether the report of a part exists or is turned off."""
        return not config.report.enabled or (reports_folder(config.output) / config.study / "report.html").is_file()

    def _report(self) -> int:
        """Print the verdicts and write the report; return 1 where one of them failed, else 0."""
        from lstm_bench.claims.evidence import load_evidence  # here: scipy and seaborn take a second to import

        evidence = self._attempted(lambda: load_evidence(self._records.folder), "No verdicts")
        if evidence is None:
            return 1
        report = self._reported(lambda: self._write_report(evidence)) if self._config.report.enabled else None
        self._console.print(_table(evidence.rulings))
        if report is not None:
            self.say(f"Report:  {report}")
            self._say_missing_letters(evidence)
        elif not self._config.report.enabled:
            self._say_report_is_off()
        return int(report is None and self._config.report.enabled)

    def _write_report(self, evidence: "Evidence") -> Path:
        from lstm_bench.report.build import write_report

        return write_report(evidence, reports_folder(self._config.output))


def is_whole(config: StudyConfig, plan: StudyPlan) -> bool:
    """Tell whether a study's records hold all that it asks for: its jobs, every member and, unless off, their speed."""
    records = StudyRecords(records_folder(config.output, config.study))
    with suppress(RecordError):
        recorded_plan = records.read_plan()
        if not have_ended(plan.searches, recorded_plan.searches):
            return False
        jobs = [*plan.jobs, *recorded_plan.jobs] if plan.searches else plan.jobs
        recorded, snapshot = {job.job: job for job in recorded_plan.jobs}, Snapshot(records, jobs)
        trained = [recorded.get(job.job, job) for job in jobs if job.steps and job.seeds]
        has_speed = not config.speed.enabled or is_timed(trained, records.read_speed())
        return has_speed and all(_is_recorded(job, recorded, snapshot) for job in jobs)
    return False


def _is_recorded(job: JobPlan, recorded: dict[str, JobPlan], snapshot: Snapshot) -> bool:
    is_planned = job.job in recorded and set(job.seeds) <= set(recorded[job.job].seeds)
    return is_planned and len(snapshot.finished_seeds(job)) == len(job.seeds)


def _table(rulings: Sequence[Ruling]) -> Table:
    """Return a table of the verdicts for the screen."""
    table = Table("Claim", "Measured (95% interval)", Column("Verdict", no_wrap=True), "Because", show_lines=True)
    for ruling in rulings:
        table.add_row(ruling.text, "\n".join(ruling.decisive), ruling.verdict, ruling.because)
    return table
