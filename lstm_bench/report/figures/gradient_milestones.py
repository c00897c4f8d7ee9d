"""How the gradient's decay changes while the loss comes down."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import WHEN, decays_while_learning, moment_label, moments
from lstm_bench.analysis.wording import listed, with_range
from lstm_bench.metrics import FINAL, INITIAL
from lstm_bench.report.figures.findings import by_cell
from lstm_bench.report.figures.gradient_panels import FEW
from lstm_bench.report.figures.table_rows import rows_by_cell, rows_where
from lstm_bench.report.panels import cell_entries, legend, name_axes, new_figure, reference_line, small_panels
from lstm_bench.report.style import INK, MUTED, colours, themed

QUESTION = "Does learning change how far the gradient reaches?"
METHOD = (
    "Geometric means over members of the factor by which a step back multiplies the gradient, with 95% intervals "
    "(Student's t on the logarithm), at the longest lag that was measured for all cells. A member that did not reach a "
    "milestone is missing there, so later milestones describe only members that learned; milestones passed at one "
    "evaluation share a number. A dotted line passes over a milestone that nobody reached."
)
DODGE = 0.09  # between cells, as a share of the way from one moment to the next
COUNTS = 0.2  # inches of a line of counts
HIGHEST = 1.6  # top of the axis: an interval over two members can end anywhere
MOMENTS_WORDS = "the normalised loss first at or below"


@themed
def draw(study: StudyData) -> Figure:
    """Draw rho with its interval and the number of members at each moment: a line per cell, panels for many cells."""
    table, names = decays_while_learning(study), moments(study)
    cells = list(rows_by_cell(study, table))
    return _panels(study, table, cells, names) if len(cells) > FEW else _together(study, table, cells, names)


def _together(study: StudyData, table: pd.DataFrame, cells: list[str], names: list[str]) -> Figure:
    shades = colours(study.cells)
    figure = new_figure(3.3 + COUNTS * len(cells))
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=[2.6, COUNTS * (len(cells) + 0.5)])
    for place, cell in enumerate(cells):
        shift = DODGE * (place - (len(cells) - 1) / 2)
        _draw_cell(top, rows_where(table, cell=cell), names, shades[cell], shift)
    _finish([top], table, names)
    top.set_ylabel("factor a step (95%)")
    _draw_counts(below, table, cells, names, shades)
    legend(figure, cell_entries(cells, shades, marker="o", markersize=4))
    return figure


def _draw_counts(axes: Axes, table: pd.DataFrame, cells: list[str], names: list[str], shades: dict[str, str]) -> None:
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
        of_cell = rows_where(table, cell=cell)
        _draw_cell(axes, of_cell, names, shades[cell], 0.0)
        for row in of_cell.to_dict("records"):
            axes.annotate(f"{row['n']}", (names.index(str(row["moment"])), 0.03), xycoords=("data", "axes fraction"),
                          ha="center", color=MUTED, fontsize="xx-small")  # fmt: skip
        axes.set_title(cell, fontsize="medium")
    _finish(places, table, names)
    name_axes(figure, x=f"{MOMENTS_WORDS} (small: members)", y="factor a step (95%)")
    return figure


def _draw_cell(axes: Axes, decays: pd.DataFrame, names: list[str], shade: str, shift: float) -> None:
    x = np.array([names.index(moment) + shift for moment in decays["moment"]])
    for start in range(len(x) - 1):
        is_next = x[start + 1] - x[start] < 1.5
        style: Any = "solid" if is_next else (0, (1, 3))  # over a milestone that nobody reached
        axes.plot(x[start : start + 2], decays["decay"][start : start + 2], color=shade, linewidth=1.2, linestyle=style)
    axes.vlines(x, decays["decay_low"], decays["decay_high"].clip(upper=10 * HIGHEST), color=shade, linewidth=1.3)
    axes.plot(x, decays["decay"], "o", color=shade, markersize=4.5)


def _finish(places: Sequence[Axes], table: pd.DataFrame, names: list[str]) -> None:
    for axes in places:
        reference_line(axes, y=1.0)
    decays = table[["decay", "decay_low", "decay_high"]].to_numpy(dtype=float)
    low, high = np.nanmin([*decays.ravel(), 1.0]), np.nanmax([*decays.ravel(), 1.0])
    places[0].set_ylim(max(0.0, low - 0.05), min(HIGHEST, high + 0.05))
    places[0].set_xticks(range(len(names)), [moment_label(name) for name in names])
    places[0].set_xlim(-0.5, len(names) - 0.5)


def finding(study: StudyData) -> str:
    """Return the factor at the start, at the lowest milestone that members reached, and at the end."""
    table = rows(study)
    if table.empty:
        return "No gradient flow was measured after the start."
    of_cells = rows_by_cell(study, table)
    texts = {cell: _course(of_cell) for cell, of_cell in of_cells.items()}
    named = "; ".join(by_cell(texts, lambda cell: -_growth(of_cells[cell]["decay"])))
    return f"The factor by which a step back multiplies the gradient: {named}."


def _growth(decays: pd.Series) -> float:
    """Return by how much a factor grows from the first moment to the last."""
    return float(decays.iloc[-1] - decays.iloc[0])


def _course(decays: pd.DataFrame) -> str:
    by_moment = decays.set_index("moment")
    between = [name for name in by_moment.index if name not in WHEN]
    shown = [name for name in (INITIAL, *between[-1:], FINAL) if name in by_moment.index]
    texts = [
        f"{with_range(*_interval(by_moment.loc[name]))} {_words(name, int(by_moment.loc[name, 'n']))}" for name in shown
    ]
    return listed(texts)


def _interval(row: pd.Series) -> tuple[float, float, float]:
    return float(row["decay"]), float(row["decay_low"]), float(row["decay_high"])


def _words(moment: str, n: int) -> str:
    if moment in WHEN:
        return f"at the {moment_label(moment)}"
    return f"at a normalised loss of {moment_label(moment)} (n = {n})"


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure; none where only the start was measured."""
    table = decays_while_learning(study)
    return table if (table["moment"] != INITIAL).any() else table.iloc[:0]
