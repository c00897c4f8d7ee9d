"""The page of the walk as text: it loads nothing, says the numbers, and is the same each time."""

import re
from pathlib import Path

import pytest

from lstm_bench.anatomy.numerals import fixed, short
from lstm_bench.anatomy.page import walk_page
from lstm_bench.anatomy.walk import Walk, load_walk, seven_words
from lstm_bench.report.html import render_html

SOURCE = seven_words()


def page_of(walk: Walk, unknown: list[str] | None = None) -> str:
    return render_html(walk_page(walk, "python -m lstm_bench.anatomy walk", SOURCE, unknown or []))


@pytest.fixture(scope="module")
def html() -> str:
    return page_of(load_walk(SOURCE))


def test_the_same_walk_gives_the_same_bytes(html: str) -> None:
    assert page_of(load_walk(SOURCE)) == html


def test_the_page_loads_nothing_and_its_links_lead_somewhere(html: str) -> None:
    ids = re.findall(r'\sid="([^"]*)"', html)
    assert len(set(ids)) == len(ids)
    assert not re.search(r"""(src|href)\s*=\s*["']?\s*(\w+:)?//""", html)
    assert {link[1:] for link in re.findall(r'<a href="([^"]*)"', html)} <= set(ids)


def test_every_step_is_there_without_a_script_and_with_its_words(html: str) -> None:
    assert re.findall(r'<article id="t=(\d)"', html) == list("1234567")
    assert html.count("<svg ") == html.count('role="img" aria-label="Diagram of one LSTM step. input x: ') == 7
    assert "forget gate f: 0.2;" in html
    assert "<mark>I</mark>" in html
    assert "The forget gate, 0.2, keeps 0.182 of the memory 0.909." in html
    assert "candidate, 0.3 × (−0.1), writes −0.03." in html


def test_wrong_cells_are_marked_and_not_by_colour_alone(html: str) -> None:
    body = html[html.index('<table class="audit"') :]
    assert body.count("<s>") == body.count("✗<strong>") == body.count(">wrong: <") == 17
    assert "18 of the 35 printed numbers are not what the equations give." in html


def test_what_rounding_alone_puts_off_is_marked_in_words(html: str) -> None:
    body = html[html.index('<table class="audit"') :]
    assert body.count("<small>rounding: 0.43</small>") == body.count("rounding: ") == 1
    assert html.count("<small>rounding: 0.43</small>") == 2, "at its step, too"


def test_remarks_on_the_source_are_shown_where_there_are_any(html: str) -> None:
    assert "<li>The source calls its values illustrative approximations.</li>" in html
    assert 'id="remarks"' in html
    assert 'id="remarks"' not in page_of(Walk([["a"]], {gate: [1.0] for gate in "figo"}, {}))


def test_words_are_escaped_and_the_unknown_told() -> None:
    walk = Walk([["<b>"]], {"f": [1.0], "i": [1.0], "g": [1.0], "o": [1.0]}, {})
    html = page_of(walk, ["<i>"])
    assert "<b>&lt;" not in html
    assert "&lt;b&gt;" in html
    assert "left out: &lt;i&gt;." in html
    assert 'id="audit"' not in html


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"), (-0.0, "0"), (-1e-17, "-1e-17"), (0.72, "0.72"), (0.95 * 0.95, "0.903"), (-0.9025, "-0.903"),
        (0.06575, "0.066"), (2e-5, "2e-05"), (100.0, "100"), (12345.6, "1.2e+04"), (-0.0004, "-4e-04"),
    ],
)  # fmt: skip
def test_numbers_on_wires(value: float, expected: str) -> None:
    assert short(value) == expected


def test_fixed_numbers() -> None:
    assert [fixed(v, 3) for v in (0.9025, -0.9025, -1e-9, 2.0)] == ["0.903", "-0.903", "0.000", "2.000"]


def test_the_source_is_in_the_receipt_by_name_alone(html: str) -> None:
    assert "<dt>walk</dt><dd>seven_words.yaml</dd>" in html
    assert str(Path.home()) not in html
