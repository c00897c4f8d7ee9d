"""How each member learns, lag by lag."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.learning import learning_curves, median_curve, solved_share
from lstm_bench.analysis.published_points import published_shares
from lstm_bench.analysis.solving import (
    ATTEMPTS,
    longest_mostly_solved,
    members_a_lag,
    members_at,
    steps_to_solve,
    was_trained,
)
from lstm_bench.analysis.wording import NOTHING_TRAINED, listed, significant, span_of, with_range
from lstm_bench.report.figures.findings import by_cell, joined
from lstm_bench.report.figures.table_rows import rows_where
from lstm_bench.report.panels import (
    cell_entries,
    count_ticks,
    legend,
    name_axes,
    note_absent,
    note_in,
    reference_line,
    small_panels,
)
from lstm_bench.report.published_marks import Mark, mark_published, published_entries
from lstm_bench.report.style import colours, themed

QUESTION = "How do the cells learn?"
METHOD = (
    "Thin lines are members, thick ones medians over members; a member that ended early keeps its last value. Hollow "
    "points at the right edge are published."
)
HIGHEST_LOSS = 1.45  # top of the axis: a member that diverges would flatten the other curves
MANY_POINTS = 20_000
RIGHT_EDGE = 1.0  # of a panel's width: published numbers have no step


@themed
def draw(study: StudyData) -> Figure:
    """Draw a panel per lag: a thin line per member, a thick one for the median of each cell."""
    curves, shades, points = learning_curves(study), colours(study.cells), published_shares(study)
    figure, places = small_panels(len(study.lags), row_height=1.8)
    for axes, lag in zip(places, study.lags, strict=True):
        at_lag = rows_where(curves, lag=lag)
        for name, loss in {"memoryless baseline": 1.0, "solved": solved_share(study)}.items():
            reference_line(axes, y=loss, name=name if axes is places[0] else "", side="right")
        for cell in study.cells:
            _draw_cell(axes, rows_where(at_lag, cell=cell), shades[cell], is_heavy=len(curves) > MANY_POINTS)
        axes.set_title(f"lag {lag}", fontsize="medium")
        if at_lag.empty:
            note_in(axes, "not run")
        else:
            absent = [cell for cell in study.cells_at(lag) if not (at_lag["cell"] == cell).any()]
            note_absent(axes, "no curve", absent)
    highest = curves["value"].where(curves["value"] < math.inf).max() if len(curves) else 1.1
    places[0].set(ylim=(0, min(HIGHEST_LOSS, max(1.15, 1.05 * highest))), xlim=(0, None))
    for axes, lag in zip(places, study.lags, strict=True):
        marks = [Mark(RIGHT_EDGE, point) for point in points if point.lag == lag]
        mark_published(axes, marks, shades, transform=axes.get_yaxis_transform())
    count_ticks(places[0].xaxis, 3)
    criterion = study.plan.jobs[0].criterion.replace("_ce", " cross-entropy").replace("_", " ")
    steps = f"optimiser steps (n = {span_of(members_a_lag(study))} members a cell and lag)"
    name_axes(figure, x=steps, y="normalised loss" + ("" if criterion == "loss" else f"\n({criterion})"))
    legend(figure, [*cell_entries(study.cells, shades), *published_entries(points)])
    return figure


def _draw_cell(axes: Axes, curves: pd.DataFrame, shade: str, is_heavy: bool) -> None:
    if curves.empty:
        return
    known = curves.dropna(subset="value").sort_values(["seed", "step"])
    members = np.split(known[["step", "value"]].to_numpy(float), np.flatnonzero(known["seed"].diff()[1:]) + 1)
    thin = LineCollection(members, colors=shade, linewidths=0.7, alpha=0.55, rasterized=is_heavy)
    axes.add_collection(thin, autolim=False)  # the median has all of their steps, and y is scaled by hand
    axes.plot(median_curve(curves), color=shade, linewidth=2)


def finding(study: StudyData) -> str:
    """Return how soon each cell solves its longest lag, and its loss at the longest lag of all."""
    if not was_trained(study):
        return NOTHING_TRAINED
    if learning_curves(study).empty:
        return "No member has a learning curve yet."
    return joined(_solving(study), _standing(study))


def _solving(study: StudyData) -> str:
    """Return the longest lag that most members of each cell solve, and in how many steps."""
    solved = {cell: longest_mostly_solved(study, cell) for cell in study.cells if _has_ended(study, cell)}
    texts = {cell: _steps(study, cell, lag) for cell, lag in solved.items()}
    named = "; ".join(by_cell(texts, lambda cell: -(solved[cell] or 0)))
    return f"The longest lag that most members solve: {named}." if texts else ""


def _has_ended(study: StudyData, cell: str) -> bool:
    return bool(study.members.loc[study.members["cell"] == cell, "status"].isin(ATTEMPTS).any())


def _steps(study: StudyData, cell: str, lag: int | None) -> str:
    if lag is None:
        return "none"
    steps = steps_to_solve(study, cell, lag)
    statuses = members_at(study, cell, lag)["status"]
    solved, attempts = (statuses == "solved").sum(), statuses.isin(ATTEMPTS).sum()
    interval = with_range(steps.middle, steps.low, steps.high, digits=0)
    return f"{lag} ({solved} of {attempts} members) in a median of {interval} steps"


def _standing(study: StudyData) -> str:
    """Return the normalised loss at which the median member of each cell ends at the longest lag."""
    curves, lag = learning_curves(study), study.lags[-1]
    curves_of = {cell: rows_where(curves, cell=cell, lag=lag) for cell in study.cells_at(lag)}
    ends = {cell: float(median_curve(rows).iloc[-1]) for cell, rows in curves_of.items() if len(rows)}
    absent = [cell for cell in curves_of if cell not in ends]
    losses = {cell: significant(end, 2) for cell, end in ends.items()}
    texts = by_cell(losses, lambda cell: ends[cell], "{text} ({cell})")
    return joined(
        f"At lag {lag} the median member ends at a normalised loss of {listed(texts)}." if texts else "",
        f"At lag {lag} {listed(absent)} did not run." if absent else "",
    )


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure; none for a study that was not trained."""
    curves = learning_curves(study)
    return curves if was_trained(study) else curves.iloc[:0]
