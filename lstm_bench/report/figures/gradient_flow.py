"""What is left of the gradient against the steps back, before and after training."""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import (
    JOINT,
    ONE_OVER_E,
    THOUSANDTH,
    WHEN,
    by_decay,
    decay_per_step,
    flow_summary,
    horizon,
    longest_lag_with_flow,
    member_horizons,
)
from lstm_bench.analysis.wording import counted, listed
from lstm_bench.metrics import INITIAL
from lstm_bench.report.figures.findings import by_cell, joined, not_measured
from lstm_bench.report.figures.gradient_panels import FEW, draw_flow, members_in, norm_axis, steps_back_axis
from lstm_bench.report.figures.gradient_words import LEVELS, decay_words, first_step_words, horizon_words, turning_words
from lstm_bench.report.figures.moments import moments_in
from lstm_bench.report.figures.table_rows import absent_cells, rows_by_cell, rows_where
from lstm_bench.report.panels import cell_entries, legend_entry, new_figure, panel_legend, reference_line, row_axis
from lstm_bench.report.style import MUTED, PAPER, colours, themed

QUESTION = "Does the gradient reach back?"
METHOD = (
    f"Lines are geometric means over members; bands, for up to {FEW} cells, are 95% intervals (Student's t on the "
    "logarithm). Below, the steps to 1/e and to 1e-3 are Kaplan-Meier medians with 95% intervals, short ticks members; "
    "with few members the interval is open above. Right, the factor a step with its interval. The norm is over the "
    "whole state (h, or h and c together), from the last step alone, at the longest lag measured for all cells."
)
ROW = 0.27  # inches of a cell's row
LINES = 2.5  # inches of a panel of lines
VALUES = {THOUSANDTH: 1e-3, ONE_OVER_E: 1 / math.e}
MARKS = {ONE_OVER_E: "o", THOUSANDTH: "D"}
WHISKER = 1.1
MARK_SIZE = 4.5
DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.5)), (0, (1.2, 1.2)))  # where there are more cells than clear colours


@themed
def draw(study: StudyData) -> Figure:
    """Draw g_k against k, a column per moment; below, the steps to 1/e and 1e-3 of each cell; on the right, rho."""
    flow, shades = _joint(study), colours(study.cells)
    lag = longest_lag_with_flow(study) or 0
    cells = by_decay(study, list(rows_by_cell(study, flow)), lag)
    whens = moments_in(flow)
    figure = new_figure(0.75 + LINES + ROW * (len(cells) + 0.5))
    widths = [1.0] * len(whens) + [0.62]
    grid = figure.subplots(2, len(widths), height_ratios=[LINES, ROW * (len(cells) + 0.5)], width_ratios=widths)
    for place, moment in enumerate(whens):
        at_moment = rows_where(flow, moment=moment)
        _draw_lines(grid[0, place], at_moment, cells, shades)
        _draw_horizons(grid[1, place], study, at_moment, cells, shades)
        grid[0, place].set_title(WHEN[moment], fontsize="medium")
        norm_axis(grid[0, place], flow["middle"])
        for axes in grid[:, place]:
            steps_back_axis(axes, flow["steps_back"].max())
        grid[0, place].tick_params(labelbottom=False, labelleft=place == 0)
        grid[1, place].set_xlabel(f"steps back k ({members_in(at_moment)})")
    _name_levels(grid[0, len(whens) - 1])
    _draw_decays(grid[1, -1], study, cells, whens, shades)
    for place, axes in enumerate(grid[1]):
        row_axis(axes, cells if place == 0 else [""] * len(cells), edge=0.6)
    grid[0, 0].set_ylabel("gradient flow g\n(1 at the last step)")
    _legend(grid[0, -1], cells, whens, shades)
    return figure


def _joint(study: StudyData) -> pd.DataFrame:
    flow = flow_summary(study)
    return flow.loc[(flow["quantity"] == JOINT) & (flow["lag"] == longest_lag_with_flow(study))]


def _draw_lines(axes: Axes, flow: pd.DataFrame, cells: list[str], shades: dict[str, str]) -> None:
    for level in VALUES.values():
        reference_line(axes, y=level)
    is_few, dashes = len(cells) <= FEW, _dashes(cells)
    for cell in cells:
        draw_flow(axes, rows_where(flow, cell=cell), shades[cell], with_band=is_few, linestyle=dashes[cell])


def _dashes(cells: list[str]) -> dict[str, Any]:
    is_few = len(cells) <= FEW
    return {cell: DASHES[0 if is_few else place % len(DASHES)] for place, cell in enumerate(cells)}


def _name_levels(axes: Axes) -> None:
    for name, level in VALUES.items():
        axes.annotate(LEVELS[name], (1.015, level), xycoords=("axes fraction", "data"), va="center", color=MUTED,
                      fontsize="x-small")  # fmt: skip


def _draw_horizons(axes: Axes, study: StudyData, flow: pd.DataFrame, cells: list[str], shades: dict[str, str]) -> None:
    moment, lag, longest = str(flow["moment"].iloc[0]), int(flow["lag"].iloc[0]), float(flow["steps_back"].max())
    for row, cell in enumerate(cells):
        for name, shift in ((ONE_OVER_E, -0.17), (THOUSANDTH, 0.17)):
            members = member_horizons(study, cell, lag, moment, name)
            steps = horizon(study, cell, lag, moment, name)
            y = row + shift
            axes.plot(members, [y] * len(members), "|", color=shades[cell], alpha=0.5, markersize=5)
            if math.isfinite(steps.middle):
                ends = [steps.low if math.isfinite(steps.low) else steps.middle, min(steps.high, longest)]
                if math.isfinite(steps.high):
                    axes.plot(ends, [y, y], color=shades[cell], linewidth=WHISKER)
                _mark(axes, steps.middle, y, name, shades[cell])
            elif math.isinf(steps.middle):
                axes.plot(longest, y, ">", color=shades[cell], markersize=4, clip_on=False)


def _mark(axes: Axes, x: float, y: float, name: str, shade: str) -> None:
    fill = PAPER if name == ONE_OVER_E else shade
    axes.plot(x, y, MARKS[name], markersize=MARK_SIZE, color=shade, markerfacecolor=fill, zorder=3, clip_on=False)


def _draw_decays(axes: Axes, study: StudyData, cells: list[str], whens: list[str], shades: dict[str, str]) -> None:
    lag = longest_lag_with_flow(study) or 0
    shifts = np.linspace(-0.17, 0.17, len(whens)) if len(whens) > 1 else [0.0]
    seen = [1.0]
    for row, cell in enumerate(cells):
        for moment, shift in zip(whens, shifts, strict=True):
            decay = decay_per_step(study, cell, lag, moment)
            fill = PAPER if moment == INITIAL and len(whens) > 1 else shades[cell]
            axes.plot([decay.low, decay.high], [row + shift] * 2, color=shades[cell], linewidth=WHISKER)
            axes.plot(decay.middle, row + shift, "o", markersize=MARK_SIZE, color=shades[cell], markerfacecolor=fill)
            seen += [end for end in decay if math.isfinite(end)]
    reference_line(axes, x=1.0)
    axes.set_xlim(max(0.0, min(seen) - 0.06), min(1.5, max(seen) + 0.06))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_xlabel("factor a step (95%)")


def _legend(axes: Axes, cells: list[str], whens: list[str], shades: dict[str, str]) -> None:
    axes.set_axis_off()
    dashes = _dashes(cells)
    lines = [entry for cell in cells for entry in cell_entries([cell], shades, linestyle=dashes[cell], linewidth=1.6)]
    labels = {
        "below 1/e (0.37)": {"marker": MARKS[ONE_OVER_E], "markerfacecolor": PAPER},
        "below 1e-3": {"marker": MARKS[THOUSANDTH]},
        "not within the sequence": {"marker": ">"},
    }
    if len(whens) > 1:
        labels["factor at initialisation"] = {"marker": "o", "markerfacecolor": PAPER}
        labels["factor after training"] = {"marker": "o"}
    marks = [legend_entry(label, linewidth=0, markersize=MARK_SIZE, **look) for label, look in labels.items()]
    panel_legend(axes, [*lines, *marks])


def finding(study: StudyData) -> str:
    """Return by how much each step back changes the gradient of each cell, and how far it reaches."""
    flow, lag = _joint(study), longest_lag_with_flow(study)
    if lag is None or flow.empty:
        return "No gradient flow was measured."
    cells = by_decay(study, list(rows_by_cell(study, flow)), lag)
    return joined(
        *(_at_moment(study, cells, lag, moment, flow["steps_back"].max()) for moment in moments_in(flow)),
        not_measured(absent_cells(study, flow)),
        first_step_words(study, flow, lag),
        turning_words(flow),
    )


def _at_moment(study: StudyData, cells: list[str], lag: int, moment: str, longest: int) -> str:
    factors = {cell: decay_words(study, cell, lag, moment) for cell in cells}
    known = {cell: factor for cell, factor in factors.items() if factor}
    texts, within = listed(by_cell(known, cells.index, "{text} in {cell}")), counted(int(longest), "step")
    return (
        f"{WHEN[moment].capitalize()} a step back multiplies the gradient by {texts}; within {within} it falls "
        f"{horizon_words(study, cells, lag, moment, THOUSANDTH)}."
    )


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    flow = flow_summary(study)
    return rows_where(flow, quantity=JOINT).assign(study=study.plan.study)
