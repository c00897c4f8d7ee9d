"""Published numbers in the units of a study's own figures: solved or not, the score, the normalised loss."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.published import OUT_OF, published_comparisons
from lstm_bench.literature.conversions import mse_from_rmse, recall_from_all_positions
from lstm_bench.literature.reading import PublishedResult
from lstm_bench.records.plan import JobPlan

Convert = Callable[[PublishedResult, JobPlan], float]


@dataclass(frozen=True)
class PublishedPoint:
    """A published number at a lag that was run: our cell of the same kind ("" for none), the value in our unit.

    `multiple` is the length evaluated at, divided by the lag.
    """

    published: PublishedResult
    cell: str
    lag: int
    multiple: float
    value: float


def published_outcomes(study: StudyData) -> list[PublishedPoint]:
    """Return 1 for each published cell that solved its lag and 0 for each that did not."""
    outcomes = {
        (row.source.name, row.cell, row.lag): (row, job, cell)
        for row, job, cell in _rows(study)
        if row.solved is not None
    }
    return [_point(row, job, cell, float(bool(row.solved))) for row, job, cell in outcomes.values()]


def published_scores(study: StudyData) -> list[PublishedPoint]:
    """Return published numbers as the task's score, at each length evaluated at."""
    return [
        _point(row, job, cell, CONVERT[row.metric, job.score](row, job))
        for row, job, cell in _rows(study)
        if (row.metric, job.score) in CONVERT
    ]


def published_shares(study: StudyData) -> list[PublishedPoint]:
    """Return published numbers at the lag trained on, as normalised losses of the task's criterion."""
    return [
        _point(row, job, cell, CONVERT[row.metric, job.criterion](row, job) / job.baselines[job.criterion])
        for row, job, cell in _rows(study)
        if (row.metric, job.criterion) in CONVERT and row.length in (None, row.lag)
    ]


def _rows(study: StudyData) -> Iterator[tuple[PublishedResult, JobPlan, str]]:
    """Yield each published number of a lag that was run, a job at that lag, and our first cell of its kind or ""."""
    done: set[int] = set()
    for comparison in published_comparisons(study):
        if comparison.job is not None and id(comparison.published) not in done:  # the same kind of cell comes first
            done.add(id(comparison.published))
            yield comparison.published, comparison.job, comparison.cell if comparison.is_ruled else ""


def _point(row: PublishedResult, job: JobPlan, cell: str, value: float) -> PublishedPoint:
    return PublishedPoint(row, cell, job.lag, (row.length or job.lag) / job.lag, value)


def _recall(row: PublishedResult, job: JobPlan) -> float:
    return recall_from_all_positions(row.value, job.lag, int(job.config["task"]["n_symbols"]))


CONVERT: Mapping[tuple[str, str], Convert] = {  # from a published metric to one of ours
    ("mse", "loss"): lambda row, _: row.value,
    ("rmse", "loss"): lambda row, _: mse_from_rmse(row.value),
    ("ce_all_positions", "recall_ce"): _recall,
    ("mse", "explained"): lambda row, job: 1 - row.value / job.baselines["loss"],
    ("rmse", "explained"): lambda row, job: 1 - mse_from_rmse(row.value) / job.baselines["loss"],
    ("recall_accuracy", "recall_accuracy"): lambda row, _: row.value,
    ("wrong_of_2560", "correct"): lambda row, _: 1 - row.value / OUT_OF,
}
