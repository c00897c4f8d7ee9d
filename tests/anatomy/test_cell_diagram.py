"""The cell diagram: single numbers as text, vectors as strips, a gate's box filled as far as it is open."""

from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from lstm_bench.anatomy.diagram import BOX, OPENINGS, PLACES, alt, draw_cell
from lstm_bench.report import style
from lstm_bench.report.style import lettered_svg, save

NAMES = tuple(PLACES)


def step(size: int, inputs: int = 1) -> dict[str, list[float] | str]:
    return {name: [0.1 * (k + 1) for k in range(inputs if name == "x" else size)] for name in NAMES}


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_single_numbers_stand_on_their_wires() -> None:
    values = {name: [0.11 + 0.05 * place] for place, name in enumerate(NAMES)}
    drawn = texts(draw_cell(values))
    assert {f"{0.11 + 0.05 * place:.2f}".rstrip("0") for place in range(len(NAMES))} <= set(drawn)
    assert [drawn.count(text) for text in ("σ", "tanh", "×", "+")] == [3, 2, 3, 1]


def test_a_word_stands_where_x_would() -> None:
    assert "learning" in texts(draw_cell({**step(1), "x": "learning"}))


def test_vectors_are_strips_with_a_key() -> None:
    strips = draw_cell(step(8, inputs=3)).axes[0].child_axes
    assert [strip.images[0].get_array().shape[1] for strip in strips] == [8, 8, 3, *[8] * 9, 33]
    assert {strip.images[0].get_clim() for strip in strips} == {(-1.0, 1.0)}
    assert not draw_cell(step(1)).axes[0].child_axes


def test_the_key_ends_at_the_largest_number() -> None:
    drawn = texts(draw_cell({**step(2), "c": [-2.5, 1.0]}))
    assert {"−2.5", "2.5"} <= set(drawn)


def test_a_gate_is_filled_as_far_as_it_is_open() -> None:
    figure = draw_cell({**step(1), "f": [0.0], "i": [0.5], "o": [1.0]})
    filled = [
        patch for patch in figure.axes[0].patches if patch.get_alpha() is None and patch.get_facecolor()[3] == 0.5
    ]
    assert [patch.get_height() for patch in filled] == [0.0, BOX[1] / 2, BOX[1]]
    assert len(filled) == len(OPENINGS)


def test_recurrent_arrows_alone_are_dashed() -> None:
    dashed = [line for line in draw_cell(step(1)).axes[0].lines if line.get_linestyle() == "--"]
    assert len(dashed) == 2


def test_the_same_step_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "PNG_DPI", 40)
    for name in ("a", "b"):
        save(draw_cell(step(4, inputs=2)), tmp_path / name, "step")
    for file in ("step.svg", "step.png"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_letters_are_text_for_a_page_alone() -> None:
    before = dict(mpl.rcParams)
    assert ">learning</text>" in lettered_svg(draw_cell({**step(1), "x": "learning"}))
    assert dict(mpl.rcParams) == before


def test_the_alt_text_says_every_number() -> None:
    text = alt({**step(2), "x": "fun", "c": [-0.25, 1.5]})
    assert text.startswith("Diagram of one LSTM step. input x: fun; h before: 0.1, 0.2;")
    assert "c = keep + write: −0.25, 1.5;" in text
