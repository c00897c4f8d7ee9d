"""The experiments of a study in MLflow: their descriptions and views, and where the files of their runs are kept."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from mlflow.tracking import MlflowClient

from lstm_bench.tracking import front_page
from lstm_bench.tracking.file_location import FilesError, is_local, unreachable, unreachable_files
from lstm_bench.tracking.progress import Progress
from lstm_bench.tracking.run import MirroredRun
from lstm_bench.tracking.saved_views import saved_views

SUFFIXES = {"report": "", "tuning": " tuning", "summary": " report"}  # of the study's name, by role of the runs
KIND = {"mlflow.experimentKind": "custom_model_development"}  # tag: MLflow's pages for training, not for GenAI


class DeletedError(Exception):
    """The study's experiment is deleted in MLflow."""


class Experiments:
    """The three experiments of a study: reported members, under the study's name; tuning members; and reports.

    A chart grouped by cell and lag thus averages over comparable seeds alone.
    """

    def __init__(self, client: MlflowClient, progress: Progress, study: str, artifacts: Path | None) -> None:
        """Open the experiments, and create those that do not exist.

        Args:
            client: the client of the store.
            progress: counts MLflow's answers.
            study: the study's name.
            artifacts: the folder of artifacts; None for the store's own.

        Raises: DeletedError; whatever MLflow raises.
        """
        self._client, self._progress, self._study, self._artifacts = client, progress, study, artifacts
        self._tags: dict[str, dict[str, str]] = {}  # by id
        self._locations: dict[str, tuple[str, str]] = {}  # name and location of files, by id
        self._unreachable: dict[str, str] = {}  # a line on folders of files that are not here, by id
        self.ids = {role: self._open(f"{study}{suffix}") for role, suffix in SUFFIXES.items()}

    def _open(self, name: str) -> str:
        experiment = self._client.get_experiment_by_name(name)
        self._progress.answered()
        if experiment is None:
            location = None if self._artifacts is None else (self._artifacts / name).as_uri()
            created_id = self._client.create_experiment(name, artifact_location=location, tags=KIND)
            experiment = self._client.get_experiment(created_id)
            self._progress.answered()
        elif experiment.lifecycle_stage != "active":
            raise DeletedError(f"experiment={name}: deleted in MLflow: allowed: restored there, or removed for good")
        number = str(experiment.experiment_id)
        self._tags[number] = dict(experiment.tags)
        self._locations[number] = (name, str(experiment.artifact_location))
        return number

    def introduce(self, made: int) -> None:
        """Write the missing descriptions and saved views of the experiments.

        Args:
            made: when the study was started, in milliseconds since 1970.
        """
        reported = self.ids["report"]
        present = self._tags[reported]
        self._set_tags("report", {key: view for key, view in saved_views(made).items() if key not in present})
        self.describe("report", front_page.while_training(self._study, reported))
        self.describe("tuning", front_page.of_tuning(self._study, reported))
        self.describe("summary", front_page.of_reports(self._study, reported))

    def describe(self, role: str, text: str, is_last: bool = False) -> None:
        """Describe an experiment that has no description; with `is_last`, replace ours too, but never a person's."""
        present = self._tags[self.ids[role]].get(front_page.NOTE)
        if present is None or (is_last and present != text and front_page.is_ours(present)):
            self._set_tags(role, {front_page.NOTE: text})

    def _set_tags(self, role: str, tags: Mapping[str, str]) -> None:
        experiment = self.ids[role]
        for key, value in tags.items():
            self._client.set_experiment_tag(experiment, key, value)
            self._tags[experiment][key] = value
            self._progress.answered()

    def look_for_folders(self, with_files: Sequence[MirroredRun]) -> None:
        """Find the folders of files that are missing here; `with_files` are the runs that have files."""
        self._unreachable = dict(self._folders_not_here({run.experiment for run in with_files}))

    def _folders_not_here(self, with_files: set[str]) -> Iterator[tuple[str, str]]:
        """Yield experiments whose folder of files is missing, each with a line on it; our own is created again."""
        for experiment, (name, location) in self._locations.items():
            is_own = self._artifacts is not None and location == (self._artifacts / name).as_uri()
            if not is_own and (folder := unreachable(location, experiment in with_files)):
                yield experiment, unreachable_files(name, folder)

    def check_location(self, run: MirroredRun) -> None:
        """Raise FilesError where the files of a run cannot be reached."""
        if run.experiment in self._unreachable:
            raise FilesError(self._unreachable[run.experiment])

    def store(self, run: MirroredRun, add_files: Callable[[], None]) -> None:
        """Store files in a run. Raises: FilesError where its experiment keeps them out of reach."""
        self.check_location(run)
        name, location = self._locations[run.experiment]
        try:
            add_files()
        except ImportError as error:  # the client of a cloud's storage is a package of its own
            raise FilesError(f"experiment={name}: its files are kept at {location}: {error}") from error
        except OSError as error:
            if self._artifacts is not None or not is_local(location):
                raise
            raise FilesError(f"{unreachable_files(name, location)} ({error.strerror})") from error
