"""report.md as GitHub's Markdown reads it: the same words and numbers as report.html, and no markup by accident."""

import html
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lstm_bench.anatomy.page import walk_page
from lstm_bench.anatomy.walk import load_walk, seven_words
from lstm_bench.report.document import Bullets, Document, Link, Paragraph, Section, Term, Terms
from lstm_bench.report.html import render_html
from lstm_bench.report.markdown import render_markdown
from lstm_bench.report.markdown_text import code, fenced, grid, image, prose
from lstm_bench.report.typography import typeset

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TRICKY = "ab1_*`<>&|[]()#~$\\!;:/-. "


class Said(HTMLParser):
    """What a page says, as it is read: headings, tables, alternatives of figures, files that links lead to, blocks."""

    UNREAD = ("script", "style", "template", "caption", "nav", "details")
    BLOCKS = ("p", "h1", "h2", "h3", "h4", "li", "th", "td", "dt", "dd", "figcaption", "pre")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.alternatives: list[str] = []
        self.files: set[str] = set()
        self.blocks: list[str] = []
        self.letters = ""
        self.unread = 0
        self.in_entry = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.unread += tag in self.UNREAD or tag == "svg"
        if tag == "img" or (tag == "svg" and "aria-hidden" not in attributes):
            self.alternatives.append(attributes.get("aria-label") or attributes.get("alt") or "")
        if self.unread:
            return
        if tag == "a":
            self.files |= {str(attributes["href"])} - {f"#{str(attributes['href'])[1:]}"}
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("th", "td"):
            self.in_entry = True
            self.letters = ""
        elif self.in_entry:
            self.letters += " " if tag in ("br", "small", "p", "strong") else ""
        elif tag in self.BLOCKS:
            self.letters = ""

    def handle_endtag(self, tag: str) -> None:
        self.unread -= tag in self.UNREAD or tag == "svg"
        if self.unread or tag not in self.BLOCKS or (self.in_entry and tag == "p"):
            return
        text = " ".join(self.letters.split())
        if tag in ("th", "td"):
            self.in_entry = False
            self.tables[-1][-1].append(text)
        elif tag.startswith("h"):
            self.headings.append(text)
        elif text:
            self.blocks.append(text)
        self.letters = ""

    def handle_data(self, data: str) -> None:
        self.letters += "" if self.unread else data


def rendered(markdown: str) -> Said:
    return Said(MARKDOWN.render(markdown))


def tokens(markdown: str) -> Iterator[tuple[str, str]]:
    for token in MARKDOWN.parse(markdown):
        yield from ((part.type, part.content) for part in (token, *(token.children or [])))


@pytest.fixture(scope="module")
def page(report: Path) -> Said:
    return Said((report / "report.html").read_text())


@pytest.fixture(scope="module")
def markdown(report: Path) -> Said:
    return rendered((report / "report.md").read_text())


def test_both_have_the_same_headings_tables_figures_and_files(page: Said, markdown: Said) -> None:
    assert markdown.headings == page.headings
    assert markdown.tables == page.tables
    assert len(markdown.tables) > 3
    assert markdown.alternatives == page.alternatives
    assert markdown.files == page.files


def test_markdown_says_each_paragraph_and_each_fact_of_the_page(page: Said, markdown: Said) -> None:
    words = "\n".join(markdown.blocks)
    of_the_page_alone = ("lstm_bench study", "Rows:", "Click a heading")
    said = [block.replace(" (next to this page)", "") for block in page.blocks]
    left_out = [block for block in said if block not in words and not block.startswith(of_the_page_alone)]
    assert left_out == []


def test_markdown_holds_no_html_but_line_breaks(report: Path) -> None:
    markup = {content for kind, content in tokens((report / "report.md").read_text()) if kind.startswith("html")}
    assert markup == {"<br>"}


def test_files_of_the_markdown_are_there(report: Path, markdown: Said) -> None:
    assert [file for file in markdown.files if not (report / file).is_file()] == []


def test_a_walk_has_the_same_tables_and_words() -> None:
    source = seven_words()
    walk = load_walk(source)
    document = walk_page(walk, "", source, [])
    page, markdown = Said(render_html(document)), rendered(render_markdown(document))
    unmarked = [
        [[entry.replace("wrong: ", "").replace("right: ", "") for entry in row] for row in table]
        for table in page.tables
    ]
    assert markdown.tables == unmarked
    assert len(unmarked) == 2 * 7 + 1 + 5 + 1, "sums and print at each word, the toy cell, all numbers, the audit"
    assert [table[0][0] for table in unmarked[:2]] == ["What", "In print"]
    assert markdown.headings == page.headings


def test_links_within_the_page_lead_to_an_anchor_and_in_markdown_to_the_heading_above_it() -> None:
    links = Link("what fails", "#failures"), " and ", Link("how", "#method-speed"), "."
    blocks = [
        Paragraph(links),
        Section("Failures & censoring (5%)", [Bullets(["none"])], "failures"),
        Section("What the numbers mean", [Section("By figure", [Terms([Term("speed", "by clock", "method-speed")])])]),
    ]
    document = Document("linked", "study", "", [], blocks)
    page, markdown = render_html(document), render_markdown(document)
    assert '<a href="#failures">what fails</a> and <a href="#method-speed">how</a>.' in page
    assert '<section id="failures">' in page and '<dt id="method-speed">' in page
    assert "[what fails](#failures--censoring-5) and [how](#by-figure)." in markdown


@given(st.text(TRICKY, min_size=1).map(str.strip))
def test_text_is_read_as_it_stands(text: str) -> None:
    assert html.unescape(MARKDOWN.renderInline(prose(text))) == typeset(text)


@given(st.text(TRICKY, min_size=1).map(str.strip).filter(bool))
def test_code_alternatives_and_entries_are_read_as_they_stand(text: str) -> None:
    assert html.unescape(MARKDOWN.renderInline(code(text))) == f"<code>{text}</code>"
    assert rendered(image(text, "x.png")).alternatives == [text]
    assert rendered(grid([prose(text), "b"], [["c", prose(text)]])).tables == [
        [[" ".join(typeset(text).split()), "b"], ["c", " ".join(typeset(text).split())]]
    ]


def test_lines_of_code_hold_fences_of_their_own() -> None:
    text = "Traceback:\n```\n  <b> `x`\n````"
    shown = html.escape(text, quote=False)
    assert MARKDOWN.render(fenced(text)) == f'<pre><code class="language-text">{shown}\n</code></pre>\n'
