"""What the page says of published numbers: theirs beside ours, how the protocols differ, and whether they agree."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.published import RULE, PublishedComparison, comparisons_at_lags_run, differences
from lstm_bench.analysis.wording import NOT_AVAILABLE, significant, with_range
from lstm_bench.literature.reading import Source
from lstm_bench.report.document import DASH, Entry, Table
from lstm_bench.report.figures.published import METRICS
from lstm_bench.report.style import colours

OUTCOMES = {True: "solved", False: "not solved", None: ""}
TINTS = {"agrees": 1.0, "same outcome, other number": 0.4, "open": 0.1, "other outcome": 0.0}


@dataclass(frozen=True)
class LiteraturePart:
    """Of one task: published numbers with a column for each of our cells, and how the protocols differ."""

    task: str
    numbers: Table
    protocols: list[tuple[str, Table]]


@dataclass(frozen=True)
class Literature:
    """What was published of a study's tasks at its lags, the rule of the verdicts, and the sources."""

    parts: list[LiteraturePart]
    rule: str
    sources: list[Source]


def make_literature(study: StudyData) -> Literature | None:
    """Return what is said of published numbers; None where there are none at the lags that were run."""
    found = [(task, comparisons_at_lags_run(task)) for task in study.by_task()]
    sources = list(dict.fromkeys(one.published.source for _, every in found for one in every))
    parts = [LiteraturePart(task.task, _numbers(task, every), _protocols(every)) for task, every in found if every]
    return Literature(parts, RULE, sources) if parts else None


def _numbers(study: StudyData, every: Sequence[PublishedComparison]) -> Table:
    shades = colours(study.cells)
    rows: dict[int, dict[str, PublishedComparison]] = defaultdict(dict)
    for one in every:
        rows[id(one.published)][one.cell] = one
    headings = [("Number", "source"), ("Published", "cell"), *((cell, "mean, 95%") for cell in study.cells)]
    return Table(headings, [_row(own, study.cells, shades) for own in rows.values()])


def _row(own: dict[str, PublishedComparison], cells: Sequence[str], shades: dict[str, str]) -> list[Entry]:
    row = next(iter(own.values())).published
    at = f", at length {row.length}" if row.length else ""
    number = f"{METRICS[row.metric]}, lag {row.lag}{at}"
    return [
        Entry(number[0].upper() + number[1:], (f"{row.source.name}, {row.where}",), number),
        Entry(row.shown, _filled(row.cell, OUTCOMES[row.solved]), row.value),
        *(_ours(own[cell], shades[cell]) if cell in own else Entry(DASH, ("not run",)) for cell in cells),
    ]


def _ours(one: PublishedComparison, shade: str) -> Entry:
    middle, _, interval = mean_in_words(one).partition(" (")
    solved = f"{one.solved}/{one.attempts} solved" if one.attempts else "none ran to its end"
    ruled = (f"further runs {_prediction(one)}", one.verdict) if one.is_ruled else ()
    below = _filled(interval.rstrip(")"), solved, *ruled)
    return Entry(middle, below, one.ours.middle, shade, TINTS.get(one.verdict))


def mean_in_words(one: PublishedComparison) -> str:
    """Return the mean of our members with its interval; ">= " where members that did not solve could only raise it.

    Where all of them spent the same budget there is no interval.
    """
    if not math.isfinite(one.ours.middle):
        return NOT_AVAILABLE
    if one.runs.censored == len(one.runs.values):
        return f">= {significant(one.ours.middle)}"
    return ">= " * bool(one.runs.censored) + with_range(*one.ours)


def _filled(*lines: str) -> tuple[str, ...]:
    return tuple(line for line in lines if line)


def _prediction(one: PublishedComparison) -> str:
    if not math.isfinite(one.prediction.low):
        return "unknown"
    if not math.isfinite(one.prediction.high):
        return f"{significant(one.prediction.low)} or more"
    return f"{significant(one.prediction.low)}-{significant(one.prediction.high)}"


def _protocols(every: Sequence[PublishedComparison]) -> list[tuple[str, Table]]:
    """Return how the protocols differ, a table for each pair of a published cell and ours of its kind."""
    rows: dict[str, dict[tuple[str, str, str], list[Entry]]] = defaultdict(dict)
    for one in every:
        if not one.is_ruled:
            continue
        pair = f"{one.published.cell} of {one.published.source.name}, lag {one.published.lag}, and our {one.cell}"
        for found in differences(one):
            texts = (found.what, found.published, found.ours)
            rows[pair][texts] = [Entry(text, sort=text) for text in texts]
    headings = [("What", ""), ("Published", ""), ("Here", "")]
    return [(pair, Table(headings, list(own.values()))) for pair, own in rows.items()]
