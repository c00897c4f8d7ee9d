"""How open the gates of a cell are and what time scales they make, at its start and trained."""

import itertools
import math
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
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
from lstm_bench.report.style import INK, MUTED, colours, name_row, new_figure, say_in, themed

QUESTION = "How open are the gates, and how long do they keep?"
BINS = 24
NARROW = 60  # times from end to end: less has few powers of ten in it
NAMED = 4  # cells of which a caption tells every gate


@themed
def draw(study: StudyData) -> Figure:
    """Draw a row a cell: time constants of its units, then the values of each gate; start as a line, trained filled."""
    shades, cells = colours(study.cells), gated_cells(study)
    curves = {cell: curves_of(study, cell) for cell in cells}
    n_gates = max(len(gates_of(own)) for own in curves.values())
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
    _label(figure, grid, study)
    return figure


def _edges(curves: Iterable[pd.DataFrame]) -> NDArray[np.float64]:
    every = np.concatenate([time_constants(own, moment) for own in curves for moment in MOMENTS])
    known = every[np.isfinite(every) & (every > 0)]
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
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if is_narrow else (1,), numticks=3))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda steps, _: f"{steps:,g}"))
    if lag is not None:
        axes.axvline(lag, color=MUTED, linewidth=0.9, linestyle=(0, (1, 1.5)))
    for moment in MOMENTS:
        values = time_constants(curves, moment)
        inside = np.clip(values, edges[0], edges[-1])  # what keeps for ever stands in the last bin
        if len(inside):
            _steps(axes, np.histogram(inside, edges)[0] / len(inside), edges, moment, shade)
    if not axes.patches:
        say_in(axes, "no gate decides\nwhat is kept")


def _draw_gate(axes: Axes, curves: pd.DataFrame, name: str, shade: str) -> None:
    own = curves.loc[curves["quantity"] == f"{name}{SHARES}"]
    for moment in MOMENTS:
        shares = own.loc[own["moment"] == moment].groupby("at")["value"].mean()
        if len(shares):
            _steps(axes, shares.to_numpy(), np.linspace(0, 1, len(shares) + 1), moment, shade)
    axes.set(xlim=(0, 1), xticks=(0, 0.5, 1), xticklabels=("0", "0.5", "1"))
    axes.set_title(f"gate {name}", fontsize="small")


def _steps(axes: Axes, shares: NDArray[np.float64], edges: NDArray[np.float64], moment: str, shade: str) -> None:
    if moment == INITIAL:
        axes.stairs(shares, edges, color=MUTED, linewidth=1.2, zorder=3)
    else:
        axes.stairs(shares, edges, color=shade, fill=True, alpha=0.75)


def _label(figure: Figure, grid: NDArray[np.object_], study: StudyData) -> None:
    grid[0][0].set_title("time constant of a unit", fontsize="small")
    grid[-1][0].set_xlabel("steps")
    for axes in grid[-1][1:]:
        axes.set_xlabel("value of the gate")
    for axes in grid.ravel().tolist():
        axes.set_ylim(0, None)
        axes.yaxis.set_major_locator(MaxNLocator(2))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}%"))
    figure.supylabel("share", fontsize="medium", color=INK)
    start = Line2D([], [], color=MUTED, linewidth=1.2, label=WHEN[INITIAL])
    trained = Line2D([], [], color=MUTED, linewidth=6, alpha=0.75, label=WHEN[FINAL])
    lag = Line2D([], [], color=MUTED, linewidth=0.9, linestyle=(0, (1, 1.5)), label="the lag")
    handles = [start, trained, lag] if was_trained(study) else [start, lag]
    figure.legend(handles=handles, loc="outside upper left", ncols=3, handlelength=1.6)


def caption(study: StudyData) -> str:
    """Return the finding: time constants and saturation of each gated cell, at its start and trained."""
    cells = gated_cells(study)
    if not cells:
        return (
            f"No gates in {listed(study.cells)}." if len(gate_curves(study)) else "State and gates were not measured."
        )
    without = [cell for cell in study.cells if cell not in cells]
    told = "; ".join(_told(study, cell, with_gates=len(cells) <= NAMED) for cell in cells)
    lacking = f" {listed(without)}: no gates." if without else ""
    return (
        f"{told}.{lacking} A time constant is -1/ln of the mean, unit by unit, of the gate that keeps the state; open "
        "is above 0.95, shut below 0.05. Numbers are interquartile means over members with 95% bootstrap intervals, at "
        "the longest lag that most members of the cell solved, or else its shortest."
    )


def _told(study: StudyData, cell: str, with_gates: bool) -> str:
    scales = _course(
        study, cell, TIME_CONSTANT_OF_UNITS, "median", lambda number: with_range(*number, digits=2) + " steps"
    )
    parts = [f"a median time constant of {scales}" if scales else "no gate decides what is kept"]
    names = gates_of(curves_of(study, cell)) if with_gates else []
    for name, (what, share) in itertools.product(names, (("open", OPEN_SHARE), ("shut", SHUT_SHARE))):
        parts.append(f"{name} {what} {_course(study, cell, share, name, _percent)}")
    return f"{cell} (lag {gate_lag(study, cell)}): {', '.join(parts)}"


def _course(study: StudyData, cell: str, name: str, path: str, say: Callable[[Interval], str]) -> str:
    """Return a number at the start and trained, where it was measured: "21 (20-22) steps, then 240 (146-368) steps"."""
    numbers = [gate_metric(study, cell, name, moment, path) for moment in MOMENTS]
    return " then ".join(say(number) for number in numbers if math.isfinite(number.middle))


def _percent(share: Interval) -> str:
    return f"{share.middle:.0%}"


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    cells = listed(gated_cells(study))
    return f"Time constants and values of the gates of {cells} on {study.task}, {_when(study)}."


def _when(study: StudyData) -> str:
    return listed([WHEN[moment] for moment in WHEN if moment == INITIAL or was_trained(study)])


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure, with every trace over time, of cells without gates too; none without gates."""
    summary = gate_summary(study).assign(study=study.plan.study)
    return summary if gated_cells(study) else summary.iloc[:0]
