"""Published numbers next to ours: the table, how the protocols differ, and the sources."""

import math
from collections import defaultdict
from collections.abc import Sequence

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.published import RULE, PublishedComparison, comparisons_at_lags_run, differences
from lstm_bench.analysis.wording import NOT_AVAILABLE, range_of, significant
from lstm_bench.report.document import DASH, Block, Bullets, Details, Entry, Link, Paragraph, Table, Text, Verbatim
from lstm_bench.report.figures.published import METRICS
from lstm_bench.report.style import colours

OUTCOMES = {True: "solved", False: "not solved", None: ""}
TINTS = {"agrees": 1.0, "same outcome, other number": 0.4, "open": 0.1, "other outcome": 0.0}


def literature_blocks(study: StudyData) -> list[Block]:
    """Return the published numbers of one task at the lags that were run, next to ours; nothing without any."""
    comparisons = comparisons_at_lags_run(study)
    if not comparisons:
        return []
    sources = dict.fromkeys(comparison.published.source for comparison in comparisons)
    cited: list[Text] = [(Verbatim(f"{source.citation}, "), Link(source.url, source.url)) for source in sources]
    return [
        published_table(study, comparisons),
        Paragraph(RULE, "note"),
        *(Details("How the protocols differ", pair, [table]) for pair, table in _protocols(comparisons)),
        Bullets(cited),
    ]


def published_table(study: StudyData, comparisons: Sequence[PublishedComparison]) -> Table:
    """Return a table with a row per published number and a column for each of our cells."""
    shades = colours(study.cells)
    rows: dict[int, dict[str, PublishedComparison]] = defaultdict(dict)
    for comparison in comparisons:
        rows[id(comparison.published)][comparison.cell] = comparison
    headings = [("Number", "source"), ("Published", "cell"), *((cell, "mean, 95%") for cell in study.cells)]
    return Table(headings, [_row(by_cell, study.cells, shades) for by_cell in rows.values()], "Published and ours")


def _row(by_cell: dict[str, PublishedComparison], cells: Sequence[str], shades: dict[str, str]) -> list[Entry]:
    row = next(iter(by_cell.values())).published
    at = f", at length {row.length}" if row.length else ""
    number = f"{METRICS[row.metric]}, lag {row.lag}{at}"
    return [
        Entry(number[0].upper() + number[1:], (f"{row.source.name}, {row.where}",), number),
        Entry(row.shown, _filled(row.cell, OUTCOMES[row.solved]), row.value),
        *(_ours(by_cell[cell], shades[cell]) if cell in by_cell else Entry(DASH, ("not run",)) for cell in cells),
    ]


def _ours(comparison: PublishedComparison, shade: str) -> Entry:
    solved = f"{comparison.solved}/{comparison.attempts} solved" if comparison.attempts else "none ran to its end"
    verdict = (f"further runs {_prediction(comparison)}", comparison.verdict) if comparison.is_ruled else ()
    below = _filled(mean_range(comparison), solved, *verdict)
    return Entry(mean_alone(comparison), below, comparison.ours.middle, shade, TINTS.get(comparison.verdict))


def mean_in_words(comparison: PublishedComparison) -> str:
    """Return the mean of our members with its interval, if it has one."""
    ends = mean_range(comparison)
    return f"{mean_alone(comparison)} ({ends})" if ends else mean_alone(comparison)


def mean_alone(comparison: PublishedComparison) -> str:
    """Return the mean of our members; ">= " where members that did not solve could only raise it."""
    if not math.isfinite(comparison.ours.middle):
        return NOT_AVAILABLE
    return f"{'>= ' if comparison.runs.censored else ''}{significant(comparison.ours.middle)}"


def mean_range(comparison: PublishedComparison) -> str:
    """Return the interval of the mean; "" where no member solved, so that all are censored, or none has a number."""
    is_bound = comparison.runs.censored == len(comparison.runs.values)
    if is_bound or not math.isfinite(comparison.ours.middle):
        return ""
    return range_of(comparison.ours.low, comparison.ours.high)


def _filled(*lines: str) -> tuple[str, ...]:
    return tuple(line for line in lines if line)


def _prediction(comparison: PublishedComparison) -> str:
    if not math.isfinite(comparison.prediction.low):
        return "unknown"
    if not math.isfinite(comparison.prediction.high):
        return f"{significant(comparison.prediction.low)} or more"
    return f"{significant(comparison.prediction.low)}-{significant(comparison.prediction.high)}"


def _protocols(comparisons: Sequence[PublishedComparison]) -> list[tuple[str, Table]]:
    """Return how the protocols differ, a table for each pair of a published cell and our cell of its kind."""
    rows: dict[str, dict[tuple[str, str, str], list[Entry]]] = defaultdict(dict)
    for comparison in filter(lambda comparison: comparison.is_ruled, comparisons):
        published = comparison.published
        pair = f"{published.cell} of {published.source.name}, lag {published.lag}, and our {comparison.cell}"
        for difference in differences(comparison):
            texts = (difference.what, difference.published, difference.ours)
            rows[pair][texts] = [Entry(text, sort=text) for text in texts]
    headings = [("What", ""), ("Published", ""), ("Here", "")]
    return [
        (pair, Table(headings, list(by_texts.values()), "Protocols", is_prose=True)) for pair, by_texts in rows.items()
    ]
