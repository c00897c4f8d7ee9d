"""The cost of solving against the lag, in optimiser steps and in FLOPs, with a fitted power law."""

import math
from typing import get_args

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.power_law import PowerLaw
from lstm_bench.analysis.solving_cost import Cost, cost_law, costs_to_solve, tried_lags
from lstm_bench.analysis.statistics import Interval
from lstm_bench.analysis.wording import listed, with_range
from lstm_bench.report.figures.findings import by_cell, joined
from lstm_bench.report.figures.table_rows import rows_by_cell, rows_where
from lstm_bench.report.panels import (
    cell_entries,
    dodge,
    lag_axis,
    legend,
    legend_entry,
    log_axis,
    log_ticks,
    new_figure,
    power_ticks,
)
from lstm_bench.report.style import colours, themed

QUESTION = "How does the cost of solving grow with the lag?"
METHOD = (
    "Small dots are members, large ones their Kaplan-Meier median; hollow triangles mark the budget at lags that "
    "half of the members did not solve within it. FLOPs are steps times the operations of a training step, by "
    "formula. Lines are a power law, cost ~ lag^a, drawn as far as some member solved: ln cost is normal around b + a "
    "ln lag, by maximum likelihood. Members that did not solve count as slower than the budget, and a time is known "
    "to the distance between two evaluations. The 95% interval of a is that of the profile likelihood. The law "
    "describes the cost over these lags, not beyond them. For a cell whose members fail rather than slow down it is a "
    "poor description, since it lets each of them solve in the end, and its exponent is large and uncertain."
)
DODGE, MOST_DODGE = 0.07, 0.4  # octaves between cells, and at the most between the first and the last
NAMES: dict[Cost, str] = {"steps": "optimiser steps", "flops": "FLOPs"}


@themed
def draw(study: StudyData) -> Figure:
    """Draw a panel of steps and one of FLOPs to solve against the lag, all axes logarithmic."""
    table, shades = costs_to_solve(study), colours(study.cells)
    figure = new_figure(3.7)
    octaves = min(DODGE, MOST_DODGE / len(study.cells))
    shifts = {cell: dodge(place, len(study.cells), octaves) for place, cell in enumerate(study.cells)}
    for axes, cost in zip(figure.subplots(1, 2), get_args(Cost), strict=True):
        of_cost = rows_where(table, cost=cost)
        for cell, rows in rows_by_cell(study, of_cost).items():
            _draw_costs(axes, study, rows, shifts[cell], shades[cell])
            _draw_law(axes, cost_law(study, cell, cost), rows, shades[cell])
        lag_axis(axes, study.lags)
        _cost_axis(axes, of_cost, cost)
    legend(figure, [*cell_entries(list(rows_by_cell(study, table)), shades), *_marks()])
    return figure


def _cost_axis(axes: Axes, rows: pd.DataFrame, cost: Cost) -> None:
    """Make y a log axis from what members spent up to their budgets; a law may leave this range."""
    log_axis(axes)
    least = rows["median"].where(np.isfinite(rows["median"]), rows["budget"]).min()
    axes.set_ylim(0.6 * least, 1.6 * rows["budget"].max())
    log_ticks(axes.yaxis, LogLocator(subs=(1, 2, 5)))
    if cost == "flops":
        power_ticks(axes.yaxis)
    axes.set(xlabel="lag (steps)", ylabel=f"{NAMES[cost]} to solve")


def _marks() -> list[Line2D]:
    return [
        legend_entry("member", marker="o", markersize=3, alpha=0.45, linestyle="none"),
        legend_entry("median", marker="o", markersize=6, linestyle="none"),
        legend_entry("half unsolved at the budget", marker="^", markerfacecolor="none", linestyle="none"),
    ]


def _draw_costs(axes: Axes, study: StudyData, rows: pd.DataFrame, shift: float, shade: str) -> None:
    cell, cost = rows["cell"].iloc[0], rows["cost"].iloc[0]
    spent = [(tried.lag * shift, by) for tried in tried_lags(study, cell, cost) for _, by in tried.solved]
    axes.plot(*np.array(spent).reshape(-1, 2).T, "o", color=shade, markersize=3, alpha=0.45, markeredgewidth=0)
    is_known = np.isfinite(rows["median"])
    known, beyond = rows.loc[is_known], rows.loc[~is_known]
    axes.plot(known["lag"] * shift, known["median"], "o", color=shade, markersize=6)
    axes.plot(beyond["lag"] * shift, beyond["budget"], "^", color=shade, markerfacecolor="none", markersize=5)


def _draw_law(axes: Axes, law: PowerLaw, rows: pd.DataFrame, shade: str) -> None:
    if not math.isfinite(law.exponent.middle):
        return
    solved = rows.loc[rows["solved"] > 0, "lag"]
    lags = np.geomspace(solved.min(), solved.max(), 2)
    axes.plot(lags, [law.median(lag) for lag in lags], color=shade, linewidth=1.6, alpha=0.85, zorder=1.5)


def finding(study: StudyData) -> str:
    """Return the exponent of each cell's steps and FLOPs; "" where no lags were compared."""
    table = costs_to_solve(study)
    if table.empty:
        return ""
    cells = list(dict.fromkeys(table["cell"]))
    fitted = [cell for cell in cells if math.isfinite(cost_law(study, cell, "steps").exponent.middle)]
    others = [cell for cell in cells if cell not in fitted]
    return joined(
        f"Steps to solve grow as the lag to the power of {_exponents(study, fitted, 'steps')}, FLOPs to that of "
        f"{_exponents(study, fitted, 'flops')}; 95% intervals."
        if fitted
        else "",
        f"No exponent of {listed(others)}: too few members solved at two lags or more." if others else "",
    )


def _exponents(study: StudyData, cells: list[str], cost: Cost) -> str:
    exponents = {cell: cost_law(study, cell, cost).exponent for cell in cells}
    texts = {cell: _exponent(exponent) for cell, exponent in exponents.items()}
    return listed(by_cell(texts, lambda cell: exponents[cell].middle, "{text} ({cell})"))


def _exponent(exponent: Interval) -> str:
    """Return an exponent as text, rounded to a thousandth, since a fit of equal costs gives about 1e-16, not 0."""
    middle, low, high = (round(end, 3) + 0.0 for end in exponent)  # not -0
    return with_range(middle, low, high, digits=2)


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure, for each task of a study."""
    return pd.concat([costs_to_solve(one_task) for one_task in study.by_task()], ignore_index=True)
