"""The page as one HTML file that loads nothing from anywhere."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lstm_bench.report.anatomy_page import AnatomyPage
from lstm_bench.report.page import Page
from lstm_bench.report.speed_page import SpeedPage
from lstm_bench.report.typeset import typeset

TEMPLATES = Path(__file__).parent / "templates"


def render_html(page: Page) -> str:
    """Return report.html of a study: style, script and figures inside, everything that came from records escaped."""
    return _render("page.html.j2", page)


def render_speed_html(page: SpeedPage) -> str:
    """Return report.html of a speed study, made like the other."""
    return _render("speed.html.j2", page)


def render_anatomy_html(page: AnatomyPage) -> str:
    """Return the page of the anatomy, made like the others."""
    return _render("anatomy.html.j2", page)


def _render(template: str, page: Page | SpeedPage | AnatomyPage) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["typeset"] = typeset
    return environment.get_template(template).render(page=page)
