"""How far back each cell reaches by each memory horizon, such as the learned span or that of the gradient."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import WHEN
from lstm_bench.analysis.memory_horizons import (
    CAPACITY,
    CAPACITY_SPAN,
    GRADIENT,
    HALF_LIFE,
    HORIZONS,
    LEARNED,
    LYAPUNOV,
    MOMENTS,
    WINDOW,
    HorizonEstimate,
    horizon_estimates,
    horizon_table,
)
from lstm_bench.analysis.wording import NOT_AVAILABLE, listed, span_of
from lstm_bench.metrics import INITIAL
from lstm_bench.report.figures.findings import by_cell, joined
from lstm_bench.report.panels import legend, legend_entry, log_ticks, name_axes, new_figure, row_axis
from lstm_bench.report.style import INK, MUTED, PAPER, colours, themed
from lstm_bench.report.typography import typeset

QUESTION = "How far back does each memory horizon reach?"
METHOD = (
    "A hollow mark is the start, a filled one the trained cell, with its number next to it. Bars are 95% intervals, "
    "but for the linear-capacity span the range of the members. An end is dotted where the members are too few to "
    "bound it. An arrow is a horizon beyond all that was tried; a head that points left, at the left edge, is one of "
    "less than a step, 0 included. The learned span is in steps held, as the other horizons are, and over the members "
    "of all lags; where a task does not state how long its memories are held, it is T50 in lag. The forgetting "
    "half-life is at the longest lag that most members of the cell solved, the others at the lag in the title."
)
MEANINGS = {
    LEARNED: "half of the members solve it",
    GRADIENT: "the gradient falls below 1e-3",
    CAPACITY_SPAN: "half of an input is still readable",
    HALF_LIFE: "half of a cue is still recalled",
    LYAPUNOV: "a disturbance is down to 1/e",
    WINDOW: "what its error is worth",
}
LEAST, ROOM = 0.75, 2  # steps at the left edge; the right edge over the longest horizon: an octave for an arrow
LINE = 0.17  # inches of a line of a panel
COLUMNS, WIDTHS = 2, (2.0, 1.15)  # of panels; of a panel and of the numbers next to it
BEYOND = 1e-3  # relative amount by which an open horizon ranks beyond its own bound
Estimates = Mapping[str, Sequence[HorizonEstimate]]


@themed
def draw(study: StudyData) -> Figure:
    """Draw a panel per horizon on one scale of steps: a row per cell, start above (hollow), trained below (filled)."""
    estimates, shades = horizon_estimates(study), colours(study.cells)
    horizons = _horizons(estimates)
    n_rows = -(-len(horizons) // COLUMNS)
    figure = new_figure(0.8 + n_rows * (0.6 + 2 * LINE * len(estimates)))
    grid = figure.subplots(n_rows, 2 * COLUMNS, squeeze=False, width_ratios=COLUMNS * WIDTHS)
    places = [(line[2 * column], line[2 * column + 1]) for line in grid for column in range(COLUMNS)]
    most = ROOM * _longest(study, estimates)
    for (axes, numbers), horizon in zip(places, horizons, strict=False):
        for row, (cell, of_cell) in enumerate(_of(estimates, horizon).items()):
            _draw_row(axes, numbers, row, of_cell, shades[cell], most)
        _finish(axes, horizon, estimates, most)
    for axes in grid.flat:
        row_axis(axes, list(estimates) if axes in grid[:, 0] else [""] * len(estimates))
    for axes in [numbers for _, numbers in places] + [axes for axes, _ in places[len(horizons) :]]:
        axes.set_axis_off()
    name_axes(figure, x=f"steps{_members(estimates)}")
    moments = {estimate.moment for of_cell in estimates.values() for estimate in of_cell}
    legend(figure, [legend_entry(WHEN[m], linewidth=1.8, **_mark(m, MUTED)) for m in MOMENTS if m in moments])
    return figure


def _mark(moment: str, shade: str) -> dict[str, Any]:
    face = PAPER if moment == INITIAL else shade
    return {"color": shade, "marker": "D", "markersize": 4.6, "markerfacecolor": face}


def _of(estimates: Estimates, horizon: str) -> dict[str, list[HorizonEstimate]]:
    """Return the estimates of one horizon by cell, an empty list where it was not measured."""
    return {
        cell: [estimate for estimate in of_cell if estimate.horizon == horizon] for cell, of_cell in estimates.items()
    }


def _horizons(estimates: Estimates) -> list[str]:
    measured = {estimate.horizon for of_cell in estimates.values() for estimate in of_cell}
    return [horizon for horizon in HORIZONS if horizon in measured]


def _longest(study: StudyData, estimates: Estimates) -> float:
    """Return the longest horizon that is drawn; the end of an interval may lie off the axis."""
    drawn = [estimate for of_cell in estimates.values() for estimate in of_cell if estimate.horizon in HORIZONS]
    return max([*(estimate.middle for estimate in drawn if math.isfinite(estimate.middle)), *study.lags])


def _members(estimates: Estimates) -> str:
    n = span_of(estimate.n for of_cell in estimates.values() for estimate in of_cell if estimate.horizon != LEARNED)
    return "" if n == NOT_AVAILABLE else f" (n = {typeset(n)} members a number)"


def _draw_row(
    axes: Axes, numbers: Axes, row: int, estimates: Sequence[HorizonEstimate], shade: str, most: float
) -> None:
    for estimate in estimates:
        y = row + (0.0 if len(estimates) == 1 else -0.2 if estimate.moment == INITIAL else 0.2)
        if estimate.censored:
            _draw_bound(axes, y, estimate, shade, most)
        else:
            _draw_interval(axes, y, estimate, shade, most)
        lag = f", lag {estimate.lag}" if estimate.horizon == HALF_LIFE else ""
        _write(numbers, y, f"{estimate.text}{lag}")
    if not estimates:
        _write(numbers, row, "not measured")


def _draw_bound(axes: Axes, y: float, estimate: HorizonEstimate, shade: str, most: float) -> None:
    """Draw an arrow from the bound to the edge of the axis; one from infinity starts at the longest horizon drawn."""
    start, end = min(estimate.middle, most / ROOM), most if estimate.censored == "above" else LEAST
    face = _mark(estimate.moment, shade)["markerfacecolor"]
    arrow = {"arrowstyle": "-|>", "edgecolor": shade, "facecolor": face, "lw": 1.3, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (end, y), (start, y), arrowprops=arrow)
    if math.isfinite(estimate.middle):
        axes.plot(start, y, marker="|", color=shade, markersize=7, markeredgewidth=1.6)


def _draw_interval(axes: Axes, y: float, estimate: HorizonEstimate, shade: str, most: float) -> None:
    """Draw a value and its interval; an upper end that nothing bounds is dotted, for an octave."""
    middle = max(estimate.middle, LEAST)
    low = max(estimate.low if estimate.low > -math.inf else estimate.middle, LEAST)
    high = estimate.high if math.isfinite(estimate.high) else estimate.middle
    axes.plot(np.clip([low, max(high, middle)], LEAST, most), [y, y], color=shade, linewidth=1.8, solid_capstyle="butt")
    if math.isinf(estimate.high):
        axes.plot([middle, min(2 * middle, most)], [y, y], color=shade, linewidth=1.2, linestyle=(0, (1, 1.4)))
    mark = _mark(estimate.moment, shade) | {"marker": "D" if estimate.middle >= LEAST else "<"}
    axes.plot(middle, y, clip_on=False, markeredgewidth=1.2, **mark)


def _write(numbers: Axes, y: float, text: str) -> None:
    numbers.annotate(
        typeset(text), (0, y), xycoords=("axes fraction", "data"), va="center", fontsize="x-small", color=INK
    )


def _finish(axes: Axes, horizon: str, estimates: Estimates, most: float) -> None:
    axes.set_title(f"{_capital(horizon)}{_where(estimates, horizon)}:\n{MEANINGS[horizon]}", fontsize="small")
    axes.set_xscale("log", base=2)
    axes.set_xlim(LEAST, most)
    log_ticks(axes.xaxis, LogLocator(base=4, numticks=9))


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _where(estimates: Estimates, horizon: str) -> str:
    measured = [estimate for of_cell in _of(estimates, horizon).values() for estimate in of_cell]
    lags = span_of(estimate.lag for estimate in measured if estimate.lag is not None)
    return "" if horizon in (LEARNED, HALF_LIFE) else f", lag {lags}"


def finding(study: StudyData) -> str:
    """Return the cell that reaches furthest by each horizon, and the linear capacity of each cell."""
    estimates = horizon_estimates(study)
    if rows(study).empty:
        return "No span, horizon or capacity was measured."
    furthest = "; ".join(_furthest(estimates, horizon) for horizon in _horizons(estimates))
    return joined(f"The furthest, in steps: {furthest}." if furthest else "", _capacity(estimates))


def _furthest(estimates: Estimates, horizon: str) -> str:
    """Return a horizon with the cells that reach furthest by it, trained where both moments were measured."""
    last = {cell: of_cell[-1] for cell, of_cell in _of(estimates, horizon).items() if of_cell}
    best = max(last.values(), key=_rank)
    cells = [cell for cell, estimate in last.items() if estimate.text == best.text]
    cell_words = "every cell" if len(cells) == len(estimates) > 1 else listed(cells)
    start = ", at the start" if best.moment == INITIAL else ""
    return f"{horizon} {best.text} ({cell_words}{start}{_where(estimates, horizon)})"


def _rank(estimate: HorizonEstimate) -> float:
    return estimate.middle * {"above": 1 + BEYOND, "below": 1 - BEYOND}.get(estimate.censored, 1.0)


def _capacity(estimates: Estimates) -> str:
    """Return the linear capacity of each cell, which counts inputs and has no panel."""
    measured = {cell: of_cell for cell, of_cell in _of(estimates, CAPACITY).items() if of_cell}
    if not measured:
        return ""
    texts = {cell: _course(of_cell) for cell, of_cell in measured.items()}
    order_note = ", at the start, then trained" if any(len(of_cell) > 1 for of_cell in measured.values()) else ""
    ends = by_cell(texts, lambda cell: -measured[cell][-1].middle)
    return f"{_capital(CAPACITY)}{_where(estimates, CAPACITY)}, in inputs{order_note}: {'; '.join(ends)}."


def _course(estimates: Sequence[HorizonEstimate]) -> str:
    if len(estimates) == 1 and estimates[0].moment == INITIAL:
        return f"{estimates[0].text} at the start"
    return " then ".join(estimate.text for estimate in estimates)


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return horizon_table(study)
