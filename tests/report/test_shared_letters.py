"""Letters that figures have in common are on a page once, and each reference leads to the outline it led to."""

import re
from pathlib import Path

from lstm_bench.report.compact_svg import share_outlines

SCALE = 'transform="scale(0.015625)"'
PAGE = (
    "<html><body>\n"
    f'<svg><defs><path id="f1-1" d="M0 1" {SCALE}/><path id="f1-2" d="M2 3" {SCALE}/></defs>'
    '<use href="#f1-1"/><use href="#f1-2" transform="translate(5 0)"/></svg>'
    f'<svg><defs><path id="f2-1" d="M2 3" {SCALE}/></defs><use href="#f2-1"/></svg>'
    '<svg><defs><path id="f3-1" d="M2 3" style="stroke: #000"/></defs><use href="#f3-1"/></svg></body></html>'
)


def outlines_shown(page: str) -> list[str]:
    """Return the outline that each use refers to, in the order in which they are drawn."""
    defined = dict(re.findall(r'<path id="([^"]+)" d="([^"]*)"', page))
    return [defined[name] for name in re.findall(r'<use href="#([^"]+)"', page)]


def test_each_letter_is_defined_once_and_every_use_shows_what_it_showed() -> None:
    shared = share_outlines(PAGE)
    assert outlines_shown(shared) == outlines_shown(PAGE) == ["M0 1", "M2 3", "M2 3", "M2 3"]
    assert shared.count(SCALE) == 2
    assert 'style="stroke: #000"' in shared, "a mark is no letter"
    assert "<defs></defs>" not in shared
    assert 'transform="translate(5 0)"' in shared


def test_a_page_without_letters_stays_as_it_is() -> None:
    page = "<html><body>\n<p>words</p></body></html>"
    assert share_outlines(page) == page


def test_the_page_of_a_study_has_no_letter_twice_and_every_reference_leads_somewhere(report: Path) -> None:
    page = (report / "report.html").read_text()
    letters = re.findall(rf'<path id="[^"]+" d="([^"]*)" {re.escape(SCALE)}/>', page)
    assert len(letters) == len(set(letters)) > 20
    assert set(re.findall(r'<use href="#([^"]+)"', page)) <= set(re.findall(r' id="([^"]+)"', page))
