"""The page as Markdown, figures beside it."""

from collections.abc import Iterator

from lstm_bench.anatomy.markdown import walk_blocks
from lstm_bench.report.claims_markdown import CLAIM_FILES, claims_block, wordings
from lstm_bench.report.literature import Literature
from lstm_bench.report.markdown_blocks import (
    bullets,
    file_links,
    items,
    plain,
    receipt_blocks,
    said,
    table_block,
)
from lstm_bench.report.markdown_sections import comparison_blocks, exhibit_blocks, failure_blocks
from lstm_bench.report.page import Page, TaskPart


def render_markdown(page: Page) -> str:
    """Return report.md: what the HTML page says, in the same order."""
    return "\n\n".join(_blocks(page)) + "\n"


def _blocks(page: Page) -> Iterator[str]:
    yield f"# {plain(page.study)}"
    yield from (f"**{said(paragraph)}**" for paragraph in page.headline)
    if page.beside:
        yield "## What differs"
        yield from ([table_block(page.beside.differences)] if page.beside.differences.rows else [])
        yield from map(said, page.beside.notes)
    if page.walk:
        yield from walk_blocks(page.walk)
    yield "## Comparison"
    for part in page.parts:
        yield from _tables(part, is_titled=len(page.parts) > 1)
    yield f"Rows: {file_links(['tables/comparison.csv', 'tables/members.csv', 'results.csv'])}."
    if page.literature is not None:
        yield from _literature(page.literature)
    yield "## Failures and censoring"
    yield plain(page.outcome)
    told = [*map(said, page.notes), *(f"Left out: {plain(problem)}" for problem in page.problems)]
    if told:
        yield bullets(told)
    yield from (block for failure in page.failures for block in failure_blocks(failure))
    for part in page.parts:
        yield from ([f"## {plain(part.task)}"] if len(page.parts) > 1 else [])
        yield from (block for exhibit in part.exhibits for block in exhibit_blocks(exhibit))
    if page.claims.is_told:
        yield from _claims(page)
    yield from _protocol(page)
    yield from receipt_blocks(page.receipt)


def _claims(page: Page) -> Iterator[str]:
    yield "## Claims"
    if page.claims.tested:
        yield claims_block(page.claims.tested)
    if page.claims.missing:
        yield said(page.claims.missing)
    if page.claims.tested:
        yield wordings(page.claims.tested)
    yield f"Rows: {file_links(CLAIM_FILES)}."


def _literature(literature: Literature) -> Iterator[str]:
    yield "## The literature"
    yield said(literature.rule)
    for part in literature.parts:
        yield from ([f"### {plain(part.task)}"] if len(literature.parts) > 1 else [])
        yield table_block(part.numbers)
        for pair, differences in part.protocols:
            yield f"How the protocols differ: {plain(pair)}."
            yield table_block(differences)
    yield bullets(f"{plain(source.citation)}, <{source.url}>" for source in literature.sources)


def _tables(part: TaskPart, is_titled: bool) -> Iterator[str]:
    if is_titled:
        yield f"### {plain(part.task)}"
    yield from comparison_blocks(part)


def _protocol(page: Page) -> Iterator[str]:
    yield "## Protocol"
    for part in page.parts:
        if len(page.parts) > 1:
            yield f"### {plain(part.task)}"
        yield items(part.protocol)
        yield "How each cell was set up."
        yield table_block(part.settings)
    yield "### What the numbers mean"
    yield items(page.definitions.items(), plain)
