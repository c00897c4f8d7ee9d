"""The toy cell in a real browser: its sliders by keyboard, its numbers as the formulas give them, its curve."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from lstm_bench.anatomy.numerals import fixed, minus, short
from lstm_bench.anatomy.toy_cell import SLIDERS, forget_gate, half_life, toy_section, unit_biases
from lstm_bench.report.document import Document
from lstm_bench.report.html import render_html

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "toy.html"
    path.write_text(render_html(Document("toy", "anatomy", "", [], [toy_section()])), "utf-8")
    return path


def move_to(page: Page, name: str, value: float) -> None:
    """Set a slider by its keys alone."""
    slider = next(one for one in SLIDERS if one.name == name)
    a_page = max(1, round((slider.largest - slider.least) / 10 / slider.step))
    pages, steps = divmod(round((value - slider.least) / slider.step), a_page)
    page.locator(f"#toy-{name}").focus()
    for key in ["Home", *["PageUp"] * pages, *["ArrowRight"] * steps]:
        page.keyboard.press(key)
    assert float(page.locator(f"#toy-{name}").input_value()) == pytest.approx(value)


@pytest.mark.parametrize(
    ("bias", "n_units", "lag"), [(0.0, 1, 10), (-2.0, 3, 2), (4.0, 4, 50), (7.0, 8, 500), (2.5, 2, 1), (0.5, 1, 40)]
)
def test_the_numbers_are_those_of_python(open_page: Open, bias: float, n_units: int, lag: int) -> None:
    page = open_page()
    for name, value in (("bias", bias), ("units", n_units), ("lag", lag)):
        move_to(page, name, value)
    biases = [math.log(1 + (k + 1) / n_units * (math.exp(bias) - 1)) for k in range(n_units)]
    gates = [1 / (1 + math.exp(-b)) for b in biases]
    assert biases == pytest.approx(unit_biases(bias, n_units))
    assert gates == pytest.approx([forget_gate(b) for b in biases])
    rows = [row.locator("th, td").all_inner_texts() for row in page.locator(".toy-units tbody tr").all()]
    assert rows == [
        [str(k), minus(short(b)), fixed(f, 4), fixed(half_life(f), 1), minus(short(f**lag))]
        for k, (b, f) in enumerate(zip(biases, gates, strict=True), start=1)
    ]
    sums = page.locator(".toy-sums li").all_text_contents()
    f = gates[-1]
    assert sums[:3] == [
        f"f = σ({minus(short(bias))}) = {fixed(f, 4)}",
        f"half-life = ln ½ / ln f = {fixed(math.log(2) / -math.log(f), 1)} steps",
        f"cT = fT × c₀ = {fixed(f, 4)}{lag} × 1 = {minus(short(f**lag))}",
    ]
    left = sum(f**lag for f in gates) / n_units
    assert sums[3:] == ([f"mean of {n_units} units at T = {minus(short(left))}"] if n_units > 1 else [])
    curves = page.locator(".toy polyline")
    assert curves.count() == n_units + (n_units > 1)
    ends = [curve.get_attribute("points") or "" for curve in curves.all()]
    heights = [(216 - float(points.rpartition(",")[2])) / (216 - 12) for points in ends]
    assert heights == pytest.approx([f**lag for f in gates] + [left] * (n_units > 1), abs=0.05 / 204 + 1e-9)
    assert {points.partition(" ")[0] for points in ends} == {"24.0,12.0"}
    label = page.locator(".toy svg").get_attribute("aria-label") or ""
    assert f"{minus(short(left))} at step {lag}" in label


def test_a_gate_that_stays_at_a_half_halves_the_memory_every_step(open_page: Open) -> None:
    page = open_page()
    move_to(page, "bias", 0.0)
    move_to(page, "lag", 4)
    assert page.locator(".toy-units td").all_inner_texts() == ["0", "0.5000", "1.0", "0.063"]
    points = re.findall(r"[\d.]+,([\d.]+)", page.locator(".toy polyline").get_attribute("points") or "")
    assert [(216 - float(y)) / 204 for y in points] == pytest.approx([1, 0.5, 0.25, 0.125, 0.0625], abs=3e-4)


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_sticks_out(open_page: Open, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 844})
    move_to(page, "units", 8)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    letters = "texts => Math.min(...texts.map(text => text.getBoundingClientRect().height))"
    assert page.locator(".toy svg text").evaluate_all(letters) > 10
