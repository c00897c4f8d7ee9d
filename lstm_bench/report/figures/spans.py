"""How far back each cell reaches, a panel a lens: what is learned, what the gradient sees, what the state holds."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

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
from lstm_bench.report.style import INK, MUTED, PAPER, colours, new_figure, themed
from lstm_bench.report.typography import typeset

QUESTION = "How far back, lens by lens?"
MEANINGS = {
    LEARNED: "half of the members solve it",
    GRADIENT: "the gradient falls below 1e-3",
    CAPACITY_SPAN: "half of an input is still readable",
    HALF_LIFE: "half of a cue is still said",
    LYAPUNOV: "a disturbance is down to 1/e",
    WINDOW: "what its error is worth",
}
LEAST, ROOM = 0.75, 1.5  # steps at the left edge; beyond the longest reach
NAMED = 3  # cells of which a caption tells every number
LINE = 0.17  # inches a line of a panel
COLUMNS, WIDTHS = 2, (2.0, 1.15)  # of panels; of a panel and of the numbers beside it
HorizonEstimates = Mapping[str, Sequence[HorizonEstimate]]


@themed
def draw(study: StudyData) -> Figure:
    """Draw a panel a lens on one axis of steps: a row a cell, at its start above (hollow) and trained below (full)."""
    found, shades = horizon_estimates(study), colours(study.cells)
    lenses = _lenses(found)
    n_rows = -(-len(lenses) // COLUMNS)
    figure = new_figure(0.8 + n_rows * (0.6 + 2 * LINE * len(found)))
    grid = figure.subplots(n_rows, 2 * COLUMNS, squeeze=False, width_ratios=COLUMNS * WIDTHS)
    places = [(line[2 * column], line[2 * column + 1]) for line in grid for column in range(COLUMNS)]
    most = ROOM * _longest(study, found)
    for (axes, beside), lens in zip(places, lenses, strict=False):
        for row, (cell, own) in enumerate(found.items()):
            _draw_row(axes, beside, row, [reach for reach in own if reach.horizon == lens], shades[cell], most)
        _finish(axes, lens, found, most)
    for axes in grid.flat:
        names = list(found) if axes in grid[:, 0] else []
        axes.set(ylim=(len(found) - 0.5, -0.5), yticks=range(len(names)), yticklabels=names)
    for axes in [beside for _, beside in places] + [axes for axes, _ in places[len(lenses) :]]:
        axes.set_axis_off()
    figure.supxlabel("steps", fontsize="medium", color=INK)
    seen = {reach.moment for own in found.values() for reach in own}
    handles = [_handle(moment) for moment in MOMENTS if moment in seen]
    figure.legend(handles=handles, loc="outside upper left", ncols=2, handlelength=1.4)
    return figure


def _lenses(found: HorizonEstimates) -> list[str]:
    seen = {reach.horizon for own in found.values() for reach in own}
    return [lens for lens in HORIZONS if lens in seen]


def _longest(study: StudyData, found: HorizonEstimates) -> float:
    """Return the longest reach that is drawn; the end of an interval may lie off the axis."""
    middles = [r.middle for own in found.values() for r in own if r.horizon in HORIZONS and math.isfinite(r.middle)]
    return max([*middles, *study.lags])


def _draw_row(axes: Axes, beside: Axes, row: int, reaches: Sequence[HorizonEstimate], shade: str, most: float) -> None:
    for reach in reaches:
        y = row + (0.0 if len(reaches) == 1 else -0.2 if reach.moment == INITIAL else 0.2)
        if reach.censored:
            _draw_bound(axes, y, reach, shade, most)
        else:
            _draw_interval(axes, y, reach, shade, most)
        lag = f", lag {reach.lag}" if reach.horizon == HALF_LIFE else ""
        _say(beside, y, f"{reach.text}{lag}")
    if not reaches:
        _say(beside, row, "not measured")


def _draw_bound(axes: Axes, y: float, reach: HorizonEstimate, shade: str, most: float) -> None:
    """Draw an arrow from the bound on; one without a bound stands at the right edge."""
    start, end = min(reach.middle, most / 2), most if reach.censored == "above" else LEAST
    face = PAPER if reach.moment == INITIAL else shade
    arrow = {"arrowstyle": "-|>", "edgecolor": shade, "facecolor": face, "lw": 1.3, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (end, y), (start, y), arrowprops=arrow)
    if math.isfinite(reach.middle):
        axes.plot(start, y, marker="|", color=shade, markersize=7, markeredgewidth=1.6)


def _draw_interval(axes: Axes, y: float, reach: HorizonEstimate, shade: str, most: float) -> None:
    """Draw a value and its interval; an end that nothing bounds is dotted, for an octave."""
    middle, low = (max(value, LEAST) for value in (reach.middle, reach.low if reach.low > -math.inf else reach.middle))
    high = reach.high if math.isfinite(reach.high) else reach.middle
    axes.plot(np.clip([low, max(high, middle)], LEAST, most), [y, y], color=shade, linewidth=1.8, solid_capstyle="butt")
    if math.isinf(reach.high):
        axes.plot([middle, min(2 * middle, most)], [y, y], color=shade, linewidth=1.2, linestyle=(0, (1, 1.4)))
    axes.plot(
        middle, y, marker="D" if reach.middle >= LEAST else "<", color=shade, clip_on=False, markersize=4.6,
        markerfacecolor=PAPER if reach.moment == INITIAL else shade, markeredgewidth=1.2,
    )  # fmt: skip


def _say(beside: Axes, y: float, text: str) -> None:
    beside.annotate(
        typeset(text), (0, y), xycoords=("axes fraction", "data"), va="center", fontsize="x-small", color=INK
    )


def _finish(axes: Axes, lens: str, found: HorizonEstimates, most: float) -> None:
    axes.set_title(f"{lens[0].upper()}{lens[1:]}{_where(found, lens)}:\n{MEANINGS[lens]}", fontsize="small")
    axes.set_xscale("log", base=2)
    axes.set_xlim(LEAST, most)
    axes.xaxis.set_major_locator(LogLocator(base=4, numticks=9))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda steps, _: f"{steps:,.0f}"))
    axes.tick_params(left=False)
    axes.spines[["left"]].set_visible(False)
    axes.grid(visible=False, axis="y")


def _where(found: HorizonEstimates, lens: str) -> str:
    lags = span_of(r.lag for own in found.values() for r in own if r.horizon == lens and r.lag is not None)
    return "" if lens in (LEARNED, HALF_LIFE) else f", lag {lags}"


def _handle(moment: str) -> Line2D:
    face = PAPER if moment == INITIAL else MUTED
    return Line2D(
        [], [], color=MUTED, marker="D", markersize=4.6, markerfacecolor=face, linewidth=1.8, label=WHEN[moment]
    )


def caption(study: StudyData) -> str:
    """Return the finding: what each lens says of each cell."""
    found = horizon_estimates(study)
    if rows(study).empty:
        return "No span, horizon or capacity was measured."
    return " ".join([*(_sentence(found, lens) for lens in (*_lenses(found), *_capacities(found))), _how(found)])


def _capacities(found: HorizonEstimates) -> list[str]:
    return [CAPACITY] if any(reach.horizon == CAPACITY for own in found.values() for reach in own) else []


def _sentence(found: HorizonEstimates, lens: str) -> str:
    own = {cell: [reach for reach in reaches if reach.horizon == lens] for cell, reaches in found.items()}
    measured = {cell: reaches for cell, reaches in own.items() if reaches}
    where = {LEARNED: " T50", HALF_LIFE: " at the longest lag that most members of the cell solved"}
    unit = ", in inputs" if lens == CAPACITY else ""
    both = ", at the start, then trained" if any(len(reaches) > 1 for reaches in measured.values()) else ""
    by_cell = {cell: _numbers(reaches) for cell, reaches in measured.items()}
    told = "; ".join(f"{cell} {by_cell[cell]}" for cell in _named(measured))
    if len(by_cell) > 1 and len(set(by_cell.values())) == 1:
        told = f"every cell {_numbers(next(iter(measured.values())))}"
    return f"{lens[0].upper()}{lens[1:]}{where.get(lens, _where(found, lens))}{unit}{both}: {told}."


def _numbers(reaches: Sequence[HorizonEstimate]) -> str:
    if len(reaches) == 1 and reaches[0].moment == INITIAL:
        return f"{reaches[0].text} at the start"
    return " then ".join(reach.text for reach in reaches)


def _named(measured: HorizonEstimates) -> HorizonEstimates:
    """Return all cells, or of many the one that reaches furthest and the one that reaches least."""
    if len(measured) <= NAMED:
        return measured
    ranked = sorted(measured, key=lambda cell: _rank(measured[cell][-1]))
    return {cell: measured[cell] for cell in (ranked[-1], ranked[0])}


def _rank(reach: HorizonEstimate) -> float:
    return reach.middle * {"above": 1.001, "below": 0.999}.get(reach.censored, 1.0)


def _how(found: HorizonEstimates) -> str:
    n = span_of(reach.n for own in found.values() for reach in own if reach.horizon != LEARNED)
    learned = ", the learned span over those of all lags" if LEARNED in _lenses(found) else ""
    members = f" Over {n} members a number{learned}." if n != NOT_AVAILABLE else ""
    some = "" if len(found) <= NAMED else " The cells named reach furthest and least by that lens."
    return (
        "Bars are 95% intervals, but for the capacity span the range of the members; dotted is an end that so few "
        f"members cannot bound, an arrow a reach beyond all that was tried.{members}{some}"
    )


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    found = horizon_estimates(study)
    lenses = _lenses(found)
    return f"How many steps back {listed(list(found))} reach on {study.task}, a panel for each of: {listed(lenses)}."


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return horizon_table(study)
