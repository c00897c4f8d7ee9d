"""Text, lists, tables and images as Markdown, as GitHub reads it."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePosixPath as Path

from lstm_bench.report.document import Entry, Table
from lstm_bench.report.typography import typeset

# what would not be read as letters
MARKUP = re.compile(r"[\\*`$~]|\](?=\()|<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<!\w)_|_(?!\w)")
MARKUP_OR_BRACKET = re.compile(rf"{MARKUP.pattern}|[\[\]]")
COMMANDS = ("command", "rebuild")  # of a receipt


def plain(text: str) -> str:
    """Return text that is read as it stands: nothing in it is markup."""
    return MARKUP.sub(r"\\\g<0>", text)


def said(text: str) -> str:
    """Return text as a typesetter would set it, none of it markup."""
    return plain(typeset(text))


def code(text: str) -> str:
    """Return text in one line of code, within more backticks than follow one another in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    space = " " if longest else ""
    fence = "`" * (longest + 1)
    return f"{fence}{space}{text}{space}{fence}"


def fenced(text: str) -> str:
    """Return lines as they stand."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def bullets(lines: Iterable[str]) -> str:
    """Return lines as a list."""
    return "\n".join(f"- {line}" for line in lines)


def items(named: Iterable[tuple[str, str]], write: Callable[[str], str] = said) -> str:
    """Return names and texts as a list; `plain` writes texts whose dashes are minus signs."""
    return bullets(f"{plain(name)}: {write(text)}" for name, text in named)


def file_links(paths: Iterable[str]) -> str:
    """Return links to files, by their names."""
    return ", ".join(f"[{Path(path).name}]({path})" for path in paths)


def grid(headings: Sequence[str], rows: Iterable[Sequence[str]], others: str = "---:") -> str:
    """Return a table of text that is Markdown already; `others` says where all but the first column stand."""
    rule = ["---", *[others] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(map(_in_grid, line))} |" for line in (headings, rule, *rows))


def _in_grid(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def table_block(table: Table) -> str:
    """Return a table, what stands small below a value in lines of its own."""
    headings = ["<br>".join(said(line) for line in heading if line) for heading in table.headings]
    return grid(headings, ([_entry(entry) for entry in row] for row in table.rows))


def _entry(entry: Entry) -> str:
    return "<br>".join(said(line) for line in (entry.text, *entry.below))


def image(alt: str, path: str) -> str:
    """Return a picture with the words for who cannot see it."""
    words = MARKUP_OR_BRACKET.sub(r"\\\g<0>", alt)
    return f"![{words}]({path})"


def receipt_list(receipt: Iterable[tuple[str, str]]) -> str:
    """Return the facts of a receipt, commands as code."""
    return bullets(f"{plain(name)}: {code(value) if name in COMMANDS else plain(value)}" for name, value in receipt)


def receipt_blocks(receipt: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the receipt with its heading."""
    yield "## Receipt"
    yield receipt_list(receipt)
    yield "Everything, settings of each job included: [receipt.json](receipt.json)."
