"""A table of the page in a real browser: sorted by click and by key, numbers as numbers, what is unknown last."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from lstm_bench.report.document import Document, Entry, Table
from lstm_bench.report.html import render_html

Open = Callable[..., Page]
SPEEDS = {"a": 10.0, "b": 9.0, "c": math.nan, "d": math.inf, "e": -math.inf, "f": 9.0, "g": 1e-5, "h": math.nan}
KERNELS = {"a": "H 128", "b": "H 64", "c": "", "d": "tanh", "e": "H 64", "f": "H 9", "g": "relu", "h": "4"}
ASCENDING = "egbfadch"  # b and f alike, in their order; c and h unknown, last in theirs
DESCENDING = "dabfgech"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [
        [Entry(name, sort=name), Entry("shown", sort=SPEEDS[name]), Entry("shown", sort=KERNELS[name])]
        for name in SPEEDS
    ]
    table = Table([("Cell", ""), ("Speed", "1/s"), ("Kernel", "")], rows)
    document = Document("sorted", "speed", "", [], [table])
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_html(document), "utf-8")
    return path


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("columnheader", name=name)


def order(page: Page) -> str:
    return "".join(page.locator("tbody th").all_inner_texts())


def sorted_by(page: Page) -> dict[str, str]:
    """Return how each column says that it is sorted."""
    sorting = {name: heading(page, name).get_attribute("aria-sort") for name in ("Cell", "Speed", "Kernel")}
    return {name: way for name, way in sorting.items() if way}


def test_a_click_sorts_numbers_up_then_down_with_the_unknown_last(open_page: Open) -> None:
    page = open_page()
    assert (order(page), sorted_by(page)) == ("abcdefgh", {})
    button = heading(page, "Speed").get_by_role("button")
    for way, rows in (("ascending", ASCENDING), ("descending", DESCENDING), ("ascending", ASCENDING)):
        button.click()
        assert (order(page), sorted_by(page)) == (rows, {"Speed": way})


def test_keys_sort_as_a_click_does(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.textContent") != "Speed":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert (order(page), sorted_by(page)) == (ASCENDING, {"Speed": "ascending"})
    page.keyboard.press("Space")
    assert (order(page), sorted_by(page)) == (DESCENDING, {"Speed": "descending"})
    assert page.evaluate("document.activeElement.textContent") == "Speed"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_words_sort_by_the_numbers_within_them(open_page: Open) -> None:
    page = open_page()
    heading(page, "Kernel").get_by_role("button").click()
    assert (order(page), sorted_by(page)) == ("hfbeagdc", {"Kernel": "ascending"})  # 4, H 9, H 64 twice, H 128, ...


def test_equal_rows_keep_the_order_that_another_column_gave_them(open_page: Open) -> None:
    page = open_page()
    for name in ("Cell", "Cell", "Speed"):  # names downwards first: f before b, h before c
        heading(page, name).get_by_role("button").click()
    assert (order(page), sorted_by(page)) == ("egfbadhc", {"Speed": "ascending"})
