"""The base of every planned study: its settings, its plan, its records and the user's screen."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from lstm_bench.config.errors import not_allowed
from lstm_bench.config.schema import StudyConfig
from lstm_bench.records.locking import HeldError, held
from lstm_bench.records.schema import StudyPlan
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.environment import slower_kernels
from lstm_bench.study.folders import records_folder
from lstm_bench.study.locks import study_lock

Launch = Callable[[StudyConfig, Sequence[int]], int]  # run jobs of a study's plan, by number; return an exit code


class PlannedStudy:
    """A study with its settings, plan and records, which prints to the user's screen.

    Attributes:
        when_stopped: the message to a user who stops the study.
    """

    when_stopped: str

    def __init__(self, config: StudyConfig, plan: StudyPlan) -> None:
        self._config, self._plan = config, plan
        self._records = StudyRecords(records_folder(config.output, config.study))
        self._console = Console()

    def say(self, text: str) -> None:
        """Print to the user."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def say_how_to_resume(self) -> None:
        """Print what a stopped study has kept, and the command that resumes it."""
        self.say(f"{self.when_stopped}\n  {self._plan.command}")

    def _say_report_is_off(self) -> None:
        """Print that the study has no report, and the command that writes one."""
        self.say(f"Report:  not written (report=off); to write it: python -m lstm_bench.report {self._plan.study}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of the study during the block.

        Raises: ConfigError where another invocation holds it.
        """
        try:
            with held(study_lock(self._records.folder), self._plan.command):
                yield
        except HeldError as error:
            raise not_allowed("study", self._plan.study, f"one invocation at a time; {error} is at it") from error

    def _announce(self, text: str) -> None:
        """Print the plan, the notes on the cells, and which kernels are missing."""
        self.say(text)
        for note in dict.fromkeys(note for job in self._plan.jobs for note in job.notes):
            self.say(f"Note: {note}.")
        if missing := slower_kernels(self._config.jobs):
            self.say(missing)
