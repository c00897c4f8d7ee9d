"""The page of a speed study as Markdown, figures beside it."""

from collections.abc import Iterator

from lstm_bench.report.markdown import exhibit_blocks, items, receipt_blocks, table_block
from lstm_bench.report.speed_page import SpeedPage
from lstm_bench.report.typeset import typeset


def render_speed_markdown(page: SpeedPage) -> str:
    """Return report.md: what the HTML page says, in the same order."""
    return "\n\n".join(_blocks(page)) + "\n"


def _blocks(page: SpeedPage) -> Iterator[str]:
    yield f"# {page.study}"
    yield from (f"**{typeset(paragraph)}**" for paragraph in page.headline)
    yield from (block for exhibit in page.exhibits for block in exhibit_blocks(exhibit))
    if page.whole_study.rows:
        yield "## How much longer would others take for a whole study?"
        yield table_block(page.whole_study)
        yield "Rows: [whole_study.csv](tables/whole_study.csv)."
    yield "## All rows"
    yield table_block(page.rows)
    yield "Rows: [contest.csv](tables/contest.csv); every turn: [results.csv](results.csv)."
    yield "## How it was measured"
    yield items(page.protocol)
    if page.missing:
        yield "### What is missing"
        yield "\n".join(f"- {typeset(note)}" for note in page.missing)
    yield "### What the numbers mean"
    yield items(page.definitions.items())
    yield from receipt_blocks(page.receipt)
