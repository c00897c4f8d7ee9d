"""Words, code, tables and images as Markdown text that GitHub reads as it stands."""

import re
from collections.abc import Iterable, Sequence

from lstm_bench.report.typography import typeset

# characters that would be read as markup
MARKUP = re.compile(r"[\\*`$~]|\](?=\()|<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<!\w)_|_(?!\w)")
MARKUP_OR_BRACKET = re.compile(rf"{MARKUP.pattern}|[\[\]]")


def plain(text: str) -> str:
    """Return text in which all markup is escaped."""
    return MARKUP.sub(r"\\\g<0>", text)


def prose(text: str) -> str:
    """Return typeset text in which all markup is escaped."""
    return plain(typeset(text))


def code(text: str) -> str:
    """Return text as inline code, between more backticks than any run of them in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    space = " " if longest else ""
    fence = "`" * (longest + 1)
    return f"{fence}{space}{text}{space}{fence}"


def fenced(text: str) -> str:
    """Return lines as a code block."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def bullets(lines: Iterable[str]) -> str:
    """Return lines of Markdown as a list."""
    return "\n".join(f"- {line}" for line in lines)


def grid(headings: Sequence[str], rows: Iterable[Sequence[str]], others: str = "---:") -> str:
    """Return a table of text that is Markdown already; `others` says how all but the first column are aligned."""
    rule = ["---", *[others] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(map(_in_grid, line))} |" for line in (headings, rule, *rows))


def _in_grid(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def link(words: str, address: str) -> str:
    """Return a link whose words have all markup escaped."""
    escaped = MARKUP_OR_BRACKET.sub(r"\\\g<0>", words)
    return f"[{escaped}]({address})"


def image(alt: str, path: str) -> str:
    """Return a picture with its alt text."""
    return f"!{link(alt, path)}"


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
