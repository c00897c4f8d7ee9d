"""Heatmaps in a real browser: the place that sliders, keys and clicks choose, and the numbers that stand there."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from lstm_bench.anatomy.gates.heatmaps import heatmap, scale_of
from lstm_bench.report.document import Document, Heatmaps
from lstm_bench.report.html import render_html

Open = Callable[..., Page]
GATE = np.array([[0.0, 0.25, 1.0, 0.5], [0.125, 0.9996, 0.75, 0.001]])
SIGNED = np.array([[-3.0, 1.5, 0.0, 0.0004], [3.0, -0.25, 2.0, 1.0]])
GRADIENT = np.array([[1e-9, 1e-3, 0.5, math.nan], [0.1, 0.02, 0.25, math.nan]])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    maps = [
        heatmap("f", "forget gate", GATE, "gate", scale_of("gate", GATE)),
        heatmap("c", "cell state", SIGNED, "signed", scale_of("signed", SIGNED)),
        heatmap("grad c", "gradient", GRADIENT, "gradient", scale_of("gradient", GRADIENT)),
    ]
    columns = [f"step {step} of 4" for step in range(1, 5)]
    first = Heatmaps("Layer 0", maps, "unit", ['unit <1> "a"', "unit 0"], columns, ("a", "<", "␣", "b"))
    second = Heatmaps("Layer 1", maps[:1], "unit", ["unit 5", "unit 6"], columns)
    path = tmp_path_factory.mktemp("page") / "gates.html"
    path.write_text(render_html(Document("gates", "anatomy", "", [], [first, second])), "utf-8")
    return path


def shown(page: Page, block: int = 0) -> tuple[str, list[str]]:
    """Return the place that is chosen, in words, and the value of each heatmap there."""
    group = page.locator(".heatmaps").nth(block)
    return group.locator(".place").inner_text(), group.locator("output").all_inner_texts()


def test_sliders_choose_the_row_and_the_step_of_all_heatmaps(open_page: Open) -> None:
    page = open_page()
    assert shown(page) == ('unit <1> "a"; step 3 of 4', ["1.000", "0.000", "0.500"])
    assert page.locator(".live").first.text_content() == ""
    page.get_by_label("Layer 0: unit").fill("1")
    assert page.locator(".live").first.text_content() == "f 0.750, c 2.000, grad c 0.250"
    assert shown(page) == ("unit 0; step 3 of 4", ["0.750", "2.000", "0.250"])
    page.get_by_label("Layer 0: step").fill("1")
    assert shown(page) == ("unit 0; step 2 of 4", ["1.000", "−0.250", "0.020"])
    assert page.locator(".around").inner_text() == "a<␣b"
    assert page.locator(".around mark").inner_text() == "<"
    assert shown(page, 1) == ("unit 5; step 2 of 4", ["0.250"])  # it follows the step and keeps its unit
    assert page.get_by_label("Layer 0: unit").get_attribute("aria-valuetext") == "unit 0"


def test_what_is_missing_or_below_the_scale_is_said(open_page: Open) -> None:
    page = open_page()
    page.get_by_label("Layer 0: step").fill("3")
    assert shown(page)[1] == ["0.500", "0.000", "–"]
    page.get_by_label("Layer 0: step").fill("0")
    assert shown(page)[1] == ["0.000", "−3.000", "≤ 5.0e−7"]  # a millionth of the largest


def test_a_click_chooses_the_place_under_it_and_keys_move_on(open_page: Open) -> None:
    page = open_page()
    box = page.locator(".map").nth(1).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.75 * box["height"])
    assert shown(page) == ("unit 0; step 4 of 4", ["0.001", "1.000", "–"])
    page.get_by_label("Layer 0: step").press("ArrowLeft")
    assert shown(page) == ("unit 0; step 3 of 4", ["0.750", "2.000", "0.250"])
    cross = page.locator(".cross").first.bounding_box()
    image = page.locator(".map img").first.bounding_box()
    assert cross is not None
    assert image is not None
    assert cross["x"] - image["x"] == pytest.approx(0.5 * image["width"], abs=2)
    assert cross["y"] - image["y"] == pytest.approx(0.5 * image["height"], abs=2)


def test_a_phone_shows_one_column_without_scrolling_sideways(open_page: Open) -> None:
    page = open_page(viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    lefts = {round(page.locator(".map").nth(place).bounding_box()["x"]) for place in range(3)}  # type: ignore[index]
    assert len(lefts) == 1


def test_without_a_script_the_images_stand_there_in_words_and_the_controls_do_not(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator(".heatmap img:visible").count() == 4
    assert page.locator(".chosen:visible").count() == 0
    alt = page.locator(".heatmap img").first.get_attribute("alt")
    assert alt == "f, forget gate: from 0 to 1, median 0.375, over 2 rows and 4 steps."
