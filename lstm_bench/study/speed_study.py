"""A study of speed alone, from plan to report."""

import time
from dataclasses import replace
from pathlib import Path

from rich.progress import Progress, TaskID

from lstm_bench.speed.benchmark import run_benchmark
from lstm_bench.study.base_study import Launch, PlannedStudy
from lstm_bench.study.folders import reports_folder
from lstm_bench.study.planning import now
from lstm_bench.study.stopping import Stop


class SpeedStudy(PlannedStudy):
    """A planned study of speed. It keeps results only at its end, since only rounds of one run can be compared."""

    when_stopped = "Stopped. Nothing was kept: only timings of one run are comparable; the same command starts again:"

    def run(self, _: Launch, __: Stop) -> int:
        """Time the implementations of one job after another in this process, and write the report.

        Return the exit code: 1 where a report is asked for and cannot be written, else 0.
        """
        with self._alone():
            return self._run()

    def _run(self) -> int:
        started = time.monotonic()
        self._announce(f"Study {self._plan.study}: {len(self._plan.jobs)} jobs; run nothing else meanwhile.")
        with Progress(console=self._console, disable=not self._console.is_terminal) as progress:
            bar = progress.add_task(self._plan.study, total=len(self._plan.jobs))
            pairs = list(zip(self._config.jobs, self._plan.jobs, strict=True))
            limit, rows = run_benchmark(pairs, self._config.speed, lambda done: self._show(progress, bar, done))
        self._plan = replace(self._plan, finished=now(), wall_s=time.monotonic() - started)
        self._records.write_plan(self._plan)
        self._records.write_benchmark(limit, rows)
        if not self._config.report.enabled:
            self._say_report_is_off()
            return 0
        report = self._reported(self._write_report)
        if report is None:
            return 1
        self.say(f"Report:  {report}")
        return 0

    def _show(self, progress: Progress, bar: TaskID, done: int) -> None:
        progress.update(bar, completed=done)
        if not self._console.is_terminal:
            job = self._plan.jobs[done - 1]
            self.say(f"{done} of {len(self._plan.jobs)} jobs done: {job.cell} lag {job.lag} batch {job.batch_size}")

    def _write_report(self) -> Path:
        from lstm_bench.report.build import build_report  # here: seaborn takes a second to import

        return build_report(self._records.folder, reports_folder(self._config.output))
