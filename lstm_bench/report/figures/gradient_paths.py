"""Which part of the state the gradient flows through: each path alone beside all of them together."""

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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
from lstm_bench.analysis.wording import NOT_AVAILABLE, counted, listed, significant, span_of, times, with_range
from lstm_bench.report.figures.gradient_panels import (
    FEW,
    draw_band,
    members_in,
    moments_in,
    norm_axis,
    steps_back_axis,
)
from lstm_bench.report.style import INK, colours, new_figure, say_in, themed

QUESTION = "Which path does the gradient take?"
ROW = 1.45  # inches of a row of panels
TOLD_EACH = 2  # cells that the caption tells one by one
STYLES: tuple[Any, ...] = ("solid", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.2, 1.2, 1.2)))


@themed
def draw(study: StudyData) -> Figure:
    """Draw the joint flow and the flow through each part alone against k: a panel a cell and moment."""
    flow, shades = _flow(study), colours(study.cells)
    cells, whens = _cells(flow), moments_in(flow)
    n_rows, n_columns = _grid(len(cells), len(whens))
    figure = new_figure(0.95 + ROW * n_rows)
    grid = list(figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True).flat)
    styles = _styles(flow)
    places = [(cell, moment) for cell in cells for moment in whens]
    for axes, (cell, moment) in zip(grid, places, strict=False):
        own = flow.loc[(flow["cell"] == cell) & (flow["moment"] == moment)]
        _draw_panel(axes, own, shades[cell], styles)
        axes.set_title(
            f"{cell}, {WHEN[moment]}" if len(whens) > 1 else cell, fontsize="medium" if n_columns < 4 else "small"
        )
    for axes in grid[len(places) :]:
        axes.set_axis_off()
    for axes in grid[max(0, len(places) - n_columns) : len(places)]:
        axes.tick_params(labelbottom=True)
    norm_axis(grid[0], flow.loc[flow["quantity"] == JOINT, "middle"])
    steps_back_axis(grid[0], flow["steps_back"].max())
    when = f" {WHEN[whens[0]]}" if len(whens) == 1 else ""
    figure.supxlabel(f"steps back k{when} ({members_in(flow)})", fontsize="medium", color=INK)
    figure.supylabel("gradient flow g", fontsize="medium", color=INK)
    handles = [Line2D([], [], color=INK, linestyle=style, label=_label(name)) for name, style in styles.items()]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), handlelength=2.6)
    return figure


def _grid(cells: int, whens: int) -> tuple[int, int]:
    """Return rows and columns: a row a cell, two of many; of one moment alone 3 or 4, whichever fits better."""
    if whens == 1:
        columns = min(cells, min((4, 3), key=lambda width: -cells % width))
    else:
        columns = whens * (1 if cells <= FEW else 2)
    return -(-cells * whens // columns), columns


def _flow(study: StudyData) -> pd.DataFrame:
    """Return the flow at the lag of the comparison, of the cells whose state has parts."""
    flow = flow_summary(study)
    flow = flow.loc[flow["lag"] == longest_lag_with_flow(study)]
    return flow.loc[flow["cell"].isin([cell for cell in study.cells if paths(study, cell)])]


def _cells(flow: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(flow["cell"]))


def _styles(flow: pd.DataFrame) -> dict[str, Any]:
    """Return how each quantity is drawn: the joint flow solid, the others as they come."""
    names = sorted(dict.fromkeys(flow["quantity"]), key=lambda name: name != JOINT)
    return {name: STYLES[place % len(STYLES)] for place, name in enumerate(names)}


def _label(quantity: str) -> str:
    return "all paths together" if quantity == JOINT else f"{part_of(quantity)} alone"


def _draw_panel(axes: Axes, flow: pd.DataFrame, shade: str, styles: dict[str, Any]) -> None:
    for name, style in styles.items():
        own = flow.loc[flow["quantity"] == name]
        draw_band(axes, own, shade, linestyle=style, linewidth=2.0 if name == JOINT else 1.5)
    if flow.empty:
        say_in(axes, "not measured")


def caption(study: StudyData) -> str:
    """Return the finding: what each path keeps a step, and how many times as much the best keeps as the others."""
    flow, lag = _flow(study), longest_lag_with_flow(study)
    if lag is None:
        return "No gradient flow was measured."
    if flow.empty:
        return "No cell has a state of several parts, so there is one path and it is the one above."
    cells = _cells(flow)
    whens = moments_in(flow)
    if len(cells) <= TOLD_EACH:
        told = [_told(study, cell, lag, moment) for cell in cells for moment in whens]
    else:
        told = [_told_together(study, cells, lag, moment) for moment in whens]
    how = (
        "A path alone is the product of its own part's Jacobians, the other parts held where they are; for an LSTM's c "
        f"that is the product of its forget gates. Geometric means over members at lag {lag} with 95% intervals "
        f"(Student's t on the logarithm, n = {span_of(flow['n'])})."
    )
    return " ".join(sentence for sentence in [*told, how] if sentence)


def _told(study: StudyData, cell: str, lag: int, moment: str) -> str:
    kept = {path: decay_per_step(study, cell, lag, moment, path) for path in paths(study, cell)}
    known = {path: decay for path, decay in kept.items() if math.isfinite(decay.middle)}
    if not known:
        return ""
    best, *others = sorted(known, key=lambda path: -known[path].middle)
    joint = decay_per_step(study, cell, lag, moment)
    told = [f"{with_range(*known[path])} through {part_of(path)} alone" for path in (best, *others)]
    ratios = [_ratio(study, cell, lag, moment, best, other) for other in others]
    is_more = _is_more_together(study, cell, lag, moment)
    more = ", more than any path alone, so that much of it changes from part to part on its way" if is_more else ""
    return (
        f"{cell} {WHEN[moment]} keeps {listed(told)} a step{''.join(ratios)}; all paths together "
        f"{with_range(*joint)}{more}."
    )


def _told_together(study: StudyData, cells: list[str], lag: int, moment: str) -> str:
    """Return the same over many cells: the range of each path, and in how many all together keep more than any."""
    kept: dict[str, list[float]] = {}
    for cell in cells:
        for path in ("", *paths(study, cell)):
            kept.setdefault(path, []).append(decay_per_step(study, cell, lag, moment, path).middle)
    together = _range(kept.pop(""))
    told = [f"{_range(values)} through {part_of(path)} alone" for path, values in kept.items()]
    more = sum(_is_more_together(study, cell, lag, moment) for cell in cells)
    return (
        f"{WHEN[moment].capitalize()} a step back keeps {listed(told)}, {together} by all paths together; in {more} of "
        f"{counted(len(cells), 'cell')} that is more than by any path alone."
    )


def _is_more_together(study: StudyData, cell: str, lag: int, moment: str) -> bool:
    """Tell whether the interval of all paths over each path alone lies above 1."""
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


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    flow = _flow(study)
    lines = listed([_label(name) for name in _styles(flow)])
    return (
        f"Gradient flow against steps back on {study.task}, a panel for each of {listed(_cells(flow))} "
        f"{' and '.join(WHEN[moment] for moment in moments_in(flow))}, with lines for {lines}."
    )


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    flow = flow_summary(study)
    with_parts = [cell for cell in study.cells if paths(study, cell)]
    return flow.loc[flow["cell"].isin(with_parts)].assign(study=study.plan.study)
