"""The walk with other gates in a real browser: sliders by keyboard, Python's numbers, marks, and the projector view."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page

from lstm_bench.anatomy import player
from lstm_bench.anatomy.audit import audit
from lstm_bench.anatomy.numerals import minus, short
from lstm_bench.anatomy.page import walk_page
from lstm_bench.anatomy.walk import Walk, load_walk, seven_words
from lstm_bench.report.html import render_html
from lstm_bench.report.interactive import PlayerStep

Open = Callable[..., Page]
Moves = Mapping[tuple[str, int], float]  # by gate and t
SOURCE = seven_words()
WALK = load_walk(SOURCE)
LEAST_CONTRAST, LEAST_TARGET = 4.5, 24  # WCAG 2.2, 1.4.3 and 2.5.8
CONTRASTS = (Path(__file__).parent / "contrasts.js").read_text()
PROJECTORS = [(1024, 768), (1920, 1080)]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "walk.html"
    path.write_text(render_html(walk_page(WALK, "a command", SOURCE, [])), "utf-8")
    return path


def with_gates(moves: Moves) -> Walk:
    gates = {gate: list(values) for gate, values in WALK.gates.items()}
    for (gate, t), value in moves.items():
        gates[gate][t - 1] = value
    return replace(WALK, gates=gates)


def go_to(page: Page, t: int) -> None:
    page.locator(".words a").nth(t - 1).click()


def move_to(slider: Locator, value: float) -> None:
    """Set a slider by its keys: to its lower end, then up by a tenth of its range at a time, then step by step."""
    least, largest, step = (float(slider.get_attribute(name) or "") for name in ("min", "max", "step"))
    page_size = round((largest - least) / 10 / step)
    pages, steps = divmod(round((value - least) / step), page_size)
    slider.focus()
    for key in ["Home", *["PageUp"] * pages, *["ArrowRight"] * steps]:
        slider.page.keyboard.press(key)
    assert float(slider.input_value()) == pytest.approx(value, abs=1e-9)


def move(page: Page, moves: Moves) -> None:
    for (gate, t), value in moves.items():
        go_to(page, t)
        move_to(page.locator(f"article:visible input[name={gate}]"), value)


def said(page: Page) -> list[list[str]]:
    """Return what the page says of each step: c above the word, sums, decision, description, the diagram's label."""
    return page.locator("article").evaluate_all(
        """steps => steps.map((step, place) => [
          document.querySelectorAll(".words b")[place].textContent,
          ...[...step.querySelectorAll(".sums td")].map(cell => cell.textContent),
          step.querySelector(".decision").textContent, step.querySelector(".description").textContent,
          step.querySelector("svg").getAttribute("aria-label")])"""
    )


@pytest.fixture
def expected(monkeypatch: pytest.MonkeyPatch) -> Callable[[Moves], list[list[str]]]:
    """Return what Python says of each step, which draws no diagram for it: that takes long."""

    def texts(step: PlayerStep) -> list[str]:
        sums = [entry.text[0].text for row in step.blocks[0].rows for entry in row[1:]]  # type: ignore[union-attr]
        (label,) = re.findall(r'aria-label="([^"]*)"', step.svg)
        return [step.value.text, *sums, step.decision, step.description.text, label]

    monkeypatch.setattr(player, "draw_cell", lambda step: step)
    monkeypatch.setattr(player, "lettered_svg", lambda figure: "<svg />")
    return lambda moves: [texts(step) for step in player.walk_player(with_gates(moves)).steps]


SETTINGS: list[Moves] = [
    {("f", 5): 0.5},
    {("f", 1): 0.0, ("g", 4): -1.0, ("o", 7): 1.0},
    {("i", 2): 0.03, ("g", 3): -0.57, ("f", 6): 1.0, ("o", 6): 0.0},
    {("g", 1): 0.01, ("i", 1): 0.01},
]


@pytest.mark.parametrize("moves", SETTINGS)
def test_moved_gates_give_the_numbers_that_python_gives(
    open_page: Open, expected: Callable[[Moves], list[list[str]]], moves: Moves
) -> None:
    page = open_page()
    move(page, moves)
    assert said(page) == expected(moves)
    c = np.zeros(8)
    f, i, g, o = (np.array(with_gates(moves).gates[gate]) for gate in "figo")
    for t in range(1, 8):
        c[t] = f[t - 1] * c[t - 1] + i[t - 1] * g[t - 1]
    results = page.locator(".sums tbody tr:nth-child(n+3) td:last-child span").all_text_contents()
    assert results[::2] == [minus(short(float(value))) for value in c[1:]]
    assert results[1::2] == [minus(short(float(value))) for value in o * np.tanh(c[1:])]


def test_the_diagram_carries_the_numbers_of_moved_gates(open_page: Open) -> None:
    page = open_page()
    move(page, {("f", 5): 0.5})
    go_to(page, 6)
    pills = "pills => pills.map(pill => [pill.id.split('value-')[1], pill.textContent.trim()])"
    drawn = dict(page.locator("article:visible svg [id*='value-']").evaluate_all(pills))
    c = 0.95 * (0.5 * 0.90938 + 0.85 * 0.7) + 0.95 * 0.95
    assert drawn == {
        "x": "love", "h_before": short(0.6 * np.tanh(0.5 * 0.90938 + 0.595)), "c_before": "1.05", "f": "0.95",
        "i": "0.95", "g": "0.95", "o": "0.85", "keep": "0.997", "written": "0.903", "c": short(c),
        "tanh_c": short(float(np.tanh(c))), "h": short(0.85 * float(np.tanh(c))),
    }  # fmt: skip
    go_to(page, 5)
    height = "path => path.getBBox().height"
    opening, box = (page.locator(f"article:visible svg [id$='{part}-f'] path") for part in ("opening", "box"))
    assert opening.evaluate(height) == pytest.approx(0.5 * box.evaluate(height), rel=1e-3)
    widths = page.locator("article:visible svg [id*='value-']").evaluate_all(
        "pills => pills.map(pill => ['path', 'text'].map(part => pill.querySelector(part).getBBox().width))"
    )
    assert all(outline > letters for outline, letters in widths)


def test_one_gate_is_moved_at_every_word(open_page: Open, expected: Callable[[Moves], list[list[str]]]) -> None:
    page = open_page("#t=3")
    page.get_by_label("Move at every word").focus()
    page.keyboard.press("Space")
    move_to(page.get_by_role("slider", name="forget gate f"), 0.5)
    assert said(page) == expected({("f", t): 0.5 for t in range(1, 8)})


def test_a_walk_of_ones_own_keeps_gates_between_the_steps_of_a_slider(browser: Browser, tmp_path: Path) -> None:
    gates = {"f": [1.0, 0.3337], "i": [0.5, 0.0], "g": [0.5, 0.5], "o": [1.0, 1.0]}
    own = Walk([["{f}", '"<b>']], gates, {})
    (tmp_path / "own.html").write_text(render_html(walk_page(own, "a command", Path("own.yaml"), [])), "utf-8")
    page = browser.new_page()
    problems = list[str]()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto((tmp_path / "own.html").as_uri())
    move(page, {("i", 1): 1.0})
    go_to(page, 2)
    assert page.locator("article:visible .sums td").all_text_contents()[:2] == ["0.334 × 0.5", "0.167"]  # 0.3337 × 0.5
    assert (page.locator("article:visible .description").text_content() or "").startswith('t = 2, “"<b>”. The forget')
    assert (page.locator("article svg").first.get_attribute("aria-label") or "").startswith(
        "Diagram of one LSTM step. input x: {f}; h before: 0;"
    )
    assert page.get_by_role("table", name="In print").count() == 0
    page.get_by_role("button", name="As given").click()
    assert page.locator("article:visible .sums td").all_text_contents()[:2] == ["0.334 × 0.25", "0.083"]
    assert problems == []
    page.close()


def test_what_a_moved_gate_changes_is_marked_and_the_button_takes_it_back(open_page: Open) -> None:
    page = open_page("#t=5")
    before, reset = said(page), page.get_by_role("button", name="As printed")
    assert page.locator(".changed").count() == 0
    assert reset.is_disabled()
    move(page, {("f", 5): 0.5})
    slider = page.get_by_role("slider", name="forget gate f")
    assert slider.get_attribute("aria-valuetext") == "0.5, printed: 0.2"
    assert page.locator(".dial.changed:visible .told").all_inner_texts() == ["0.5 ≠ 0.2"]
    marked = "steps => steps.map(step => step.querySelectorAll('.sums td:last-child .changed').length)"
    assert page.locator("article").evaluate_all(marked) == [0, 0, 0, 0, 3, 3, 3], "keep, c and h, from then on"
    sign = "mark => getComputedStyle(mark, '::after').content"
    assert page.locator(".sums:visible td:last-child .changed").first.evaluate(sign) == '" ≠ 0.182"'
    assert "The memory becomes 1.05." in (page.locator(".player [aria-live]").text_content() or "")
    reset.focus()
    page.keyboard.press("Enter")
    assert said(page) == before
    assert page.locator(".changed").count() == 0
    assert slider.input_value() == "0.2"
    assert slider.get_attribute("aria-valuetext") == "0.2"


def test_printed_numbers_stand_above_the_recomputed_ones_with_what_is_wrong_marked(open_page: Open) -> None:
    page = open_page()
    audited = audit(WALK)
    for t in range(1, 8):
        go_to(page, t)
        table = page.get_by_role("table", name="In print")
        rows = [row.all_inner_texts() for row in (r.locator("th, td") for r in table.locator("tbody tr:visible").all())]
        assert [row[0] for row in rows] == ["Complete table", "Output table", "Recomputed"]
        at_t = audited.loc[audited["t"] == t].to_dict("records")
        texts = {(row["table"], row["quantity"]): row for row in at_t}
        for row, name in zip(rows, ("complete table", "output table"), strict=False):
            for text, quantity in zip(row[1:], ("o", "c", "tanh(c)", "h"), strict=True):
                printed = texts.get((name, quantity))
                assert ("✗" in text) is (printed is not None and printed["verdict"] == "wrong")
                assert text.replace("wrong:", "").split()[:1] == ([] if printed is None else [printed["printed"]])
        value = {row["quantity"]: minus(short(row["value"])) for row in at_t}
        assert rows[2][1:] == [value[quantity] for quantity in ("o", "c", "tanh(c)", "h")]
    move(page, {("o", 7): 0.0})
    rows = page.get_by_role("table", name="In print").locator("tbody tr:visible")
    assert rows.nth(2).locator("td").all_inner_texts() == ["0.65", "1.448", "0.895", "0.582"]
    assert rows.nth(3).locator("th, td").all_inner_texts() == ["With these gates", "0", "1.448", "0.895", "0"]


@pytest.mark.parametrize(("width", "height"), PROJECTORS)
def test_a_projector_shows_one_word_at_a_time_in_large_letters(open_page: Open, width: int, height: int) -> None:
    page = open_page(viewport={"width": width, "height": height})
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    usual = page.locator(".sums:visible").evaluate(size)
    move(page, {("f", 1): 0.5, ("g", 5): -0.25})
    page.locator("h1").click()
    page.keyboard.press("p")
    button = page.get_by_role("button", name="Projector view")
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator("header:visible, #numbers:visible, #audit:visible, .hint:visible").count() == 0
    assert page.locator(".sums:visible").evaluate(size) > (1.3 if width < 1200 else 1.9) * usual
    page.keyboard.press("ArrowLeft")
    for t in range(4, 8):
        page.keyboard.press("ArrowRight" if t < 6 else "PageDown")
    for t in range(7, 0, -1):
        step = page.locator("article:visible")
        assert step.get_attribute("id") == f"t={t}"
        place = step.bounding_box()
        assert place is not None
        assert place["y"] + place["height"] <= height, "nothing below the edge"
        clipped = "boxes => boxes.filter(box => box.scrollWidth > box.clientWidth).length"
        assert step.locator(".scroll").evaluate_all(clipped) == 0
        assert page.evaluate("[scrollY, document.documentElement.scrollWidth]") == [0, width]
        page.keyboard.press("PageUp" if t > 4 else "ArrowLeft")
    page.keyboard.press("Escape")
    assert button.get_attribute("aria-pressed") == "false"
    assert page.locator("#numbers").is_visible()
    page.keyboard.press("Control+p")
    assert not page.locator("html.projector").count()
    button.click()
    assert page.locator("html.projector").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("projected", [False, True])
def test_all_text_stands_out_from_its_ground(open_page: Open, scheme: str, projected: bool) -> None:
    page = open_page("#t=5", color_scheme=scheme)
    move(page, {("f", 5): 0.5})
    if projected:
        page.keyboard.press("p")
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 50
    assert [told for ratio, told in contrasts if ratio < LEAST_CONTRAST and "As printed" not in told] == []


def test_each_thing_to_move_has_a_name_and_room_for_a_finger(open_page: Open) -> None:
    page = open_page("#t=5", viewport={"width": 390, "height": 844})
    move(page, {("f", 5): 0.5, ("g", 5): -0.25})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    sliders = page.get_by_role("slider")
    assert sliders.count() == page.locator("input[type=range]:visible").count() == 1 + 4 + 3
    for name in ("forget gate f", "input gate i", "candidate g", "output gate o", "forget bias b", "units n", "lag T"):
        assert page.get_by_role("slider", name=name, exact=True).count() == 1
    targets = page.locator(
        ".player :is(.controls, .tools) button, .player label:has(input), input[type=range]:visible"
    ).all()
    sizes = [target.bounding_box() for target in targets]
    assert len(sizes) == 4 + 1 + 8
    assert all(size and min(size["width"], size["height"]) >= LEAST_TARGET for size in sizes)
    assert all(size and size["x"] + size["width"] <= 390 for size in sizes)
    ids = page.locator("[id]").evaluate_all("all => all.map(one => one.id)")
    assert len(ids) == len(set(ids))


def test_without_a_script_and_on_paper_there_is_nothing_to_move(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator(".dials:visible, .toy:visible, .tools:visible").count() == 0
    assert page.get_by_role("table", name="In print").count() == 7
    assert page.get_by_role("table", name="What a forget bias holds").is_visible()
    page = open_page()
    page.emulate_media(media="print")
    assert page.locator(".dials:visible, .toy:visible, .tools:visible").count() == 0


def test_the_page_is_small(file: Path) -> None:
    assert file.stat().st_size < 1e6
