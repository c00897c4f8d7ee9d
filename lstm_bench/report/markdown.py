"""The page as Markdown, figures beside it."""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath as Path

from lstm_bench.report.exhibits import Exhibit
from lstm_bench.report.page import Page, TaskPart
from lstm_bench.report.tables import Entry, Table
from lstm_bench.report.typeset import typeset


def render_markdown(page: Page) -> str:
    """Return report.md: what the HTML page says, in the same order."""
    return "\n\n".join(_blocks(page)) + "\n"


def _blocks(page: Page) -> Iterator[str]:
    yield f"# {page.study}"
    yield from (f"**{typeset(paragraph)}**" for paragraph in page.headline)
    yield "## Comparison"
    for part in page.parts:
        yield from _tables(part, is_titled=len(page.parts) > 1)
    yield ", ".join(
        f"[{Path(file).name}]({file})" for file in ("tables/comparison.csv", "tables/members.csv", "results.csv")
    )
    yield "## Failures and censoring"
    yield page.outcome
    if page.notes:
        yield "\n".join(f"- {typeset(note)}" for note in page.notes)
    if page.problems:
        yield "\n".join(f"- Could not be read: {problem}" for problem in page.problems)
    yield from (f"`{failure.reason}` ({failure.members})" for failure in page.failures)
    for part in page.parts:
        yield from ([f"## {part.task}"] if len(page.parts) > 1 else [])
        yield from (block for exhibit in part.exhibits for block in exhibit_blocks(exhibit))
    yield from _protocol(page)
    yield from receipt_blocks(page.receipt)


def _tables(part: TaskPart, is_titled: bool) -> Iterator[str]:
    if is_titled:
        yield f"### {part.task}"
    yield typeset(part.table_note)
    yield table_block(part.comparison)
    yield "Members that solved, of those that ran to their end."
    yield table_block(part.solved)


def table_block(table: Table) -> str:
    """Return a table, what stands small below a value in lines of its own."""
    headings = [f"{text}<br>{unit}" if unit else text for text, unit in table.headings]
    lines = [
        headings,
        ["---", *["---:"] * (len(headings) - 1)],
        *[[_entry(entry) for entry in row] for row in table.rows],
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _entry(entry: Entry) -> str:
    return "<br>".join(typeset(line) for line in (entry.text, *entry.below)).replace("|", "\\|")


def exhibit_blocks(exhibit: Exhibit) -> Iterator[str]:
    """Yield a question, its figure and the finding."""
    yield f"## {exhibit.question}"
    if exhibit.figure:
        yield f"![{exhibit.alt}](figures/{exhibit.figure}.png)"
    yield typeset(exhibit.caption)
    if exhibit.figure:
        yield f"Rows: [{exhibit.table}.csv](tables/{exhibit.table}.csv)."


def _protocol(page: Page) -> Iterator[str]:
    yield "## Protocol"
    for part in page.parts:
        if len(page.parts) > 1:
            yield f"### {part.task}"
        yield items(part.protocol)
        yield table_block(part.settings)
    yield "### What the numbers mean"
    yield "\n".join(f"- {name}: {text}" for name, text in page.definitions.items())


def items(named: Iterable[tuple[str, str]]) -> str:
    """Return names and texts as a list."""
    return "\n".join(f"- {name}: {typeset(text)}" for name, text in named)


def receipt_blocks(receipt: list[tuple[str, str]]) -> Iterator[str]:
    """Yield the receipt with its heading."""
    yield "## Receipt"
    yield "\n".join(f"- {name}: {_code(value)}" for name, value in receipt)
    yield "Everything, settings of each job included: [receipt.json](receipt.json)."


def _code(value: str) -> str:
    return f"`{value}`" if value.startswith("python ") else value
