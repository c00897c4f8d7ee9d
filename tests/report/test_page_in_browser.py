"""The page of a study in a real browser, alone in its folder as if it had been mailed: light, dark, phone and paper."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from lstm_bench.report.document import Document, Entry, Table
from lstm_bench.report.html import render_html
from lstm_bench.report.pdf import browser as installed
from lstm_bench.report.pdf import write_pdf

Open = Callable[..., Page]
PHONE = {"width": 390, "height": 844}
A4 = {"width": 688, "height": 1017}  # CSS pixels between the margins
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3, level AA
LEAST_TARGET = 24  # pixels; WCAG 2.2, 2.5.8
CONTRASTS = (Path(__file__).parent / "contrasts.js").read_text()
CLIPPING = """[...document.querySelectorAll(".scroll")]
  .filter(box => box.scrollWidth > box.clientWidth).map(box => box.getAttribute("aria-label"))"""
STICKING_OUT = """[...document.querySelectorAll("main :not(.unseen)")]
  .filter(element => !element.parentElement.closest(".scroll, pre"))
  .filter(element => element.getBoundingClientRect().right > innerWidth).map(element => element.outerHTML)"""


@pytest.fixture(scope="module")
def file(report: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copy(report / "report.html", tmp_path_factory.mktemp("alone")))


def test_a_table_of_the_study_sorts_by_its_numbers(open_page: Open) -> None:
    table = open_page().get_by_role("table", name="Comparison").first
    assert table.locator("tbody th").all_inner_texts() == ["lstm", "rnn"]
    table.get_by_role("button", name="Parameters").click()  # 4,864 is less than 19,456, though not as text
    assert table.locator("tbody th").all_inner_texts() == ["rnn", "lstm"]


@pytest.mark.parametrize("path", ["tables/comparison.csv", "tables/solve_rates.csv", "receipt.json"])
def test_a_page_alone_gives_its_files(open_page: Open, report: Path, path: str) -> None:
    page = open_page()
    name = Path(path).name
    with page.expect_download() as download:
        page.get_by_role("link", name=name).first.click()
    assert download.value.suggested_filename == name
    assert Path(download.value.path()).read_bytes() == (report / path).read_bytes()


def test_a_page_says_which_files_it_does_not_hold(browser: Browser, file: Path) -> None:
    text = file.read_text("utf-8")
    without = re.sub(r'<template data-file="receipt.json">.*?</template>', "", text, flags=re.DOTALL)
    assert len(without) < len(text)
    for content, n in ((text, 0), (without, text.count('href="receipt.json"'))):
        page = browser.new_page()
        page.set_content(content)
        beside = page.locator("a:has(+ .beside:visible)")
        assert [link.inner_text() for link in beside.all()] == ["receipt.json"] * n
        page.close()


@pytest.mark.parametrize(("scheme", "grounds"), [("light", range(700, 766)), ("dark", range(100))])
def test_all_text_stands_out_from_its_ground(open_page: Open, scheme: str, grounds: range) -> None:
    page = open_page(color_scheme=scheme)
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 100
    assert [told for ratio, told in contrasts if ratio < LEAST_CONTRAST] == []
    red_green_blue = re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert sum(map(int, red_green_blue)) in grounds


def test_all_that_is_drawn_or_tabled_has_a_name(open_page: Open) -> None:
    page = open_page()
    assert page.locator("html").get_attribute("lang") == "en"
    drawings = page.locator("main svg, main img").count()
    assert drawings > 5
    assert page.get_by_role("img", name=re.compile(r"\w.{20}")).count() == drawings
    assert page.locator("table").count() == page.locator("table > caption").count() > 2
    assert page.locator(".scroll").count() == page.locator(".scroll[role=group][aria-label][tabindex='0']").count()


def test_a_phone_scrolls_boxes_and_not_the_page(open_page: Open) -> None:
    page = open_page(viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert page.evaluate(STICKING_OUT) == []
    assert page.evaluate(CLIPPING) != []  # so the boxes do scroll
    targets = page.locator("thead button:visible").evaluate_all("all => all.map(one => one.offsetHeight)")
    assert min(targets) >= LEAST_TARGET


def test_paper_is_white_and_clips_and_hides_nothing(open_page: Open) -> None:
    page = open_page(viewport=A4)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert not page.get_by_role("navigation").is_visible()
    assert page.evaluate(CLIPPING) == []
    assert page.evaluate("document.documentElement.scrollWidth") == A4["width"]
    folded = page.locator("details:not([open]) > :not(summary)")
    assert folded.count() > 0
    assert all(part.is_visible() for part in folded.all())


@pytest.mark.parametrize("lags", [7, 16, 25])
def test_a_table_fits_on_paper_however_many_lags_it_has(browser: Browser, lags: int) -> None:
    headings = [("Cell", ""), *((f"lag {2**power:,}", "quartiles") for power in range(lags))]
    rows = [[Entry("lstm_no_forget_gate", colour="#000000"), *[Entry("not measured", ("10,000-20,000",))] * lags]] * 2
    document = Document("wide", "speed", "", [], [Table(headings, rows, "All rows")])
    page = browser.new_page(viewport=A4)
    page.set_content(render_html(document))
    page.emulate_media(media="print")
    assert page.locator(".scroll").count() == 1
    assert page.evaluate(CLIPPING) == []
    page.close()


def test_a_page_is_printed_as_pdf_beside_it(browser: Browser, file: Path) -> None:
    pdf = write_pdf(file, str(installed()))
    assert pdf == file.with_suffix(".pdf")
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) > 3
