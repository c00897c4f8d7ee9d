"""The lags that the searches for spans tried, in order, and how the interval of each span narrowed."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.span_trials import searches, trials
from lstm_bench.analysis.wording import counted, with_range
from lstm_bench.report.figures.findings import by_cell, joined
from lstm_bench.report.figures.table_rows import rows_by_cell
from lstm_bench.report.panels import count_ticks, draw_band, legend, legend_entry, name_axes, small_panels, ticks_at
from lstm_bench.report.style import MUTED, colours, themed

QUESTION = "How was each span found?"
METHOD = (
    "No lags were given. Members are trained in packs of two, each at the lag that is expected to be most informative "
    "about T50 for its cost, given all packs that have ended: an octave up while half or more solve, then quarter "
    "octaves. "
    "A mark is a pack: full where all its members solved, empty where none did. The band is the 95% interval of T50 "
    "when the pack began, under the model of the solve-rate figure and a prior over every lag that may be tried; the "
    "comparison's interval is for the lags that were tried. Learning rates are tuned at whole octaves, upwards to the "
    "first where no tuning member leaves the baseline; a lag between two tuned octaves takes the rate that is best by "
    "the tuning members of both, any other that of the nearest tuned octave."
)
ENDS = {
    "precision": "as precise as asked for",
    "members": "limited by its members",
    "core_hours": "limited by its core-hours",
    "max_lag": "beyond the longest lag that might be tried",
    "smallest lag": "below the task's shortest lag",
    "": "not ended",
}
FILLS = {0.0: "none", 1.0: "full"}


@themed
def draw(study: StudyData) -> Figure:
    """Draw a panel per cell: the lag of each pack in order, on a log2 axis, over the 95% interval of T50."""
    table, shades = trials(study), colours(study.cells)
    of_cells = rows_by_cell(study, table)
    figure, places = small_panels(len(of_cells), row_height=2.2)
    for axes, (cell, rows) in zip(places, of_cells.items(), strict=True):
        _draw_cell(axes, rows, shades[cell])
        axes.set_title(cell, fontsize="medium")
    tried = sorted({int(lag) for lag in table["lag"].dropna()})
    octaves = [2.0**octave for octave in range(tried[0].bit_length() - 1, tried[-1].bit_length() + 1)]
    places[0].set_yscale("log", base=2)
    places[0].set_ylim(tried[0] / 1.5, tried[-1] * 1.5)
    ticks_at(places[0].yaxis, octaves, "{:,.0f}")
    count_ticks(places[0].xaxis, 6)
    name_axes(figure, x="pack, in order", y="lag (steps)")
    marks = [
        legend_entry(label, color=MUTED, linestyle="none", marker="o", fillstyle=fill)
        for label, fill in (("both solve", "full"), ("one of two", "left"), ("none solves", "none"))
    ]
    legend(figure, marks)
    return figure


def _draw_cell(axes: Axes, rows: pd.DataFrame, shade: str) -> None:
    draw_band(axes, rows["pack"] + 1, rows["t50"], (rows["t50_low"], rows["t50_high"]), shade, linewidth=1.0)
    for row in rows.dropna(subset=["lag"]).to_dict("records"):
        share = row["solved"] / row["attempts"] if row["attempts"] else 0.0
        fill = FILLS.get(share, "left")
        axes.plot(row["pack"] + 1, row["lag"], marker="o", markersize=5, color=shade, fillstyle=fill, linestyle="none")


def finding(study: StudyData) -> str:
    """Return the span that each search found, its members and why it ended; "" where all lags were given."""
    table = searches(study)
    if table.empty:
        return ""
    rows = {str(row["cell"]): row for row in table.to_dict("records")}
    texts = by_cell({cell: _result(row) for cell, row in rows.items()}, lambda cell: -rows[cell]["t50"])
    limited = [cell for cell, row in rows.items() if row["ended"] in ("members", "core_hours")]
    total = f"Training them took {table['core_s'].sum():,.0f} core-seconds, tuning included."
    share = f"{len(limited)} of {counted(len(rows), 'interval')}"
    return joined(f"T50 {'; '.join(texts)}.", f"Wider than asked for: {share}." if limited else "", total)


def _result(row: Mapping[Any, Any]) -> str:
    low, median, high = (float(row[name]) for name in ("t50_low", "t50", "t50_high"))
    members = counted(int(row["members"]), "member")
    return f"{with_range(median, low, high)} from {members}, {ENDS[str(row['ended'])]}"


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure, for each task of a study."""
    return trials(study)
