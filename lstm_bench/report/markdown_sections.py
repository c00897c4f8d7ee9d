"""Sections that several Markdown pages have: a figure, a failure, a comparison; an empty line sets blocks apart."""

from collections.abc import Iterator

from lstm_bench.report.document import FigureBlock
from lstm_bench.report.markdown_blocks import code, fenced, file_links, image, plain, said, table_block
from lstm_bench.report.outcomes import Failure
from lstm_bench.report.page import TaskPart


def exhibit_blocks(exhibit: FigureBlock) -> Iterator[str]:
    """Yield a question, its figure, the finding and the files."""
    yield f"## {plain(exhibit.question)}"
    if not exhibit.figure:
        yield said(exhibit.caption)
        return
    yield image(exhibit.alt, f"figures/{exhibit.figure}.png")
    yield said(exhibit.caption)
    figure = f"[PNG](figures/{exhibit.figure}.png), [SVG](figures/{exhibit.figure}.svg)"
    yield f"Rows: {file_links([f'tables/{exhibit.table}.csv'])}. Figure: {figure}."


def failure_blocks(failure: Failure) -> Iterator[str]:
    """Yield why some members failed, which they are, and the traceback of the first."""
    yield f"{code(failure.reason)} ({plain(failure.members)})"
    if failure.traceback.strip():
        yield fenced(failure.traceback)


def comparison_blocks(part: TaskPart) -> Iterator[str]:
    """Yield the tables of one task: its cells side by side for each way of matching, and who solved at which lag."""
    for comparison in part.comparisons:
        yield said(comparison.note)
        yield table_block(comparison.table)
    yield "Members that solved, of those that ran to their end."
    yield table_block(part.solved)
