"""How each member learns, lag by lag."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

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
from lstm_bench.report.published_marks import Mark, hollow_note, mark_published
from lstm_bench.report.style import INK, MUTED, cell_legend, colours, say_absent, say_in, small_panels, themed

QUESTION = "How does it learn?"
HIGHEST_SHARE = 1.45  # what lies above is off the scale: a member that diverges would flatten the rest
MANY_POINTS = 20_000
RIGHT_EDGE = 1.0  # of a panel's width: published numbers have no step


@themed
def draw(study: StudyData) -> Figure:
    """Draw a panel a lag: a thin line a member, a thick one for the median of each cell."""
    curves, shades = learning_curves(study), colours(study.cells)
    lags = study.lags
    figure, places = small_panels(len(lags), row_height=1.8)
    for axes, lag in zip(places, lags, strict=True):
        at_lag = curves.loc[curves["lag"] == lag]
        _draw_references(axes, study, is_labelled=axes is places[0])
        for cell in study.cells:
            _draw_cell(axes, at_lag.loc[at_lag["cell"] == cell], shades[cell], is_heavy=len(curves) > MANY_POINTS)
        axes.set_title(f"lag {lag}", fontsize="medium")
        absent = [cell for cell in study.cells_at(lag) if not (at_lag["cell"] == cell).any()]
        if at_lag.empty:
            say_in(axes, "not run")
        elif absent:
            say_absent(axes, "no curve", absent)
    highest = curves["value"].where(curves["value"] < float("inf")).max() if len(curves) else 1.1
    places[0].set(ylim=(0, min(HIGHEST_SHARE, max(1.15, 1.05 * highest))), xlim=(0, None))
    points = published_shares(study)
    for axes, lag in zip(places, lags, strict=True):
        marks = [Mark(RIGHT_EDGE, point) for point in points if point.lag == lag]
        mark_published(axes, marks, shades, transform=axes.get_yaxis_transform())
    places[0].xaxis.set_major_locator(MaxNLocator(3, integer=True))
    places[0].xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    figure.supxlabel(
        f"optimiser steps (n = {span_of(members_a_lag(study))} members a cell and lag)", fontsize="medium", color=INK
    )
    criterion = study.plan.jobs[0].criterion.replace("_ce", " cross-entropy").replace("_", " ")
    figure.supylabel(f"{criterion}, share of baseline", fontsize="medium", color=INK)
    cell_legend(figure, study.cells, shades)
    return figure


def _draw_references(axes: Axes, study: StudyData, is_labelled: bool) -> None:
    references = {"memoryless baseline": 1.0, "solved": solved_share(study)}
    for label, share in references.items():
        axes.axhline(share, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        if is_labelled:
            axes.annotate(
                label, (0.98, share), xycoords=("axes fraction", "data"), xytext=(0, 2), textcoords="offset points",
                ha="right", va="bottom", fontsize="x-small", color=MUTED,
            )  # fmt: skip


def _draw_cell(axes: Axes, curves: pd.DataFrame, shade: str, is_heavy: bool) -> None:
    if curves.empty:
        return
    known = curves.dropna(subset="value").sort_values(["seed", "step"])
    members = np.split(known[["step", "value"]].to_numpy(float), np.flatnonzero(known["seed"].diff()[1:]) + 1)
    thin = LineCollection(members, colors=shade, linewidths=0.7, alpha=0.55, rasterized=is_heavy)
    axes.add_collection(thin, autolim=False)  # the median has all of their steps, and y is scaled by hand
    axes.plot(median_curve(curves), color=shade, linewidth=2)


def caption(study: StudyData) -> str:
    """Return the finding: how soon each cell solves its longest lag, and where it stands at the longest of all."""
    if not was_trained(study):
        return NOTHING_TRAINED
    if learning_curves(study).empty:
        return "No member has a learning curve yet."
    told = [*(_solving(study, cell) for cell in study.cells), _standing(study)]
    how = "Thin lines are members, thick ones medians over members; one that ended early keeps its last value."
    points = published_shares(study)
    told += [how, hollow_note(points, "Hollow, at the right edge")]
    return " ".join(filter(None, told))


def _solving(study: StudyData, cell: str) -> str:
    lag = longest_mostly_solved(study, cell)
    if lag is None and not study.members.loc[study.members["cell"] == cell, "status"].isin(ATTEMPTS).any():
        return ""
    if lag is None:
        return f"{cell} solves no lag with most of its members."
    steps = steps_to_solve(study, cell, lag)
    members = members_at(study, cell, lag)
    solved, attempts = (members["status"] == "solved").sum(), members["status"].isin(ATTEMPTS).sum()
    interval = with_range(steps.middle, steps.low, steps.high, digits=0)
    return f"{cell} solves lag {lag} ({solved} of {attempts} members) in a median of {interval} steps."


def _standing(study: StudyData) -> str:
    curves, lag = learning_curves(study), study.lags[-1]
    by_cell = {cell: curves.loc[(curves["cell"] == cell) & (curves["lag"] == lag)] for cell in study.cells_at(lag)}
    ends = [f"{significant(_end(own), 2)} ({cell})" for cell, own in by_cell.items() if len(own)]
    absent = [cell for cell, own in by_cell.items() if own.empty]
    told = f"At lag {lag} the median member ends at {listed(ends)} of the baseline." if ends else ""
    return " ".join(filter(None, (told, f"At lag {lag} {listed(absent)} did not run." if absent else "")))


def _end(curves: pd.DataFrame) -> float:
    return float(median_curve(curves).iloc[-1])


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    return (
        f"Learning curves on {study.task}, a panel for each lag from {study.lags[0]} to {study.lags[-1]}. "
        + _standing(study)
    )


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure; none of a study that was not trained."""
    curves = learning_curves(study)
    return curves if was_trained(study) else curves.iloc[:0]
