"""What every planned study has, whatever it measures: its settings, its plan, its records and the user's screen."""

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

Launch = Callable[[StudyConfig, Sequence[int]], int]  # runs jobs of a study's plan, by number; returns an exit code


class PlannedStudy:
    """A study that can talk to the user and knows where its records lie."""

    when_stopped: str  # what is said to who stops it

    def __init__(self, config: StudyConfig, plan: StudyPlan) -> None:
        self._config, self._plan = config, plan
        self._records = StudyRecords(records_folder(config.output, config.study))
        self._console = Console()

    def say(self, text: str) -> None:
        """Print to the user."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def say_how_to_go_on(self) -> None:
        """Tell what a study that was stopped has kept, and the command that goes on."""
        self.say(f"{self.when_stopped}\n  {self._plan.command}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other invocations off the study during the block.

        Raises: ConfigError where there is one already.
        """
        try:
            with held(study_lock(self._records.folder), self._plan.command):
                yield
        except HeldError as error:
            raise not_allowed("study", self._plan.study, f"one invocation at a time; {error} is at it") from error

    def _announce(self, text: str) -> None:
        """Say what is ahead, what a reader must know of the cells, and which kernels are missing."""
        self.say(text)
        for note in dict.fromkeys(note for job in self._plan.jobs for note in job.notes):
            self.say(f"Note: {note}.")
        if missing := slower_kernels(self._config.jobs):
            self.say(missing)
