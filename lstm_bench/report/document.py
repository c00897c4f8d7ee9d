"""The blocks that pages are made of, in no format."""

import math
from dataclasses import dataclass

DASH = "-"


@dataclass(frozen=True)
class Entry:
    """One cell of a table: text, small lines below it, what it sorts by (NaN last).

    A `colour` marks a row's heading, or tints the cell as strongly as its `shade` from 0 to 1.
    """

    text: str
    below: tuple[str, ...] = ()
    sort: float | str = math.nan
    colour: str | None = None
    shade: float | None = None


@dataclass(frozen=True)
class Table:
    """Headings (text, unit), and rows that begin with their own heading."""

    headings: list[tuple[str, str]]
    rows: list[list[Entry]]


@dataclass(frozen=True)
class FigureBlock:
    """A question with the figure that answers it.

    `table` is the name of the file of rows behind it, `figure` the name of its picture files; both lie beside the page.
    `svg` is "" where there was nothing to draw. `method` says how the numbers are made; a page says it once, under its
    definitions, and links the caption to it.
    """

    question: str
    caption: str
    alt: str
    table: str
    figure: str
    svg: str
    method: str = ""
