"""The summary of a report for other pages: its finding in a sentence, and its first figure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from lstm_bench.records.reading import read_json
from lstm_bench.report.document import Block, Details, Document, FigureBlock, Section

SUMMARY = "summary.json"
ANSWERS_FIRST = "solve_rates"  # the table behind the figure that shows how long cells remember


@dataclass(frozen=True)
class Summary:
    """A report in short: `kind` is that of its page, `figure` the name of its picture files, "" without one.

    `question` is the question of the figure, `caption` its finding, `alt` its alt text.
    """

    kind: str
    finding: str
    figure: str = ""
    question: str = ""
    caption: str = ""
    alt: str = ""


def summarise(page: Document) -> Summary:
    """Return the summary of a page. Its figure is that of solve rates, or else the first one."""
    finding = page.in_short or next(iter(page.headline), "")
    figures = [figure for figure in _figures(page.blocks) if figure.figure]
    first = next((figure for figure in figures if figure.table == ANSWERS_FIRST), next(iter(figures), None))
    return Summary(page.kind, finding, *((first.figure, first.question, first.caption, first.alt) if first else ()))


def _figures(blocks: Sequence[Block]) -> Iterator[FigureBlock]:
    for block in blocks:
        if isinstance(block, FigureBlock):
            yield block
        elif isinstance(block, Section | Details):
            yield from _figures(block.blocks)


def summary_text(summary: Summary) -> str:
    """Return the text of the summary's file."""
    return json.dumps(asdict(summary), indent=1, ensure_ascii=False) + "\n"


def read_summary(path: Path) -> Summary:
    """Return the summary that a file holds. Raises: RecordError where it cannot be read or has a wrong field."""
    return read_json(path, TypeAdapter(Summary), has_schema=False)
