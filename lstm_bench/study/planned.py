"""What every planned study has, whatever it measures: its settings, its plan, its records and the user's screen."""

from rich.console import Console

from lstm_bench.config.schema import StudyConfig
from lstm_bench.records.schema import StudyPlan
from lstm_bench.records.store import StudyRecords
from lstm_bench.study.environment import slower_kernels
from lstm_bench.study.folders import records_folder


class PlannedStudy:
    """A study that can talk to the user and knows where its records lie."""

    def __init__(self, config: StudyConfig, plan: StudyPlan) -> None:
        self._config, self._plan = config, plan
        self._records = StudyRecords(records_folder(config.output, config.study))
        self._console = Console()

    def say(self, text: str) -> None:
        """Print to the user."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _announce(self, text: str) -> None:
        """Say what is ahead, and which kernels are missing for it."""
        self.say(text)
        if note := slower_kernels(self._config.jobs):
            self.say(note)
