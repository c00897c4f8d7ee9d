"""Colours, SVG for the page, and typesetting."""

import re
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from lstm_bench.report.panels import log_axis, new_figure
from lstm_bench.report.style import INK, colours, colours_of_kinds, inline_svg, lettered_svg, save, themed
from lstm_bench.report.typography import typeset


def test_a_cell_keeps_its_colour_and_no_two_share_one() -> None:
    assert colours(["lstm", "rnn"])["rnn"] == colours(["lstm", "rnn", "gru"])["rnn"]
    for n in (1, 10, 15):
        cells = [f"cell{k}" for k in range(n)]
        assert len(set(colours(cells).values())) == n


def test_the_theme_leaves_global_settings_alone() -> None:
    before = dict(mpl.rcParams)

    @themed
    def draw() -> Figure:
        assert mpl.rcParams["text.color"] == INK
        return Figure()

    draw()
    assert dict(mpl.rcParams) == before


@themed
def _line() -> Figure:
    figure = Figure(figsize=(2, 1))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], marker="o")
    axes.set_title("a line")
    return figure


def test_inline_svg_follows_the_page_and_has_its_own_ids(tmp_path) -> None:
    svg = inline_svg(save(_line(), tmp_path, "line"), "line", 'a "line" & <more>')
    assert svg.startswith('<svg role="img" aria-label="a &quot;line&quot; &amp; &lt;more&gt;" ')
    assert INK not in svg
    assert "currentColor" in svg
    assert "#ffffff" not in svg
    ids = re.findall(r'\bid="([^"]*)"', svg)
    assert ids
    other = inline_svg(save(_line(), tmp_path, "other"), "other", "")
    assert set(ids).isdisjoint(re.findall(r'\bid="([^"]*)"', other))
    assert all(target in ids for target in re.findall(r'(?:href="#|url\(#)([^")]*)', svg))
    assert (tmp_path / "line.png").stat().st_size > 0
    assert "Date" not in (tmp_path / "line.svg").read_text()


@pytest.mark.parametrize(
    ("plain", "set_"),
    [
        ("14.2 (11.0-18.9)", "14.2 (11.0–18.9)"),
        ("9.1x further", "9.1× further"),
        (">= 64 and <= 2", "≥ 64 and ≤ 2"),
        ("[8, -]", "[8, –]"),
        ("log-uniform, 1e-3, forget_bias=1, 0x10", "log-uniform, 1e-3, forget_bias=1, 0x10"),
    ],
)
def test_typeset(plain: str, set_: str) -> None:
    assert typeset(plain) == set_


@themed
def _labelled(label: str) -> Figure:
    figure = new_figure(2.0)
    axes = figure.subplots()
    axes.plot([1, 2], [1e-3, 1e3], label=label)
    axes.set_title(label)
    log_axis(axes)
    return figure


def test_settings_of_the_users_matplotlib_change_no_figure(tmp_path: Path) -> None:
    ours = save(_labelled("a"), tmp_path, "ours")
    users = {"text.usetex": True, "figure.autolayout": True, "savefig.bbox": "tight", "lines.linestyle": "--",
             "path.sketch": (1, 100, 2), "axes.formatter.use_locale": True, "font.family": ["serif"]}  # fmt: skip
    with mpl.rc_context(users):
        there = save(_labelled("a"), tmp_path, "there")
        assert mpl.rcParams["text.usetex"], "their own figures keep their settings"
    assert there.replace("there", "ours") == ours
    assert (tmp_path / "there.png").read_bytes() == (tmp_path / "ours.png").read_bytes()


@pytest.mark.parametrize("label", ["$$", "$x$ $\\nope$", "a_{b", "50%", "\\alpha $"])
def test_names_are_set_as_they_stand(label: str, tmp_path: Path) -> None:
    figure = _labelled(label)
    assert save(figure, tmp_path, "figure")
    svg = lettered_svg(_labelled(label))
    assert f">{label}</text>" in svg
    assert ">10\u207b\u00b3</text>" in svg, "what we set ourselves is set in print"


def test_a_kind_of_cell_has_one_colour_on_every_task() -> None:
    zoo = colours_of_kinds([["lstm H=60", "rnn H=131"], ["lstm H=58", "rnn H=120"]])
    assert [zoo["lstm H=60"], zoo["rnn H=131"]] == [zoo["lstm H=58"], zoo["rnn H=120"]]
    assert zoo["lstm H=60"] != zoo["rnn H=131"]


def test_a_cell_and_the_same_with_a_matched_size_have_the_colours_that_they_have_elsewhere() -> None:
    cells = ["lstm", "rnn", "rnn H=131"]
    assert colours_of_kinds([cells]) == colours(cells)
    both = colours_of_kinds([cells, ["lstm", "rnn", "rnn H=127"]])
    assert both["rnn H=127"] == both["rnn H=131"] != both["rnn"]
