"""The document model: the blocks that a page is made of, in no format.

`html.py` and `markdown.py` render a `Document`; `pages/` and `anatomy/` build one. Text is plain: a renderer escapes
it and typesets dashes and signs. Parts of a line that are more than words have types of their own (`Inline`); blocks
that a reader can move are in `interactive.py`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from lstm_bench.report.interactive import Filled, Player, ToyCell

DASH = "-"


@dataclass(frozen=True)
class Verbatim:
    """Words exactly as they were recorded, such as a path or a formula: no sign in them is replaced."""

    text: str


@dataclass(frozen=True)
class Code:
    """Code within a line."""

    text: str


@dataclass(frozen=True)
class Link:
    """A link to a URL, or to "#anchor" on the same page."""

    text: str
    address: str


@dataclass(frozen=True)
class PageLink:
    """A link to another page, by its path without the extension; it leads to the page in the same format."""

    text: str
    page: str


@dataclass(frozen=True)
class FileLink:
    """A link to a file in the folder of the page, by the file's name."""

    path: str


@dataclass(frozen=True)
class Verdict:
    """The verdict on a claim."""

    text: str


@dataclass(frozen=True)
class Correction:
    """A number that is wrong in print, and the right one."""

    wrong: str
    right: str


Inline: TypeAlias = str | Verbatim | Code | Link | PageLink | FileLink | Verdict | Correction | Filled
Text: TypeAlias = str | tuple[Inline, ...]


def parts(text: Text) -> tuple[Inline, ...]:
    """Return the parts of a text; a string is one part."""
    return (text,) if isinstance(text, str) else text


def plain_text(text: Text) -> str:
    """Return the words of a text, without verdicts, corrections and links to files."""
    return "".join(_words(part) for part in parts(text)).strip()


def _words(part: Inline) -> str:
    if isinstance(part, str):
        return part
    return part.text if isinstance(part, Verbatim | Code | Link | PageLink | Filled) else ""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph. A "note" is small, "files" links to files, "screen" shows on a screen only."""

    text: Text
    style: Literal["", "note", "files", "screen"] = ""


@dataclass(frozen=True)
class Callout:
    """A paragraph set apart: a "warning", or a "gap" where nothing could be shown."""

    text: Text
    style: Literal["warning", "gap"]


@dataclass(frozen=True)
class Entry:
    """One cell of a table: text, small lines below it, and the value that it sorts by (NaN last).

    A `colour` marks a row's heading, or tints the cell as strongly as its `shade` from 0 to 1.
    """

    text: Text
    below: tuple[str, ...] = ()
    sort: float | str = math.nan
    colour: str | None = None
    shade: float | None = None


@dataclass(frozen=True)
class Table:
    """Headings (text, unit), and rows that begin with their own heading.

    `name` is read out by screen readers. `is_prose` aligns the columns for words, not for numbers.
    """

    headings: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[Entry]]
    name: str = "Table"
    is_prose: bool = False


@dataclass(frozen=True)
class FigureBlock:
    """A question with the figure that answers it.

    `table` is the name of the file of rows behind it, `figure` the name of its picture files, both in folders next to
    the page. `figure` and `svg` are "" where there was nothing to draw. `method` says how the numbers are made; a page
    shows it once, among its definitions at `method_anchor`, and the caption links to it.
    """

    question: str
    caption: str
    alt: str
    table: str
    figure: str
    svg: str
    method: str = ""

    @property
    def method_anchor(self) -> str:
        """The anchor of the method among the definitions."""
        return f"method-{self.table}"


@dataclass(frozen=True)
class Picture:
    """A picture of another page, with its caption below.

    `name` is read out by screen readers, before `alt`. `path` is that of its PNG, relative to the folder of this page;
    `svg` is the same picture for a page in HTML.
    """

    name: str
    path: str
    alt: str
    caption: str
    svg: str


@dataclass(frozen=True)
class Bullets:
    """A list of lines."""

    items: Sequence[Text]


@dataclass(frozen=True)
class Term:
    """A term and its meaning, with an anchor for links."""

    name: str
    text: Text
    anchor: str = ""


@dataclass(frozen=True)
class Terms:
    """A list of terms; that of a "receipt" is small and dense."""

    items: Sequence[Term]
    style: Literal["", "receipt"] = ""


@dataclass(frozen=True)
class Details:
    """Blocks that are folded away under a summary and a note."""

    summary: Text
    note: str
    blocks: Sequence["Block"]


@dataclass(frozen=True)
class CodeBlock:
    """Lines of code or output as they stand."""

    text: str


@dataclass(frozen=True)
class Heatmap:
    """One quantity of a `Heatmaps` block: a colour for each row and column.

    `image` is a PNG as a data URI, one pixel a value, and `values` has them as text: base64 of unsigned 16-bit
    little-endian numbers, row by row, from 0 for `low` to 65534 for `high`, on a linear or logarithmic scale; 65535 is
    a missing value. `colours` are those from low to high, `alt` describes the picture in words.
    """

    name: str
    title: str
    image: str
    values: str
    low: float
    high: float
    is_log: bool
    colours: tuple[str, ...]
    alt: str


@dataclass(frozen=True)
class Heatmaps:
    """Heatmaps of several quantities over the same rows and columns; one place is chosen in all of them at once.

    A row is a `row_name`, such as a unit; `rows` and `columns` name each in words. Where the columns are the characters
    of a text, `letters` has a short text for each.
    """

    name: str
    maps: Sequence[Heatmap]
    row_name: str
    rows: Sequence[str]
    columns: Sequence[str]
    letters: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    A first-level section with an anchor is listed in the table of contents, as `contents` or by its title. A "part"
    holds sections of its own, such as the figures of one of several tasks; a "pair" sets them side by side.
    """

    title: Text
    blocks: Sequence["Block"]
    anchor: str = ""
    contents: str = ""
    style: Literal["", "part", "pair", "claim"] = ""


Block: TypeAlias = (
    Section
    | Paragraph
    | Callout
    | Table
    | FigureBlock
    | Picture
    | Bullets
    | Terms
    | Details
    | CodeBlock
    | Player
    | ToyCell
    | Heatmaps
)


@dataclass(frozen=True)
class Document:
    """A page from top to bottom.

    `kind` and `date` stand above the title, `headline` holds the finding in a few paragraphs. `in_short` is the
    finding in one sentence for other pages, "" where the first paragraph of the headline serves.
    """

    title: str
    kind: str
    date: str
    headline: Sequence[str]
    blocks: Sequence[Block]
    in_short: str = ""

    @property
    def contents(self) -> list[tuple[str, str]]:
        """The anchor and label of each section that the table of contents names."""
        sections = [block for block in self.blocks if isinstance(block, Section) and block.anchor]
        return [(section.anchor, section.contents or plain_text(section.title)) for section in sections]

    @property
    def kinds(self) -> set[str]:
        """The names of the kinds of block on the page, those within sections and details included."""
        return set(_kinds(self.blocks))


def _kinds(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        yield type(block).__name__
        if isinstance(block, Section | Details):
            yield from _kinds(block.blocks)
