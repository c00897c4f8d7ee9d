"""How the span of each cell grows with the budget, and whether it still does at the end of it."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from lstm_bench.analysis.budgets import FRACTIONS, spans_by_budget
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.solving import GROWTH, growth_of_span, is_budget_limited, spans
from lstm_bench.analysis.wording import counted
from lstm_bench.report.figures.findings import by_cell, joined
from lstm_bench.report.figures.table_rows import rows_by_cell
from lstm_bench.report.panels import (
    cell_entries,
    draw_band,
    half_octaves,
    legend,
    log_ticks,
    new_figure,
    reference_line,
    ticks_at,
)
from lstm_bench.report.style import MUTED, colours, themed

QUESTION = "Would a larger budget reach further?"
METHOD = (
    "T50 within a part of the budget, from the steps that each member took to solve: one that solved later counts as "
    "one that did not. Bands, of up to six cells, are 95% intervals. A line begins where some member has solved; "
    "triangles mark budgets within which every member solves every lag, so that T50 lies above. The growth from half "
    "of the budget (dashed) to all of it is a ratio of two spans of the same members, so its 95% interval is a "
    "bootstrap of the members of each lag, each with both outcomes. A span is budget-limited where it grows by more "
    "than 10% and that interval lies above 1: it is then a lower bound of what the cell can learn. It has not grown "
    "where the interval ends below 1.1; a growth between two lags does not show."
)
LINE_ENDS = ("fitted", "above")
MOST_BANDS = 6  # most cells with bands: more would hide each other


@themed
def draw(study: StudyData) -> Figure:
    """Draw T50 against the budget, a line per cell with its 95% band, both axes logarithmic."""
    table, shades = spans_by_budget(study), colours(study.cells)
    figure = new_figure(3.6)
    axes = figure.subplots()
    for cell, rows in rows_by_cell(study, table).items():
        _draw_cell(axes, rows, shades[cell], has_band=len(shades) <= MOST_BANDS)
    _finish(axes, study, table)
    legend(figure, cell_entries(list(rows_by_cell(study, table)), shades))
    return figure


def _draw_cell(axes: Axes, rows: pd.DataFrame, shade: str, has_band: bool) -> None:
    known = rows.loc[rows["outcome"].isin(LINE_ENDS)]
    highs = known["t50_high"].where(np.isfinite(known["t50_high"]), known["t50"])
    ends = (known["t50_low"], highs) if has_band else None
    draw_band(axes, known["steps"], known["t50"], ends, shade, marker="o", markersize=2.5)
    open_ended = known.loc[known["outcome"] == "above"]
    axes.plot(open_ended["steps"], open_ended["t50"], "^", color=shade, markersize=6)


def _finish(axes: Axes, study: StudyData, table: pd.DataFrame) -> None:
    lags, longest = study.lags, table["steps"].max()
    axes.set_xscale("log")
    axes.set_yscale("log", base=2)
    axes.set(xlim=(table["steps"].min() / 1.05, longest * 1.05), ylim=(lags[0] / 1.15, lags[-1] * 1.15))
    axes.set(xlabel="budget (optimiser steps)", ylabel="T50 (lag, steps)")
    log_ticks(axes.xaxis, FixedLocator([share * longest for share in FRACTIONS]))
    ticks_at(axes.yaxis, half_octaves(lags), "{:,.0f}")
    reference_line(axes, x=longest / 2)
    axes.annotate(
        "half", (longest / 2, 1), xycoords=("data", "axes fraction"), xytext=(0, 2), textcoords="offset points",
        ha="center", va="bottom", fontsize="x-small", color=MUTED,
    )  # fmt: skip


def finding(study: StudyData) -> str:
    """Return how the span of each cell grows from half to all of the budget; "" where no lags were compared."""
    cells = list(dict.fromkeys(spans_by_budget(study)["cell"]))
    texts = by_cell({cell: _growth(study, cell) for cell in cells}, lambda cell: -_rank(study, cell))
    limited = [cell for cell in cells if is_budget_limited(study, cell)]
    share = f"{len(limited)} of {counted(len(cells), 'cell')}"
    bounds = f"A span that still grows is a lower bound ({share})." if limited else ""
    return joined(f"From half to all of the budget the span of {'; '.join(texts)}.", bounds) if cells else ""


def _growth(study: StudyData, cell: str) -> str:
    ratio, span = growth_of_span(study, cell), spans(study)[cell]
    if ratio.bound == "?":
        unknown = {"above": "is above all lags at both", "below": "is below all lags at both"}
        return unknown.get(span.outcome, "is not known from one lag")
    if is_budget_limited(study, cell):
        return f"still grows, {ratio.text}"
    return f"{'has not grown' if ratio.high <= GROWTH else 'is not shown to grow'}, {ratio.text}"


def _rank(study: StudyData, cell: str) -> float:
    return float(np.nan_to_num(growth_of_span(study, cell).median))


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure, for each task of a study."""
    return pd.concat([spans_by_budget(one_task) for one_task in study.by_task()], ignore_index=True)
