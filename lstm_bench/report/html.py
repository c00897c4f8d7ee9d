"""The page as one HTML file that loads nothing from anywhere."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lstm_bench.report.claims_page import ClaimsPage
from lstm_bench.report.page import Page
from lstm_bench.report.speed_page import SpeedPage
from lstm_bench.report.typography import typeset

PACKAGE = Path(__file__).parents[1]
TEMPLATES = [PACKAGE / room / "templates" for room in ("report", "anatomy")]


def render_html(page: Page, carried: Mapping[str, str]) -> str:
    """Return report.html of a study: style, script and figures inside, everything that came from records escaped.

    Args:
        page: what it says.
        carried: text by path of the files beside the page that it carries within itself, to be had from it alone.
    """
    return render("page.html.j2", page, carried)


def render_speed_html(page: SpeedPage, carried: Mapping[str, str]) -> str:
    """Return report.html of a speed study, made like the other."""
    return render("speed.html.j2", page, carried)


def render_claims_html(page: ClaimsPage, carried: Mapping[str, str]) -> str:
    """Return report.html of a study of claims, made like the others."""
    return render("claims_page.html.j2", page, carried)


def render(template: str, page: object, carried: Mapping[str, str]) -> str:
    """Return a page in a template of TEMPLATES.

    Args:
        template: name of the file.
        page: content, `page` in the template.
        carried: text by path of the files that the page has within itself.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["typeset"] = typeset
    environment.globals["carried"] = carried  # for macros too
    return environment.get_template(template).render(page=page)
