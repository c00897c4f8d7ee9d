"""Which part of the state the gradient flows through: each path alone, and all of them together."""

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import (
    JOINT,
    WHEN,
    decay_per_step,
    decay_ratio,
    flow_summary,
    longest_lag_with_flow,
    part_of,
    paths,
)
from lstm_bench.analysis.wording import NOT_AVAILABLE, counted, listed, significant, times, with_range
from lstm_bench.report.figures.findings import joined
from lstm_bench.report.figures.gradient_panels import FEW, draw_flow, members_in, norm_axis, steps_back_axis
from lstm_bench.report.figures.moments import moments_in
from lstm_bench.report.figures.table_rows import rows_by_cell, rows_where
from lstm_bench.report.panels import (
    DASHED,
    balanced_columns,
    legend,
    legend_entry,
    name_axes,
    new_figure,
    note_in,
    panel_grid,
)
from lstm_bench.report.style import colours, themed

QUESTION = "Which path does the gradient take?"
METHOD = (
    "A path alone is the product of its own part's Jacobians, the other parts held fixed; for an LSTM's c that is the "
    "product of its forget gates. Geometric means over members with 95% intervals (Student's t on the logarithm). "
    "Where all paths together keep more than any alone, much of the gradient passes from part to part on its way."
)
ROW = 1.45  # inches of a row of panels
STYLES: tuple[Any, ...] = ("solid", DASHED, (0, (1.2, 1.2)), (0, (5, 1.2, 1.2, 1.2)))


@themed
def draw(study: StudyData) -> Figure:
    """Draw the joint flow and the flow through each part alone against k: a panel per cell and moment."""
    flow, shades = _flow(study), colours(study.cells)
    cells, whens = list(rows_by_cell(study, flow)), moments_in(flow)
    n_rows, n_columns = _grid(len(cells), len(whens))
    figure = new_figure(0.95 + ROW * n_rows)
    cases = [(cell, moment) for cell in cells for moment in whens]
    grid, styles = panel_grid(figure, len(cases), n_rows, n_columns), _styles(flow)
    for axes, (cell, moment) in zip(grid, cases, strict=True):
        of_case = rows_where(flow, cell=cell, moment=moment)
        _draw_panel(axes, of_case, shades[cell], styles)
        title = f"{cell}, {WHEN[moment]}" if len(whens) > 1 else cell
        axes.set_title(title, fontsize="medium" if n_columns < 4 else "small")
    norm_axis(grid[0], rows_where(flow, quantity=JOINT)["middle"])
    steps_back_axis(grid[0], flow["steps_back"].max())
    when = f" {WHEN[whens[0]]}" if len(whens) == 1 else ""
    name_axes(figure, x=f"steps back k{when} ({members_in(flow)})", y="gradient flow g")
    legend(figure, [legend_entry(_label(name), linestyle=style) for name, style in styles.items()])
    return figure


def _grid(cells: int, whens: int) -> tuple[int, int]:
    """Return rows and columns: a row per cell, or per two of many; for one moment 3 or 4 columns, as fits better."""
    columns = balanced_columns(cells) if whens == 1 else whens * (1 if cells <= FEW else 2)
    return -(-cells * whens // columns), columns


def _flow(study: StudyData) -> pd.DataFrame:
    """Return the flow at the lag of the comparison, of the cells whose state has parts."""
    flow = flow_summary(study)
    flow = rows_where(flow, lag=longest_lag_with_flow(study))
    return flow.loc[flow["cell"].isin([cell for cell in study.cells if paths(study, cell)])]


def _styles(flow: pd.DataFrame) -> dict[str, Any]:
    """Return the line style of each quantity, solid for the joint flow."""
    names = sorted(dict.fromkeys(flow["quantity"]), key=lambda name: name != JOINT)
    return {name: STYLES[place % len(STYLES)] for place, name in enumerate(names)}


def _label(quantity: str) -> str:
    return "all paths together" if quantity == JOINT else f"{part_of(quantity)} alone"


def _draw_panel(axes: Axes, flow: pd.DataFrame, shade: str, styles: dict[str, Any]) -> None:
    for name, style in styles.items():
        of_path = rows_where(flow, quantity=name)
        draw_flow(axes, of_path, shade, linestyle=style, linewidth=2.0 if name == JOINT else 1.5)
    if flow.empty:
        note_in(axes, "not measured")


def finding(study: StudyData) -> str:
    """Return what each path keeps per step, and how many times as much the best keeps as the others."""
    flow, lag = _flow(study), longest_lag_with_flow(study)
    if lag is None:
        return "No gradient flow was measured."
    if flow.empty:
        return f"No cell measured at lag {lag} has a state of several parts, so there is one path: all of the state."
    cells, whens = list(rows_by_cell(study, flow)), moments_in(flow)
    if len(cells) == 1:
        return joined(*(_of_cell(study, cells[0], lag, moment) for moment in whens))
    return joined(*(_of_cells(study, cells, lag, moment) for moment in whens))


def _of_cell(study: StudyData, cell: str, lag: int, moment: str) -> str:
    kept = {path: decay_per_step(study, cell, lag, moment, path) for path in paths(study, cell)}
    known = {path: decay for path, decay in kept.items() if math.isfinite(decay.middle)}
    if not known:
        return ""
    best, *others = sorted(known, key=lambda path: -known[path].middle)
    joint = decay_per_step(study, cell, lag, moment)
    through = [f"{with_range(*known[path])} through {part_of(path)} alone" for path in (best, *others)]
    ratios = [_ratio(study, cell, lag, moment, best, other) for other in others]
    more = ", more than any path alone" if _is_more_together(study, cell, lag, moment) else ""
    return (
        f"{cell} {WHEN[moment]} keeps {listed(through)} a step{''.join(ratios)}; all paths together "
        f"{with_range(*joint)}{more}."
    )


def _of_cells(study: StudyData, cells: list[str], lag: int, moment: str) -> str:
    """Return the range of each path over several cells, and in how many all paths keep more than any alone."""
    kept: dict[str, list[float]] = {}
    for cell in cells:
        for path in ("", *paths(study, cell)):
            kept.setdefault(path, []).append(decay_per_step(study, cell, lag, moment, path).middle)
    together = _range(kept.pop(""))
    through = [f"{_range(values)} through {part_of(path)} alone" for path, values in kept.items()]
    more = sum(_is_more_together(study, cell, lag, moment) for cell in cells)
    return (
        f"{WHEN[moment].capitalize()} a step back keeps {listed(through)}, {together} by all paths together; in {more} "
        f"of {counted(len(cells), 'cell')} that is more than by any path alone."
    )


def _is_more_together(study: StudyData, cell: str, lag: int, moment: str) -> bool:
    """Return whether the interval of all paths over each path alone lies above 1."""
    return all(decay_ratio(study, cell, lag, moment, "", path).low > 1 for path in paths(study, cell))


def _range(values: list[float]) -> str:
    known = [value for value in values if math.isfinite(value)]
    return f"{significant(min(known))} to {significant(max(known))}" if known else NOT_AVAILABLE


def _ratio(study: StudyData, cell: str, lag: int, moment: str, best: str, other: str) -> str:
    ratio = decay_ratio(study, cell, lag, moment, best, other)
    if not math.isfinite(ratio.middle):
        return ""
    ends = f" ({times(ratio.low)} to {times(ratio.high)})" if math.isfinite(ratio.low) else ""
    return f", {times(ratio.middle)}{ends} as much through {part_of(best)} as through {part_of(other)}"


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    flow = flow_summary(study)
    drawn = set(_flow(study)["cell"])
    return flow.loc[flow["cell"].isin(drawn)].assign(study=study.plan.study)
