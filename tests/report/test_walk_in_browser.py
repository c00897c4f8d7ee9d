"""The page of the walk in a real browser: what moves t, what a phone shows, and that nothing is fetched."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from lstm_bench.anatomy.page import walk_page
from lstm_bench.anatomy.walk import load_walk, seven_words
from lstm_bench.report.html import render_html

SOURCE = seven_words()
C = ["0.72", "0.632", "0.223", "0.909", "0.777", "1.641", "1.448"]
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "walk.html"
    path.write_text(render_html(walk_page(load_walk(SOURCE), "a command", SOURCE, [])), "utf-8")
    return path


def shown(page: Page) -> tuple[int, str]:
    """Return t and c of the one step that is to be seen, c as its sum says it."""
    steps = page.locator("article:visible")
    assert steps.count() == 1
    t = int((steps.get_attribute("id") or "").removeprefix("t="))
    c = steps.locator(".sums tbody tr:nth-child(3) td:last-child").inner_text()
    assert c in steps.locator("svg text").all_inner_texts() or c in steps.locator("svg text").all_text_contents()
    assert page.locator(".words [aria-current=step]").count() == 1
    assert page.locator(".words a").nth(t - 1).get_attribute("aria-current") == "step"
    assert page.locator(".controls input").input_value() == str(t)
    assert page.locator(".controls output").inner_text() == f"t = {t}"
    return t, c


def test_the_slider_moves_the_values(open_page: Open) -> None:
    page = open_page()
    assert shown(page) == (1, C[0])
    for t in (5, 7, 2):
        page.locator(".controls input").fill(str(t))
        assert shown(page) == (t, C[t - 1])


def test_arrow_keys_move_t_wherever_the_focus_is_and_stop_at_the_ends(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("ArrowLeft")
    assert shown(page)[0] == 1
    for t in range(2, 9):
        page.keyboard.press("ArrowRight")
        assert shown(page) == (min(t, 7), C[min(t, 7) - 1])
    page.keyboard.press("ArrowLeft")
    assert shown(page)[0] == 6
    page.locator(".controls input").focus()
    page.keyboard.press("ArrowLeft")
    assert shown(page)[0] == 5  # once, not by the slider and by the page
    page.keyboard.press("Control+ArrowLeft")
    assert shown(page)[0] in {4, 5}


def test_buttons_and_words_move_t(open_page: Open) -> None:
    page = open_page()
    assert page.locator(".previous").is_disabled()
    page.get_by_role("button", name="Next").click()
    assert shown(page)[0] == 2
    page.locator(".words a").nth(6).click()
    assert shown(page)[0] == 7
    assert page.locator(".next").is_disabled()
    page.get_by_role("button", name="Previous").click()
    assert shown(page)[0] == 6
    assert page.url.endswith("#t=6")


def test_a_step_is_said_in_words(open_page: Open) -> None:
    page = open_page()
    live = page.locator(".player [aria-live=polite]")
    assert live.text_content() == ""
    page.keyboard.press("ArrowRight")
    assert "The memory becomes 0.632." in (live.text_content() or "")
    assert page.locator(".controls input").get_attribute("aria-valuetext") == "2, learning"


@pytest.mark.parametrize(("fragment", "t"), [("#t=5", 5), ("#t=99", 7), ("#t=0", 1), ("#audit", 1), ("#t=%35", 5)])
def test_an_address_may_name_the_step(open_page: Open, fragment: str, t: int) -> None:
    assert shown(open_page(fragment))[0] == t


def test_a_phone_shows_it_all_without_scrolling_sideways(open_page: Open) -> None:
    page = open_page("#t=6", viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    drawing = page.locator("article:visible svg").bounding_box()
    assert drawing is not None
    assert 320 < drawing["width"] <= 390
    least = page.locator("article:visible svg text").evaluate_all(
        "texts => Math.min(...texts.map(text => text.getBoundingClientRect().height))"
    )
    assert least > 8  # pixels


def test_without_a_script_every_step_is_shown(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator("article:visible").count() == 7
    assert not page.locator(".controls").is_visible()


def test_on_paper_every_step_is_shown(open_page: Open) -> None:
    page = open_page()
    page.emulate_media(media="print")
    assert page.locator("article:visible").count() == 7
    assert not page.locator(".controls").is_visible()


def test_motion_is_spared_who_asks_for_it(open_page: Open) -> None:
    moving = "getComputedStyle(document.querySelector('.words a')).transitionDuration"
    assert "0.2s" in open_page(reduced_motion="no-preference").evaluate(moving)
    still = open_page(reduced_motion="reduce")
    assert still.evaluate(moving) == "0s"
    assert still.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ink_stands_out_from_the_paper(open_page: Open, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    ink, paper = page.evaluate(
        "['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name].match(/\\d+/g).map(Number))"
    )
    assert abs(sum(ink) - sum(paper)) > 400
    letters = page.locator("article:visible svg text").first.evaluate("text => getComputedStyle(text).fill")
    assert letters == page.evaluate("getComputedStyle(document.body).color")
