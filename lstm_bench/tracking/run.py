"""One run in MLflow, written piece by piece, each piece once."""

import math
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.tracking import MlflowClient

from lstm_bench.tracking.points import Point
from lstm_bench.tracking.progress import Progress
from lstm_bench.tracking.run_spec import RUNNING

MOST_METRICS, MOST_PARAMS = 1000, 100  # that one log_batch takes; one call each would be forty times slower
Item = TypeVar("Item")


class MirroredRun:
    """A run and what is known to stand in it: every method writes what is missing and nothing else.

    After an error nobody knows what was written, so a run is read again then.
    """

    def __init__(self, client: MlflowClient, progress: Progress, run: Run) -> None:
        self._client, self._progress = client, progress
        self.run_id, self.status, self.started = str(run.info.run_id), str(run.info.status), int(run.info.start_time)
        self.tags, self._params = dict(run.data.tags), dict(run.data.params)
        self._last = dict(run.data.metrics)

    def set_tags(self, wanted: Mapping[str, str], not_wanted: Collection[str] = ()) -> None:
        """Set these tags and take others away."""
        other = {key: value for key, value in wanted.items() if self.tags.get(key) != value}
        if other:
            self._client.log_batch(self.run_id, tags=[RunTag(key, value) for key, value in other.items()])
            self.tags |= other
            self._progress.wrote(self.run_id)
        for key in set(not_wanted) & set(self.tags):
            self._client.delete_tag(self.run_id, key)
            del self.tags[key]
            self._progress.wrote(self.run_id)

    def add_params(self, wanted: Mapping[str, str]) -> None:
        """Add the parameters that are not there; one that is there stays as it is, since MLflow changes none."""
        missing = {key: value for key, value in wanted.items() if key not in self._params}
        for some in _chunks(missing.items(), MOST_PARAMS):
            self._client.log_batch(self.run_id, params=[Param(key, value) for key, value in some])
            self._params |= dict(some)
            self._progress.wrote(self.run_id)

    def add_points(self, wanted: Sequence[Point], moment: int) -> None:
        """Add the points that are not there, whatever moment those that are there carry.

        A metric that has one point only counts as there with its value at whatever step.
        """
        there = set(self._history({metric for metric, _, _ in wanted}))
        values_there = {(metric, value) for metric, _, value in there}
        times_wanted = Counter(metric for metric, _, _ in wanted)
        missing = {stored: point for point in wanted if (stored := _as_stored(point)) not in there}
        for metric, step, value in list(missing):
            if times_wanted[metric] == 1 and (metric, value) in values_there:
                del missing[metric, step, value]
        for some in _chunks(missing.values(), MOST_METRICS):
            self._client.log_batch(self.run_id, [Metric(metric, value, moment, step) for metric, step, value in some])
            self._last |= {metric: value for metric, _, value in some}
            self._progress.wrote(self.run_id)

    def _history(self, metrics: set[str]) -> Iterator[tuple[str, int, float | None]]:
        """Yield the points that are there. A metric without a last value has none: MLflow writes both at once."""
        for metric in sorted(metrics & set(self._last)):
            points = self._client.get_metric_history(self.run_id, metric)
            self._progress.answered()
            yield from (_as_stored((metric, point.step, point.value)) for point in points)

    def set_last(self, wanted: Mapping[str, float], moment: int) -> None:
        """Add a value to each metric whose last value is another one."""
        other = {key: value for key, value in wanted.items() if not self._has_last(key, value)}
        for some in _chunks(other.items(), MOST_METRICS):
            self._client.log_batch(self.run_id, [Metric(key, value, moment, 0) for key, value in some])
            self._last |= dict(some)
            self._progress.wrote(self.run_id)

    def _has_last(self, key: str, value: float) -> bool:
        return key in self._last and _as_stored((key, 0, self._last[key])) == _as_stored((key, 0, value))

    def add_files(self, folder: Path) -> None:
        """Store every file below a folder, over what is there, less temporary ones: their names start with a dot."""
        for path in sorted(path for path in folder.rglob("[!.]*") if path.is_file()):
            below = path.parent.relative_to(folder).as_posix()
            self._client.log_artifact(self.run_id, str(path), None if below == "." else below)
            self._progress.wrote(self.run_id)

    def set_status(self, status: str, ended: int | None = None) -> None:
        """Say how the run stands; one that goes on keeps its earlier end until the next one."""
        if status == self.status:
            return
        if status == RUNNING:
            self._client.update_run(self.run_id, RUNNING)
        else:
            self._client.set_terminated(self.run_id, status, ended)
        self.status = status
        self._progress.wrote(self.run_id)


def _as_stored(point: Point) -> tuple[str, int, float | None]:
    """Return a point as it compares: MLflow's databases know no infinity, and one NaN is like another."""
    metric, step, value = point
    if math.isnan(value):
        return metric, step, None
    return metric, step, max(-sys.float_info.max, min(sys.float_info.max, value))


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
