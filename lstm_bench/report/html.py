"""The page as one HTML file that loads nothing from anywhere."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lstm_bench.report.page import Page
from lstm_bench.report.typeset import typeset

TEMPLATES = Path(__file__).parent / "templates"


def render_html(page: Page) -> str:
    """Return report.html: style, script and figures inside, everything that came from records escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["typeset"] = typeset
    return environment.get_template("page.html.j2").render(page=page)
