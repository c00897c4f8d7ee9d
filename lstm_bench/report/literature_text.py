"""Published tables with our rows, as plain text for the terminal."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.published import PublishedComparison, comparisons_at_lags_run
from lstm_bench.analysis.wording import NOT_AVAILABLE
from lstm_bench.literature.reading import PublishedResult
from lstm_bench.report.document import DASH
from lstm_bench.report.figures.published import METRICS
from lstm_bench.report.literature import OUTCOMES, mean_in_words
from lstm_bench.report.text_table import text_table

NOTE = (
    "Ours: mean over members with its 95% bootstrap interval, >= where members that did not solve could only raise it. "
    "The rule of the\nverdicts, and how the protocols differ, stand in the report."
)
Number = tuple[str, int | None]  # a metric, and the length of the test sequences where that is another


def literature_text(study: StudyData) -> str:
    """Return each published table of which a study has run a lag, with a row for each of our cells; "" where none is.

    Verdicts stand in the order of the numbers, one where all are the same.
    """
    tables = [_table(task, some) for task in study.by_task() for some in _by_published_table(task)]
    return "\n\n".join([*tables, NOTE]) if tables else ""


def _by_published_table(task: StudyData) -> list[list[PublishedComparison]]:
    found: dict[tuple[str, str, int | None], list[PublishedComparison]] = defaultdict(list)
    for one in comparisons_at_lags_run(task):
        found[one.published.source.name, one.published.where, one.published.lag].append(one)
    return list(found.values())


def _table(task: StudyData, some: Sequence[PublishedComparison]) -> str:
    theirs: dict[str, dict[Number, PublishedResult]] = defaultdict(dict)
    ours: dict[str, dict[Number, PublishedComparison]] = defaultdict(dict)
    for one in some:
        number = one.published.metric, one.published.length
        theirs[one.published.cell][number] = one.published
        if one.is_ruled or number not in ours[one.cell]:
            ours[one.cell][number] = one
    numbers = list(dict.fromkeys(number for row in theirs.values() for number in row))
    rows = [_their_row(cell, own, numbers) for cell, own in theirs.items()]
    rows += [_our_row(ours[cell], numbers) for cell in task.cells if cell in ours]
    headings = ["cell", "weights", *(_heading(*number) for number in numbers), "solved", "verdict"]
    columns = [(heading, [row[place] for row in rows]) for place, heading in enumerate(headings)]
    source, job = some[0].published, task.plan.jobs[0]
    title = f"{source.source.name}, {source.where}: {job.task}, {job.variant}, lag {source.lag}"
    return f"{title}\n{text_table(columns, ('cell', 'verdict'))}"


def _heading(metric: str, length: int | None) -> str:
    return METRICS[metric] + (f", at {length}" if length else "")


def _their_row(cell: str, own: Mapping[Number, PublishedResult], numbers: Sequence[Number]) -> list[str]:
    some = next(iter(own.values()))
    shown = [own[number].shown if number in own else DASH for number in numbers]
    said = next((row.solved for row in own.values() if row.solved is not None), None)
    return [f"published {cell}", _weights(some.n_parameters), *shown, OUTCOMES[said], ""]


def _our_row(own: Mapping[Number, PublishedComparison], numbers: Sequence[Number]) -> list[str]:
    some = next(iter(own.values()))
    shown = [mean_in_words(own[number]) if number in own else DASH for number in numbers]
    verdicts = [own[number].verdict for number in numbers if number in own and own[number].is_ruled]
    told = verdicts if len(set(verdicts)) > 1 else verdicts[:1]
    weights = _weights(some.job.n_parameters if some.job else None)
    return [some.cell, weights, *shown, f"{some.solved}/{some.attempts}", " | ".join(told)]


def _weights(n: int | None) -> str:
    return f"{n:,}" if n else NOT_AVAILABLE
