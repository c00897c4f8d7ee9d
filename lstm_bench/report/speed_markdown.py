"""The page of a speed study as Markdown, figures beside it."""

from collections.abc import Iterator

from lstm_bench.report.markdown_blocks import bullets, items, plain, receipt_blocks, said, table_block
from lstm_bench.report.markdown_sections import exhibit_blocks
from lstm_bench.report.speed_page import SpeedPage


def render_speed_markdown(page: SpeedPage) -> str:
    """Return report.md: what the HTML page says, in the same order."""
    return "\n\n".join(_blocks(page)) + "\n"


def _blocks(page: SpeedPage) -> Iterator[str]:
    yield f"# {plain(page.study)}"
    yield from (f"**{said(paragraph)}**" for paragraph in page.headline)
    yield from (block for exhibit in page.exhibits for block in exhibit_blocks(exhibit))
    if page.whole_study.rows:
        yield "## How much longer would others take for a whole study?"
        yield "Time for as many training steps of each cell at each lag, theirs over ours."
        yield table_block(page.whole_study)
        yield "Rows: [whole_study.csv](tables/whole_study.csv)."
    yield "## All rows"
    yield table_block(page.rows)
    yield "Rows: [speed_benchmark.csv](tables/speed_benchmark.csv); every round: [results.csv](results.csv)."
    yield "## How it was measured"
    yield items(page.protocol)
    if page.missing:
        yield "### What is missing"
        yield bullets(map(said, page.missing))
    yield "### What the numbers mean"
    yield items(page.definitions.items())
    yield from receipt_blocks(page.receipt)
