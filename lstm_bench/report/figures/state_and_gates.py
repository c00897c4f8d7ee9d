"""How open the gates of a cell are and what time scales they make, at its start and trained."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator
from numpy.typing import NDArray

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gates import (
    OPEN_SHARE,
    SHARES,
    SHUT_SHARE,
    TIME_CONSTANT_OF_UNITS,
    curves_of,
    gate_curves,
    gate_lag,
    gate_metric,
    gate_summary,
    gated_cells,
    gates_of,
    time_constants,
)
from lstm_bench.analysis.gradients import WHEN
from lstm_bench.analysis.memory_horizons import MOMENTS
from lstm_bench.analysis.solving import was_trained
from lstm_bench.analysis.statistics import Interval
from lstm_bench.analysis.wording import listed, with_range
from lstm_bench.metrics import FINAL, INITIAL
from lstm_bench.report.figures.findings import by_cell, joined
from lstm_bench.report.figures.table_rows import rows_where
from lstm_bench.report.panels import (
    DOTTED,
    legend,
    legend_entry,
    log_ticks,
    name_axes,
    name_row,
    new_figure,
    note_in,
    percent_ticks,
)
from lstm_bench.report.style import MUTED, colours, themed

QUESTION = "How open are the gates, and how long do they keep?"
METHOD = (
    "Left, the time constants of the units; units that never forget are in the last bin. Right, the values of each "
    "gate over sequences, steps and units. A gate counts as open above 0.95 and as shut below 0.05. Numbers are "
    "interquartile means over members with 95% bootstrap intervals, at the longest lag that most members of the cell "
    "solved, or else its shortest."
)
BINS = 24
NARROW = 60  # ratio of the ends of an axis: a smaller one has few powers of ten
LAG_LINE: Mapping[str, Any] = {"color": MUTED, "linewidth": 0.9, "linestyle": DOTTED}
TRAINED = 0.75  # opacity
LEAST_SHARE = 0.005  # a smaller one would be written as 0%


@themed
def draw(study: StudyData) -> Figure:
    """Draw a row per cell: time constants of its units, then values of each gate; start as a line, trained filled."""
    shades, cells = colours(study.cells), gated_cells(study)
    curves = {cell: curves_of(study, cell) for cell in cells}
    n_gates = max(len(gates_of(of_cell)) for of_cell in curves.values())
    figure = new_figure(0.9 + 1.4 * len(cells))
    grid = figure.subplots(len(cells), 1 + n_gates, squeeze=False)
    edges = _edges(curves.values())
    for line, cell in zip(grid, cells, strict=True):
        lag = gate_lag(study, cell)
        _draw_time_constants(line[0], curves[cell], edges, shades[cell], lag)
        name_row(line[0], cell, lag)
        names = gates_of(curves[cell])
        for axes, name in zip(line[1:], names, strict=False):
            _draw_gate(axes, curves[cell], name, shades[cell])
        for axes in line[1 + len(names) :]:
            axes.set_axis_off()
    _label(figure, grid)
    trained = [Patch(color=MUTED, alpha=TRAINED, label=WHEN[FINAL])] if was_trained(study) else []
    start = legend_entry(WHEN[INITIAL], color=MUTED, linewidth=1.2)
    legend(figure, [start, *trained, legend_entry("the lag", **LAG_LINE)])
    return figure


def _edges(curves: Iterable[pd.DataFrame]) -> NDArray[np.float64]:
    constants = np.concatenate([time_constants(of_cell, moment) for of_cell in curves for moment in MOMENTS])
    known = constants[np.isfinite(constants) & (constants > 0)]
    if not len(known):
        return np.geomspace(1, 10, BINS + 1)
    return np.geomspace(known.min() / 1.1, known.max() * 1.1, BINS + 1)


def _draw_time_constants(
    axes: Axes, curves: pd.DataFrame, edges: NDArray[np.float64], shade: str, lag: int | None
) -> None:
    axes.set_xscale("log")
    shown = [edges[0], edges[-1], *([] if lag is None else [lag / 1.3, lag * 1.3])]
    axes.set_xlim(min(shown), max(shown))
    is_narrow = max(shown) < NARROW * min(shown)
    log_ticks(axes.xaxis, LogLocator(subs=(1, 2, 5) if is_narrow else (1,), numticks=3), "{:,g}")
    if lag is not None:
        axes.axvline(lag, **LAG_LINE)
    for moment in MOMENTS:
        values = time_constants(curves, moment)
        inside = np.clip(values, edges[0], edges[-1])  # what keeps for ever stands in the last bin
        if len(inside):
            _steps(axes, np.histogram(inside, edges)[0] / len(inside), edges, moment, shade)
    if not axes.patches:
        note_in(axes, "no gate decides\nwhat is kept")


def _draw_gate(axes: Axes, curves: pd.DataFrame, name: str, shade: str) -> None:
    of_gate = rows_where(curves, quantity=f"{name}{SHARES}")
    for moment in MOMENTS:
        shares = rows_where(of_gate, moment=moment).groupby("at")["value"].mean()
        if len(shares):
            _steps(axes, shares.to_numpy(), np.linspace(0, 1, len(shares) + 1), moment, shade)
    axes.set(xlim=(0, 1), xticks=(0, 0.5, 1), xticklabels=("0", "0.5", "1"))
    axes.set_title(f"gate {name}", fontsize="small")


def _steps(axes: Axes, shares: NDArray[np.float64], edges: NDArray[np.float64], moment: str, shade: str) -> None:
    if moment == INITIAL:
        axes.stairs(shares, edges, color=MUTED, linewidth=1.2, zorder=3)
    else:
        axes.stairs(shares, edges, color=shade, fill=True, alpha=TRAINED)


def _label(figure: Figure, grid: NDArray[np.object_]) -> None:
    grid[0][0].set_title("time constant of a unit", fontsize="small")
    grid[-1][0].set_xlabel("steps")
    for axes in grid[-1][1:]:
        axes.set_xlabel("value of the gate")
    for axes in grid.ravel().tolist():
        axes.set_ylim(0, None)
        axes.yaxis.set_major_locator(MaxNLocator(2))
        percent_ticks(axes.yaxis)
    name_axes(figure, y="share")


def finding(study: StudyData) -> str:
    """Return the time constant of each gated cell, and its gates most often open and shut, at its start and trained."""
    cells = gated_cells(study)
    if not cells:
        return (
            f"No gates in {listed(study.cells)}." if len(gate_curves(study)) else "State and gates were not measured."
        )
    texts = {cell: f"{_scales(study, cell)}{_gates(study, cell)}" for cell in cells}
    without = [cell for cell in study.cells if cell not in cells]
    named = by_cell(texts, lambda cell: -_last(study, cell, TIME_CONSTANT_OF_UNITS, "median"))
    return joined(f"{'; '.join(named)}.", f"{listed(without)}: no gates." if without else "")


def _scales(study: StudyData, cell: str) -> str:
    scales = _course(
        study, cell, TIME_CONSTANT_OF_UNITS, "median", lambda number: with_range(*number, digits=2) + " steps"
    )
    text = f"a median time constant of {scales}" if scales else "no gate decides what is kept"
    return f"(lag {gate_lag(study, cell)}): {text}"


def _gates(study: StudyData, cell: str) -> str:
    """Return the gate that is most often open, and the one that is most often shut, with the shares of values."""
    texts = ""
    for side, metric in (("open", OPEN_SHARE), ("shut", SHUT_SHARE)):
        shares = {gate: _last(study, cell, metric, gate) for gate in gates_of(curves_of(study, cell))}
        gate = max(shares, key=lambda name: shares[name])
        if shares[gate] > LEAST_SHARE:
            texts += f", most often {side} {gate} ({_course(study, cell, metric, gate, _percent)})"
    return texts


def _last(study: StudyData, cell: str, name: str, path: str) -> float:
    """Return a number of the trained cell, or of its start; 0 where it was measured at neither."""
    numbers = [gate_metric(study, cell, name, moment, path).middle for moment in MOMENTS]
    return next((number for number in reversed(numbers) if math.isfinite(number)), 0.0)


def _course(study: StudyData, cell: str, name: str, path: str, write: Callable[[Interval], str]) -> str:
    """Return a number at the start and trained, where it was measured: "21 (20-22) steps then 240 (146-368) steps"."""
    numbers = [gate_metric(study, cell, name, moment, path) for moment in MOMENTS]
    return " then ".join(write(number) for number in numbers if math.isfinite(number.middle))


def _percent(share: Interval) -> str:
    return f"{share.middle:.0%}"


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure, with all traces over time and cells without gates; none if no cell has any."""
    summary = gate_summary(study).assign(study=study.plan.study)
    return summary if gated_cells(study) else summary.iloc[:0]
