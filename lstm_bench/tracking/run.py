"""One run in MLflow, written piece by piece, each piece once."""

import hashlib
import json
import math
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient

from lstm_bench.tracking.measured import Table
from lstm_bench.tracking.points import Point
from lstm_bench.tracking.progress import Progress
from lstm_bench.tracking.run_spec import RUNNING

MOST_METRICS, MOST_PARAMS = 1000, 100  # of one log_batch; one call each would be forty times slower
TABLES, TEXT = "mlflow.loggedArtifacts", "mlflow.lstm_bench."  # tags: its tables; the state of a text, by its name
Item = TypeVar("Item")


class MirroredRun:
    """A run and its known content: every method writes what is missing and nothing else.

    After an error the content is unknown, and the run has to be read again. Every call waits for MLflow's answer,
    whatever MLFLOW_ENABLE_ASYNC_LOGGING says: a batch that is refused later would count as written.
    """

    def __init__(self, client: MlflowClient, progress: Progress, run: Run) -> None:
        self._client, self._progress = client, progress
        self.run_id, self.status, self.started = str(run.info.run_id), str(run.info.status), int(run.info.start_time)
        self.experiment = str(run.info.experiment_id)
        self.tags, self._params = dict(run.data.tags), dict(run.data.params)
        self._last = dict(run.data.metrics)

    def set_tags(self, tags: Mapping[str, str], removed: Collection[str] = ()) -> None:
        """Set tags, and remove others."""
        changed = {key: value for key, value in tags.items() if self.tags.get(key) != value}
        if changed:
            self._client.log_batch(
                self.run_id, tags=[RunTag(key, value) for key, value in changed.items()], synchronous=True
            )
            self.tags |= changed
            self._progress.wrote(self.run_id)
        for key in set(removed) & set(self.tags):
            self._client.delete_tag(self.run_id, key)
            del self.tags[key]
            self._progress.wrote(self.run_id)

    def add_params(self, params: Mapping[str, str]) -> None:
        """Add the missing parameters; MLflow lets no parameter be changed."""
        missing = {key: value for key, value in params.items() if key not in self._params}
        for batch in _batches(missing.items(), MOST_PARAMS):
            self._client.log_batch(self.run_id, params=[Param(key, value) for key, value in batch], synchronous=True)
            self._params |= dict(batch)
            self._progress.wrote(self.run_id)

    def add_points(self, points: Sequence[Point], moment: int) -> None:
        """Add the missing points, whatever the timestamps of the present ones.

        A metric's only point counts as present where the metric has that value at any step.
        """
        present = set(self._history({metric for metric, _, _ in points}))
        present_values = {(metric, value) for metric, _, value in present}
        n_points = Counter(metric for metric, _, _ in points)
        missing = {stored: point for point in points if (stored := _as_stored(point)) not in present}
        for metric, step, value in list(missing):
            if n_points[metric] == 1 and (metric, value) in present_values:
                del missing[metric, step, value]
        for batch in _batches(missing.values(), MOST_METRICS):
            self._client.log_batch(
                self.run_id, [Metric(metric, value, moment, step) for metric, step, value in batch], synchronous=True
            )
            self._last |= {metric: value for metric, _, value in batch}
            self._progress.wrote(self.run_id)

    def _history(self, metrics: set[str]) -> Iterator[tuple[str, int, float | None]]:
        """Yield the present points. A metric without a last value has none: MLflow writes both at once."""
        for metric in sorted(metrics & set(self._last)):
            points = self._client.get_metric_history(self.run_id, metric)
            self._progress.answered()
            yield from (_as_stored((metric, point.step, point.value)) for point in points)

    def set_last(self, metrics: Mapping[str, float], moment: int) -> None:
        """Add a value, at step 0, to each metric whose last value differs."""
        changed = {key: value for key, value in metrics.items() if not self._has_last(key, value)}
        for batch in _batches(changed.items(), MOST_METRICS):
            self._client.log_batch(
                self.run_id, [Metric(key, value, moment, 0) for key, value in batch], synchronous=True
            )
            self._last |= dict(batch)
            self._progress.wrote(self.run_id)

    def _has_last(self, key: str, value: float) -> bool:
        return key in self._last and _as_stored((key, 0, self._last[key])) == _as_stored((key, 0, value))

    def add_files(self, folder: Path) -> None:
        """Store every file below a folder, except temporary files, whose names start with a dot."""
        for path in sorted(path for path in folder.rglob("[!.]*") if path.is_file()):
            below = path.parent.relative_to(folder).as_posix()
            self._client.log_artifact(self.run_id, str(path), None if below == "." else below)
            self._progress.wrote(self.run_id)

    def add_table(self, name: str, table: Table) -> None:
        """Store the one table of a run as a file that MLflow renders."""
        self.add_text(name, json.dumps(table, indent=1, allow_nan=False))
        self.set_tags({TABLES: json.dumps([{"path": name, "type": "table"}])})

    def add_text(self, name: str, text: str) -> None:
        """Store a text as a file, unless it is there already."""
        digest = hashlib.sha256(f"{self.run_id} {text}".encode()).hexdigest()[:16]  # a run's tags may be copied
        if self.tags.get(f"{TEXT}{name}") != digest:
            self._client.log_text(self.run_id, text, name)
            self._progress.wrote(self.run_id)
            self.set_tags({f"{TEXT}{name}": digest})

    def has_text(self, name: str) -> bool:
        """Tell whether a text was stored under this name."""
        return f"{TEXT}{name}" in self.tags

    def set_status(self, status: str, ended: int | None = None) -> None:
        """Set the status; a run that is resumed keeps its earlier end until the next one."""
        if status == self.status:
            return
        if status == RUNNING:
            self._client.update_run(self.run_id, RUNNING)
        else:
            self._client.set_terminated(self.run_id, status, ended)
        self.status = status
        self._progress.wrote(self.run_id)


def _as_stored(point: Point) -> tuple[str, int, float | None]:
    """Return a point in comparable form: MLflow's databases store no infinity, and all NaN are equal."""
    metric, step, value = point
    if math.isnan(value):
        return metric, step, None
    return metric, step, max(-sys.float_info.max, min(sys.float_info.max, value))


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
