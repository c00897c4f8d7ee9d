"""A document as one HTML file that loads nothing from anywhere."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lstm_bench.report.document import Document, parts
from lstm_bench.report.typography import typeset

TEMPLATES = Path(__file__).parent / "templates"


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
