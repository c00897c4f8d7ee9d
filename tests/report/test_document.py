"""The blocks of a page in both formats: methods once, captions that link to them, and what fails first."""

from pathlib import Path

import pytest
from synthetic_study import make_study

from lstm_bench.analysis.frames import load_study
from lstm_bench.report.document import (
    Callout,
    Code,
    Document,
    FigureBlock,
    Link,
    Section,
    Verbatim,
    Verdict,
    plain_text,
)
from lstm_bench.report.html import render_html
from lstm_bench.report.markdown import render_markdown
from lstm_bench.report.pages.failure_summary import failure_callout
from lstm_bench.report.pages.figure import figure_section, method_terms
from lstm_bench.report.pages.protocol import definitions_section


def figure(table: str, name: str, method: str = "By the clock.") -> FigureBlock:
    return FigureBlock("How fast?", f"{name} is 2x as fast.", "A chart of speed.", table, name, "<svg></svg>", method)


@pytest.fixture
def document() -> Document:
    """Two tasks with the same figure, and one that could not be drawn."""
    figures = [figure("speed", "copy_speed"), figure("speed", "adding_speed"), figure("paths", "", "Not drawn.")]
    sections = [figure_section(block, f"task{place}") for place, block in enumerate(figures)]
    return Document("two", "study", "", [], [*sections, definitions_section({"T": "a lag"}, method_terms(figures))])


def test_a_method_stands_once_and_each_caption_links_to_it(document: Document) -> None:
    page, markdown = render_html(document), render_markdown(document)
    assert page.count("By the clock.") == page.count('<dt id="method-speed">') == markdown.count("By the clock.") == 1
    assert page.count('is 2× as fast. <a href="#method-speed">How it is measured</a></figcaption>') == 2
    assert markdown.count("is 2× as fast. [How it is measured](#figure-by-figure)") == 2


def test_a_figure_that_is_not_drawn_leaves_its_sentence_and_no_link(document: Document) -> None:
    page, markdown = render_html(document), render_markdown(document)
    assert '<p class="callout gap"> is 2× as fast.</p>' in page
    assert ">  is 2× as fast." in markdown
    assert "Not drawn." not in page + markdown


def test_sections_with_an_anchor_are_the_contents(document: Document) -> None:
    assert document.contents == [
        ("task0-speed", "How fast?"), ("task1-speed", "How fast?"), ("task2-paths", "How fast?"),
        ("definitions", "What the numbers mean"),
    ]  # fmt: skip
    nested = Section("Part", [Section("Below", [], "below")])
    verdict = Section(("It holds. ", Verdict("refuted")), [], "claim", "It holds.")
    assert Document("t", "study", "", [], [nested, verdict]).contents == [("claim", "It holds.")]


def test_the_words_of_a_text() -> None:
    text = ("a ", Code("b"), " ", Verbatim("c-1"), " ", Link("d", "#d"), " ", Verdict("mixed"))
    assert plain_text(text) == "a b c-1 d"
    assert plain_text("a") == "a"


def failing(cell: str, lag: int, seed: int) -> str:
    return {("rnn", 0): "failed", ("rnn", 1): "missing"}.get((cell, seed), "plateau")


def test_what_fails_is_said_at_the_top_and_unsolved_is_no_failure(tmp_path: Path) -> None:
    settings = {"lags": (2,), "n_seeds": 2, "tuned": False, "probed": False, "timed": False}
    make_study(tmp_path / "failing", outcome=failing, **settings)
    make_study(tmp_path / "unsolved", outcome=lambda *_: "plateau", **settings)
    study, unsolved = load_study(tmp_path / "failing"), load_study(tmp_path / "unsolved")
    (callout,) = failure_callout([study], [])
    assert isinstance(callout, Callout)
    assert callout.text == (
        "Of 4 planned members, 2 were still at the memoryless baseline, 1 failed with an error and 1 has no record "
        "(not run). ",
        Link("Failures and censoring", "#failures"),
    )
    assert failure_callout([unsolved], []) == []
    (problem,) = failure_callout([unsolved], ["a.json: cannot be read"])
    assert isinstance(problem, Callout)
    assert problem.text[0] == "1 problem with records or files is listed below. "
