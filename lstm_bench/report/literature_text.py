"""Published tables with our rows, as plain text for the terminal."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.published import PublishedComparison, comparisons_at_lags_run
from lstm_bench.analysis.wording import NOT_AVAILABLE
from lstm_bench.literature.reading import PublishedResult
from lstm_bench.report.document import DASH
from lstm_bench.report.figures.published import METRICS
from lstm_bench.report.pages.literature import OUTCOMES, mean_in_words
from lstm_bench.report.text_table import text_table

NOTE = (
    "Ours: mean over members with its 95% bootstrap interval, >= where members that did not solve could only raise it. "
    "The rule of the\nverdicts, and how the protocols differ, are in the report."
)
Number = tuple[str, int | None]  # a metric, and the length of the test sequences where it is not that of training


def literature_text(study: StudyData) -> str:
    """Return each published table at a lag that a study has run, with a row for each of our cells; "" without one.

    Verdicts are in the order of the numbers; where all are the same, there is one.
    """
    tables = [_table(task, comparisons) for task in study.by_task() for comparisons in _by_published_table(task)]
    return "\n\n".join([*tables, NOTE]) if tables else ""


def _by_published_table(task: StudyData) -> list[list[PublishedComparison]]:
    tables: dict[tuple[str, str, int | None], list[PublishedComparison]] = defaultdict(list)
    for comparison in comparisons_at_lags_run(task):
        published = comparison.published
        tables[published.source.name, published.where, published.lag].append(comparison)
    return list(tables.values())


def _table(task: StudyData, comparisons: Sequence[PublishedComparison]) -> str:
    theirs: dict[str, dict[Number, PublishedResult]] = defaultdict(dict)
    ours: dict[str, dict[Number, PublishedComparison]] = defaultdict(dict)
    for comparison in comparisons:
        number = comparison.published.metric, comparison.published.length
        theirs[comparison.published.cell][number] = comparison.published
        if comparison.is_ruled or number not in ours[comparison.cell]:
            ours[comparison.cell][number] = comparison
    numbers = list(dict.fromkeys(number for row in theirs.values() for number in row))
    rows = [_their_row(cell, results, numbers) for cell, results in theirs.items()]
    rows += [_our_row(ours[cell], numbers) for cell in task.cells if cell in ours]
    headings = ["cell", "weights", *(_heading(*number) for number in numbers), "solved", "verdict"]
    columns = [(heading, [row[place] for row in rows]) for place, heading in enumerate(headings)]
    source, job = comparisons[0].published, task.plan.jobs[0]
    title = f"{source.source.name}, {source.where}: {job.task}, {job.variant}, lag {source.lag}"
    return f"{title}\n{text_table(columns, ('cell', 'verdict'))}"


def _heading(metric: str, length: int | None) -> str:
    return METRICS[metric] + (f", at {length}" if length else "")


def _their_row(cell: str, results: Mapping[Number, PublishedResult], numbers: Sequence[Number]) -> list[str]:
    n_parameters = next(iter(results.values())).n_parameters
    shown = [results[number].shown if number in results else DASH for number in numbers]
    solved = next((result.solved for result in results.values() if result.solved is not None), None)
    return [f"published {cell}", _weights(n_parameters), *shown, OUTCOMES[solved], ""]


def _our_row(comparisons: Mapping[Number, PublishedComparison], numbers: Sequence[Number]) -> list[str]:
    first = next(iter(comparisons.values()))
    shown = [mean_in_words(comparisons[number]) if number in comparisons else DASH for number in numbers]
    ruled = [comparisons[number] for number in numbers if number in comparisons and comparisons[number].is_ruled]
    verdicts = [comparison.verdict for comparison in ruled]
    distinct = verdicts if len(set(verdicts)) > 1 else verdicts[:1]
    weights = _weights(first.job.n_parameters if first.job else None)
    return [first.cell, weights, *shown, f"{first.solved}/{first.attempts}", " | ".join(distinct)]


def _weights(n: int | None) -> str:
    return f"{n:,}" if n else NOT_AVAILABLE
