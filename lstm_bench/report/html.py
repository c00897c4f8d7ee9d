"""A document as one HTML file that loads nothing from anywhere."""

from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lstm_bench.report.document import Document, parts
from lstm_bench.report.typography import typeset

TEMPLATES = Path(__file__).parent / "templates"
ROOM = 2**20  # letters: about what the figures of a study of two cells take


def render_html(document: Document) -> str:
    """Return a page with its style, script, figures and embedded files inside; all text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"typeset": typeset, "parts": parts, "kind": lambda value: type(value).__name__}
    environment.globals["embedded"] = document.embedded  # macros see globals alone
    return environment.get_template("page.html.j2").render(document=document)


def files_to_embed(files: Mapping[str, str], room: int = ROOM) -> dict[str, str]:
    """Return the smallest files, as many as there is room for, so that a page can be sent alone with them.

    Args:
        files: text by path, from the folder of the page.
        room: letters that all of them may have together.
    """
    smallest_first = sorted(files, key=lambda path: (len(files[path]), path))
    totals = accumulate(len(files[path]) for path in smallest_first)
    return {path: files[path] for path, total in zip(smallest_first, totals, strict=True) if total <= room}
