"""The base of every kind of study: its settings, its plan, its records and the user's screen."""

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console

from lstm_bench.config.errors import ConfigError, not_allowed
from lstm_bench.config.schema import StudyConfig
from lstm_bench.records.locking import HeldError, LockError, held, study_lock
from lstm_bench.records.plan import StudyPlan
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.detaching import detach
from lstm_bench.study.environment import slower_kernels
from lstm_bench.study.folders import records_folder, reports_folder

if TYPE_CHECKING:  # a study imports pandas at its end, since that takes a third of a second
    from lstm_bench.report.build import Measured

T = TypeVar("T")
Launch = Callable[[StudyConfig, Sequence[int]], int]  # run jobs of a study's plan, by number; return an exit code
IN_NOTEBOOK = "JPY_PARENT_PID"  # Jupyter sets it in its kernels, and so in the processes that a cell starts


class PlannedStudy:
    """A study with its settings, plan and records, which prints to the user's screen.

    Attributes:
        when_stopped: the message to a user who stops the study.
    """

    when_stopped: str

    def __init__(self, config: StudyConfig, plan: StudyPlan) -> None:
        self._config, self._plan = config, plan
        self._records = StudyRecords(records_folder(config.output, config.study))
        self._console = screen()

    def say(self, text: str) -> None:
        """Print a text to the user."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def say_how_to_resume(self) -> None:
        """Print what a stopped study has kept, and the command that resumes it."""
        self.say(f"{self.when_stopped}\n  {self._plan.command}")

    def detach(self, arguments: Sequence[str]) -> int:
        """Run the study in the background with these command-line arguments, and return the exit code.

        Raises: ConfigError where another invocation runs it, and where the folder cannot be locked.
        """
        with self._alone():
            pass
        return detach(self._records.folder, arguments, self.say)

    def _say_report_is_off(self) -> None:
        """Print that the study has no report, and the command that writes one."""
        self.say(f"Report:  not written (report=off); to write it: python -m lstm_bench.report {self._plan.study}")

    def _say_missing_letters(self, study: "Measured") -> None:
        from lstm_bench.report.build import letters_line

        if line := letters_line(study):
            self.say(line)

    def _reported(self, write: Callable[[], Path]) -> Path | None:
        """Return the report that `write` writes; None where that fails, after a line that says so."""
        report = self._attempted(write, "No report")
        if report is None:
            rows = reports_folder(self._config.output) / self._plan.study / "results.csv"
            if rows.is_file():
                self.say(f"         its rows are in {rows.parent}")
            self.say(f"         to make it from the records: python -m lstm_bench.report {self._plan.study}")
        return report

    def _attempted(self, work: Callable[[], T], failure: str) -> T | None:
        """Return what `work` returns; where it fails, say so in a line, keep the traceback in the journal, return None.

        The results are in the records by then, so a failure to report them must not end the study.
        """
        try:
            return work()
        except Exception as error:
            self.say(f"{failure}: {in_a_line(error)}")
            with suppress(OSError):
                self._records.journal.note("telling_failed", failure=failure, reason=traceback.format_exc())
            return None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of the study during the block.

        Raises: ConfigError where another invocation holds it, and where the folder cannot be locked.
        """
        try:
            with held(study_lock(self._records.folder), self._plan.command):
                yield
        except LockError as error:
            raise ConfigError(f"output={self._config.output}: {error}") from error
        except HeldError as error:
            raise not_allowed("study", self._plan.study, f"one invocation at a time; it is run by {error}") from error

    def _announce(self, text: str) -> None:
        """Print the plan, the notes on the cells, and which kernels are missing."""
        self.say(text)
        for note in dict.fromkeys(note for job in self._plan.jobs for note in job.notes):
            self.say(f"Note: {note}.")
        if missing := slower_kernels(self._config.jobs):
            self.say(missing)


def in_a_line(error: Exception) -> str:
    """Return the class of an error, unless it is an OSError, and the first line of its message."""
    lines = str(error).strip().splitlines() or [""]
    return lines[0] if isinstance(error, OSError) else f"{type(error).__name__}: {lines[0]}"


def screen() -> Console:
    """Return a console for standard output, which counts as a terminal only where a person watches it.

    A notebook keeps all that a cell prints, so a progress bar would appear as many times as it is drawn. Its kernel
    sets FORCE_COLOR, which makes rich treat any output as a terminal, and a command after "!" writes to a
    pseudo-terminal.
    """
    return Console(force_terminal=sys.stdout.isatty() and IN_NOTEBOOK not in os.environ)
