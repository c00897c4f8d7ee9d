"""How the gradient's decay changes while the loss comes down."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import WHEN, decays_while_learning, longest_lag_with_flow, moment_label, moments
from lstm_bench.analysis.wording import listed, with_range
from lstm_bench.metrics import FINAL, INITIAL
from lstm_bench.report.figures.gradient_panels import FEW, members_in
from lstm_bench.report.style import INK, MUTED, cell_legend, colours, new_figure, small_panels, themed

QUESTION = "Does learning change how far it reaches?"
DODGE = 0.09  # of the way from one moment to the next, between cells
COUNTS = 0.2  # inches of a line of counts
HIGHEST = 1.6  # an interval over two members can end anywhere
MOMENTS_WORDS = "the loss first at or below so much of its baseline"


@themed
def draw(study: StudyData) -> Figure:
    """Draw rho with its interval at each moment and how many members came so far: a line a cell, panels for many."""
    table, names = decays_while_learning(study), moments(study)
    cells = [cell for cell in study.cells if (table["cell"] == cell).any()]
    return _panels(study, table, cells, names) if len(cells) > FEW else _together(study, table, cells, names)


def _together(study: StudyData, table: pd.DataFrame, cells: list[str], names: list[str]) -> Figure:
    shades = colours(study.cells)
    figure = new_figure(3.3 + COUNTS * len(cells))
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=[2.6, COUNTS * (len(cells) + 0.5)])
    for place, cell in enumerate(cells):
        shift = DODGE * (place - (len(cells) - 1) / 2)
        _draw_cell(top, table.loc[table["cell"] == cell], names, shades[cell], shift)
    _finish([top], table, names)
    top.set_ylabel("factor a step (95%)")
    _draw_counts(below, table, cells, names, shades)
    cell_legend(figure, cells, shades, marker="o", markersize=4)
    return figure


def _draw_counts(
    axes: Axes, table: pd.DataFrame, cells: list[str], names: list[str], shades: dict[str, str]
) -> None:  # fmt: skip
    for row in table.to_dict("records"):
        place = names.index(str(row["moment"])), cells.index(str(row["cell"]))
        axes.text(*place, f"{row['n']}", color=INK, ha="center", va="center", fontsize="small")
    axes.set(ylim=(len(cells) - 0.5, -0.5), yticks=range(len(cells)), xlabel=MOMENTS_WORDS)
    axes.set_yticklabels([f"n, {cell}" for cell in cells])
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)


def _panels(study: StudyData, table: pd.DataFrame, cells: list[str], names: list[str]) -> Figure:
    shades = colours(study.cells)
    figure, places = small_panels(len(cells), row_height=1.5)
    for axes, cell in zip(places, cells, strict=True):
        own = table.loc[table["cell"] == cell]
        _draw_cell(axes, own, names, shades[cell], 0.0)
        for row in own.to_dict("records"):
            axes.annotate(f"{row['n']}", (names.index(str(row["moment"])), 0.03), xycoords=("data", "axes fraction"),
                          ha="center", color=MUTED, fontsize="xx-small")  # fmt: skip
        axes.set_title(cell, fontsize="medium")
    _finish(places, table, names)
    figure.supxlabel(f"{MOMENTS_WORDS} (small: members)", fontsize="medium", color=INK)
    figure.supylabel("factor a step (95%)", fontsize="medium", color=INK)
    return figure


def _draw_cell(axes: Axes, own: pd.DataFrame, names: list[str], shade: str, shift: float) -> None:
    x = np.array([names.index(moment) + shift for moment in own["moment"]])
    for start in range(len(x) - 1):
        is_next = x[start + 1] - x[start] < 1.5
        style: Any = "solid" if is_next else (0, (1, 3))  # over a milestone that nobody reached
        axes.plot(x[start : start + 2], own["decay"][start : start + 2], color=shade, linewidth=1.2, linestyle=style)
    axes.vlines(x, own["decay_low"], own["decay_high"].clip(upper=10 * HIGHEST), color=shade, linewidth=1.3)
    axes.plot(x, own["decay"], "o", color=shade, markersize=4.5)


def _finish(places: Sequence[Axes], table: pd.DataFrame, names: list[str]) -> None:
    for axes in places:
        axes.axhline(1.0, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    seen = table[["decay", "decay_low", "decay_high"]].to_numpy(dtype=float)
    low, high = np.nanmin([*seen.ravel(), 1.0]), np.nanmax([*seen.ravel(), 1.0])
    places[0].set_ylim(max(0.0, low - 0.05), min(HIGHEST, high + 0.05))
    places[0].set_xticks(range(len(names)), [moment_label(name) for name in names])
    places[0].set_xlim(-0.5, len(names) - 0.5)


def caption(study: StudyData) -> str:
    """Return the finding: rho at the start, at the lowest milestone that members reached, and at the end."""
    table = rows(study)
    if table.empty:
        return "No gradient flow was measured after the start."
    cells = [cell for cell in study.cells if (table["cell"] == cell).any()]
    told = [_told(table.loc[table["cell"] == cell], cell) for cell in _by_change(table, cells)]
    if len(told) > FEW:
        told = [*told[:2], f"{len(told) - 4} cells between", *told[-2:]]
    how = (
        f"Geometric means over members at lag {longest_lag_with_flow(study)} with 95% intervals (Student's t on the "
        f"logarithm, {members_in(table)}). Members that never came so far are missing at a milestone, so that later "
        "ones speak of those that learned; milestones passed at one evaluation share a number."
    )
    return f"The factor by which a step back multiplies the gradient: {'; '.join(told)}. {how}"


def _by_change(table: pd.DataFrame, cells: list[str]) -> list[str]:
    """Return many cells by how much their factor grows from the first moment to the last; few as they stand."""
    if len(cells) <= FEW:
        return cells
    decays = {cell: table.loc[table["cell"] == cell, "decay"] for cell in cells}
    return sorted(cells, key=lambda cell: -float(decays[cell].iloc[-1] - decays[cell].iloc[0]))


def _told(own: pd.DataFrame, cell: str) -> str:
    by_moment = own.set_index("moment")
    between = [name for name in by_moment.index if name not in WHEN]
    shown = [name for name in (INITIAL, *between[-1:], FINAL) if name in by_moment.index]
    told = [
        f"{with_range(*_interval(by_moment.loc[name]))} {_words(name, int(by_moment.loc[name, 'n']))}" for name in shown
    ]
    return f"{cell} {listed(told)}"


def _interval(row: pd.Series) -> tuple[float, float, float]:
    return float(row["decay"]), float(row["decay_low"]), float(row["decay_high"])


def _words(moment: str, n: int) -> str:
    return (
        f"at the {moment_label(moment)}" if moment in WHEN else f"at {moment_label(moment)} of the baseline (n = {n})"
    )


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    cells = [cell for cell in study.cells if (rows(study)["cell"] == cell).any()]
    labels = listed([moment_label(moment) for moment in moments(study)])
    return f"Gradient decay per step on {study.task} at these moments of training: {labels}, for {listed(cells)}."


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure; none where the start alone was measured."""
    table = decays_while_learning(study)
    return table if (table["moment"] != INITIAL).any() else table.iloc[:0]
