"""The most and the average that gradients keep on their way back: norms of the whole Jacobian."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import BOUNDS, FROBENIUS, SPECTRAL, WHEN, bound_summary, longest_lag_with_bounds
from lstm_bench.analysis.statistics import Interval
from lstm_bench.analysis.wording import counted
from lstm_bench.metrics import INITIAL
from lstm_bench.report.figures.findings import by_cell, joined, not_measured
from lstm_bench.report.figures.gradient_panels import draw_flow, members_in, norm_axis, steps_back_axis
from lstm_bench.report.figures.gradient_words import kept_words
from lstm_bench.report.figures.moments import last_moment, moments_in
from lstm_bench.report.figures.table_rows import absent_cells, rows_by_cell, rows_where
from lstm_bench.report.panels import DASHED, legend, legend_entry, name_axes, reference_line, small_panels
from lstm_bench.report.style import MUTED, colours, themed

QUESTION = "What is the most that any gradient keeps?"
METHOD = (
    "Geometric means over members with 95% intervals (Student's t on the logarithm), at the longest lag that was "
    "measured for all cells; the dashed line is at 1, where a gradient is kept whole."
)
BEST, ANY = BOUNDS[SPECTRAL], BOUNDS[FROBENIUS]
STYLES: dict[str, Any] = {BEST: "solid", ANY: DASHED}
LABELS = {BEST: "best direction (spectral norm)", ANY: "any direction, root mean square (Frobenius norm)"}


@themed
def draw(study: StudyData) -> Figure:
    """Draw both norms of J_k against k: a panel per cell, grey at initialisation where the end was measured."""
    bounds, shades = _shown(study), colours(study.cells)
    cells, whens = list(dict.fromkeys(bounds["cell"])), moments_in(bounds)
    figure, places = small_panels(len(cells), row_height=1.7)
    for axes, cell in zip(places, cells, strict=True):
        for moment in whens:
            rows = rows_where(bounds, cell=cell, moment=moment)
            _draw_moment(axes, rows, MUTED if moment == INITIAL and len(whens) > 1 else shades[cell])
        reference_line(axes, y=1.0)
        axes.set_title(cell, fontsize="medium")
    norm_axis(places[0], bounds["middle"])
    steps_back_axis(places[0], bounds["steps_back"].max())
    name_axes(figure, x=f"steps back k ({members_in(bounds)})", y="gradient kept")
    lines = [legend_entry(label, linestyle=STYLES[name]) for name, label in LABELS.items()]
    legend(figure, [*lines, *([Patch(color=MUTED, alpha=0.6, label=WHEN[INITIAL])] if len(whens) > 1 else [])])
    return figure


def _shown(study: StudyData) -> pd.DataFrame:
    bounds = bound_summary(study)
    return rows_where(bounds, lag=longest_lag_with_bounds(study))


def _draw_moment(axes: Axes, bounds: pd.DataFrame, shade: str) -> None:
    for quantity, style in STYLES.items():
        rows = rows_where(bounds, quantity=quantity)
        draw_flow(axes, rows, shade, with_band=quantity == BEST, linestyle=style, marker="o", markersize=2.2)


def finding(study: StudyData) -> str:
    """Return what the best and a random direction keep over the most steps back."""
    bounds = _shown(study)
    if bounds.empty:
        return "No Jacobian was measured."
    longest = bounds["steps_back"].max()
    last = last_moment(rows_where(bounds, steps_back=longest))
    best = rows_where(last, quantity=BEST).groupby("cell", observed=True)["middle"].first().to_dict()
    texts = {cell: _kept(of_cell) for cell, of_cell in rows_by_cell(study, last).items()}
    when, named = WHEN[str(last["moment"].iloc[0])], "; ".join(by_cell(texts, lambda cell: -best.get(cell, 0.0)))
    return joined(
        f"Gradient kept over {counted(int(longest), 'step')} back {when}, in the best and in any direction: {named}.",
        not_measured(absent_cells(study, bounds)),
    )


def _kept(of_cell: pd.DataFrame) -> str:
    kept = of_cell.set_index("quantity")[["middle", "low", "high"]]
    return " and ".join(kept_words(Interval(*kept.loc[name])) for name in LABELS if name in kept.index)


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return bound_summary(study).assign(study=study.plan.study)
