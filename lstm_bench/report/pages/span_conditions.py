"""The table of spans under other conditions: within parts of the budget, and by softer criteria."""

import math

from lstm_bench.analysis.budgets import FRACTIONS
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.memory_span import MemorySpan, SpanRatio
from lstm_bench.analysis.softer_criteria import softer_criteria, spans_by
from lstm_bench.analysis.solving import growth_of_span, is_budget_limited, lags_tried, spans_within
from lstm_bench.analysis.wording import range_of, significant, times
from lstm_bench.report.document import Block, Entry, FileLink, Paragraph, Table
from lstm_bench.report.style import colours

PARTS = dict(zip(FRACTIONS, ("1/8 of the budget", "1/4", "1/2", "whole"), strict=True))


def span_condition_blocks(study: StudyData) -> list[Block]:
    """Return the spans of one task under other conditions; nothing for a study trained at fewer than two lags."""
    if lags_tried(study) < 2:
        return []
    note = (
        "T50 in steps of lag, with 95% intervals, from the same members: within parts of the budget, with the growth "
        "from half to all of it, and by softer criteria, which two evaluations in a row must meet at any time. A "
        "member that solved stopped there and meets them all."
    )
    files = Paragraph(("Rows: ", FileLink("tables/softer_criteria.csv"), "."), "files")
    return [_table(study), Paragraph(note, "note"), files]


def _table(study: StudyData) -> Table:
    criteria, shades = softer_criteria(study), colours(study.cells)
    conditions = [spans_within(study, part) for part in FRACTIONS]
    softer = [spans_by(study, criterion) for criterion in criteria]
    headings = [("Cell", ""), *((name, "T50") for name in PARTS.values()), ("Growth", "1/2 to whole")]
    headings += [(criterion.text, "T50") for criterion in criteria]
    rows = [
        [
            Entry(cell, sort=cell, colour=shades[cell]),
            *(_span(spans[cell]) for spans in conditions),
            _growth(growth_of_span(study, cell), is_budget_limited(study, cell)),
            *(_span(spans[cell]) for spans in softer),
        ]
        for cell in study.cells
    ]
    return Table(headings, rows, "Spans by budget and criterion")


def _span(span: MemorySpan) -> Entry:
    if span.outcome != "fitted":
        return Entry(span.text, sort=span.median)
    return Entry(significant(span.median), (range_of(span.low, span.high),), span.median)


def _growth(ratio: SpanRatio, is_limited: bool) -> Entry:
    if ratio.bound == "?":
        return Entry("not determined", sort=math.nan)
    interval = range_of(ratio.low, ratio.high, 2) if not ratio.bound else f"95% bound {times(ratio.low)}"
    return Entry(ratio.factor, (interval, *(["budget-limited"] if is_limited else [])), ratio.median)
