"""One LSTM time step as the cell diagram, with its numbers on the wires."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle

from lstm_bench.anatomy.numerals import minus, short
from lstm_bench.report.style import INK, MUTED, PAPER, RULE, themed

Values = Sequence[float]
WIDTH = 5.0  # inches: small enough for a phone to show its letters
STRIP_COLOURS = "RdBu_r"  # safe for colour-blind readers; white is 0
GATE, ELEMENT = "#de8f05", "#0173b2"  # of seaborn's colour-blind-safe palette
FAINT, FILLED = 0.16, 0.5
LETTERS, SMALL_LETTERS = 10.5, 9.0
MEMORY, GATED, VALUES, BOXES, NAMES, BUS, INPUT = 87.0, 58.0, 44.5, 33.0, 25.0, 16.0, 3.5  # heights, top to bottom
X_AT, F_AT, I_AT, G_AT, O_AT, OUT_AT = 19.5, 23.0, 39.0, 54.0, 69.0, 87.0  # columns
TANH_AT = 77.0
MARGIN = 1.5
PILL = (13.0, 5.2)
BOX = (10.0, 6.4)
RADIUS = 2.9
LEFT, RIGHT, TOP, BOTTOM = -5.5, 103.0, 99.0, -3.5  # of the recurrent arrows

PLACES: Mapping[str, tuple[float, float, str, tuple[float, float], str]] = {  # x, y, label, its offset and alignment
    "c_before": (6.0, MEMORY, "cₜ₋₁", (0, 4.0), "center"),
    "h_before": (6.0, BUS, "hₜ₋₁", (0, 4.0), "center"),
    "x": (X_AT, INPUT, "xₜ", (-1.1, 7.4), "right"),
    "f": (F_AT, VALUES, "f", (-1.4, 3.6), "right"),
    "i": (I_AT, VALUES, "i", (-1.4, 3.6), "right"),
    "g": (G_AT, VALUES, "g", (-1.4, 3.6), "right"),
    "o": (O_AT, VALUES, "o", (-1.4, 3.6), "right"),
    "keep": (38.5, MEMORY, "keep = f × cₜ₋₁", (0, 4.0), "center"),
    "written": (G_AT, 72.0, "write = i × g", (-7.8, -1.2), "right"),
    "c": (70.0, MEMORY, "cₜ", (0, 4.0), "center"),
    "tanh_c": (OUT_AT, 67.5, "tanh cₜ", (-7.8, -1.2), "right"),
    "h": (OUT_AT, 37.0, "hₜ", (-7.8, -1.2), "right"),
}
GATE_NAMES = {F_AT: "forget", I_AT: "input", G_AT: "candidate", O_AT: "output"}
OPENINGS = {"f": F_AT, "i": I_AT, "o": O_AT}
BOX_IDS = {column: f"box-{gate}" for gate, column in OPENINGS.items()}  # for a page that moves gates


@themed
def draw_cell(step: Mapping[str, Values | str], title: str = "") -> Figure:
    """Draw a step: gates as boxes, x and + as circles, the cell state across the top, recurrent arrows dashed.

    A wire carries its number, or for a vector a strip with a colour per number (red above 0, blue below). The box of a
    single gate is filled as far as the gate is open.

    Args:
        step: x, h_before, c_before, f, i, g, o, keep, written, c, tanh_c, h; each a sequence, all but x of one length,
            or a word.
        title: the line above the diagram.
    """
    figure, axes = _paper(title)
    _wires(axes)
    _nodes(axes)
    _openings(axes, step)
    for place in PLACES.values():
        _label(axes, *place)
    vectors = [values for values in step.values() if not isinstance(values, str) and len(values) > 1]
    largest = max([1.0, *(abs(value) for values in vectors for value in values)])
    for name, (x, y, *_) in PLACES.items():
        _value(axes, x, y, name, step[name], largest)
    if vectors:
        _key(axes, largest)
    return figure


def _paper(title: str) -> tuple[Figure, Axes]:
    width, height, heading = RIGHT - LEFT + 2 * MARGIN, TOP - BOTTOM + 2 * MARGIN, 6.0 if title else 0.0
    figure = Figure(figsize=(WIDTH, WIDTH * (height + heading) / width))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(LEFT - MARGIN, RIGHT + MARGIN), ylim=(BOTTOM - MARGIN, TOP + MARGIN + heading))
    axes.set_axis_off()
    axes.text(LEFT, TOP + 3, title, fontsize=1.2 * LETTERS)
    return figure, axes


def _wires(axes: Axes) -> None:
    axes.add_patch(
        FancyBboxPatch((14.5, 8.5), 81, 86, boxstyle="round,pad=0,rounding_size=3", facecolor="none", edgecolor=RULE)
    )
    _line(axes, [(6, MEMORY), (RIGHT, MEMORY)], width=2.6)
    _line(axes, [(6, BUS), (O_AT, BUS)], arrow=False)
    _line(axes, [(X_AT, INPUT), (X_AT, BUS)])
    for column in (F_AT, I_AT, G_AT, O_AT):
        _line(axes, [(column, BUS), (column, BOXES - BOX[1] / 2)])
    _line(axes, [(F_AT, BOXES), (F_AT, MEMORY - RADIUS)])
    _line(axes, [(I_AT, BOXES), (I_AT, GATED), (G_AT - RADIUS, GATED)])
    _line(axes, [(G_AT, BOXES), (G_AT, GATED - RADIUS)])
    _line(axes, [(G_AT, GATED), (G_AT, MEMORY - RADIUS)])
    _line(axes, [(OUT_AT, MEMORY), (OUT_AT, GATED + RADIUS)])
    _line(axes, [(O_AT, BOXES), (O_AT, GATED), (OUT_AT - RADIUS, GATED)])
    _line(axes, [(OUT_AT, GATED), (OUT_AT, BUS), (RIGHT, BUS)])
    _line(axes, [(99, BUS), (99, BOTTOM), (LEFT, BOTTOM), (LEFT, BUS), (-0.7, BUS)], dashed=True)
    _line(axes, [(99, MEMORY), (99, TOP), (LEFT, TOP), (LEFT, MEMORY), (-0.7, MEMORY)], dashed=True)


def _line(
    axes: Axes, points: Sequence[tuple[float, float]], width: float = 1.3, arrow: bool = True, dashed: bool = False
) -> None:
    look: dict[str, Any] = {"color": MUTED if dashed else INK, "linewidth": width}
    look["linestyle"] = (0, (4, 3)) if dashed else "-"
    if len(points) > 2:
        axes.plot(*zip(*points[:-1], strict=True), **look)
    head = FancyArrowPatch(
        points[-2], points[-1], arrowstyle="-|>" if arrow else "-", mutation_scale=9, shrinkA=0, shrinkB=0, **look
    )
    axes.add_patch(head)


def _nodes(axes: Axes) -> None:
    for column, text in ((F_AT, "σ"), (I_AT, "σ"), (G_AT, "tanh"), (O_AT, "σ"), (OUT_AT, "tanh")):
        y = TANH_AT if column == OUT_AT else BOXES
        _box(axes, column, y, facecolor=PAPER, edgecolor="none", zorder=3)
        _box(axes, column, y, facecolor=(GATE, FAINT), edgecolor=INK, zorder=3, gid=BOX_IDS.get(column))
        axes.text(column, y - 1.2, text, ha="center", fontsize=LETTERS, zorder=4)
    for x, y, text in ((F_AT, MEMORY, "×"), (G_AT, MEMORY, "+"), (G_AT, GATED, "×"), (OUT_AT, GATED, "×")):
        axes.add_patch(Circle((x, y), RADIUS, facecolor=PAPER, edgecolor="none", zorder=3))
        axes.add_patch(Circle((x, y), RADIUS, facecolor=(ELEMENT, FAINT), edgecolor=INK, zorder=3))
        axes.text(x, y - 1.4, text, ha="center", fontsize=1.2 * LETTERS, zorder=4)


def _box(axes: Axes, x: float, y: float, height: float = BOX[1], **look: Any) -> None:
    axes.add_patch(Rectangle((x - BOX[0] / 2, y - BOX[1] / 2), BOX[0], height, **look))


def _openings(axes: Axes, step: Mapping[str, Values | str]) -> None:
    """Fill the box of a single gate as far as it is open."""
    for gate, column in OPENINGS.items():
        if len(step[gate]) == 1:
            height, look = BOX[1] * float(step[gate][0]), {"facecolor": (GATE, FILLED), "edgecolor": "none"}
            _box(axes, column, BOXES, height, **look, zorder=3, gid=f"opening-{gate}")


def _label(axes: Axes, x: float, y: float, text: str, offset: tuple[float, float], side: str) -> None:
    axes.text(x + offset[0], y + offset[1], text, ha=side, fontsize=LETTERS, zorder=6)
    if y == VALUES:
        axes.text(x, NAMES - 1.2, GATE_NAMES[x], ha="center", fontsize=SMALL_LETTERS, color=MUTED, zorder=6, bbox=PLAIN)


PLAIN = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.0}
ROUND = {"facecolor": PAPER, "edgecolor": MUTED, "boxstyle": "round,pad=0.28", "linewidth": 0.6}


def _value(axes: Axes, x: float, y: float, name: str, values: Values | str, largest: float) -> None:
    if isinstance(values, str) or len(values) == 1:
        text = values if isinstance(values, str) else minus(short(values[0]))
        axes.text(x, y - 1.2, text, ha="center", fontsize=LETTERS, bbox=ROUND, zorder=5, gid=f"value-{name}")
    else:
        _strip(axes, (x - PILL[0] / 2, y - PILL[1] / 2, *PILL), values, largest)


def _strip(axes: Axes, place: tuple[float, float, float, float], values: Values, largest: float) -> None:
    strip = axes.inset_axes(place, transform=axes.transData, zorder=5)
    strip.imshow(np.atleast_2d(np.asarray(values)), cmap=STRIP_COLOURS, vmin=-largest, vmax=largest, aspect="auto")
    strip.set(xticks=[], yticks=[])
    for spine in strip.spines.values():
        spine.set(visible=True, linewidth=0.6, color=MUTED)


def _key(axes: Axes, largest: float) -> None:
    """Draw the scale of the strips' colours."""
    left, right = 58.0, 84.0
    _strip(axes, (left, INPUT - 1.3, right - left, 2.6), np.linspace(-largest, largest, 33).tolist(), largest)
    for x, text, side in ((left - 1, minus(short(-largest)), "right"), (right + 1, short(largest), "left")):
        axes.text(x, INPUT - 1.2, text, ha=side, fontsize=SMALL_LETTERS)


MEANINGS = {
    "x": "input x", "h_before": "h before", "c_before": "c before", "f": "forget gate f", "i": "input gate i",
    "g": "candidate g", "o": "output gate o", "keep": "keep = f c before", "written": "write = i g",
    "c": "c = keep + write", "tanh_c": "tanh c", "h": "h = o tanh c",
}  # fmt: skip
ALT = f"Diagram of one LSTM step. {'; '.join(f'{meaning}: {{{name}}}' for name, meaning in MEANINGS.items())}."


def alt(step: Mapping[str, Values | str]) -> str:
    """Return the alt text: every number by its name."""
    return ALT.format_map({name: _numerals(step[name]) for name in MEANINGS})


def _numerals(values: Values | str) -> str:
    return values if isinstance(values, str) else ", ".join(minus(short(value)) for value in values)
