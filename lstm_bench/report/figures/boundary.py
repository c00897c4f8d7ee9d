"""The sentence boundary: what is carried over it, and what is right after it."""

import math

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.forgetting import boundary_summary
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gates import BOUNDARY_DIFFERENCE, gate_metric
from lstm_bench.analysis.gradients import WHEN
from lstm_bench.analysis.wording import listed, significant, span_of
from lstm_bench.report.figures.same_word import add_legends, at_the_longest_lag, draw_lines, in_order, ranged
from lstm_bench.report.style import MUTED, colours, log_axis, new_figure, themed

QUESTION = "Does a sentence boundary reset the state?"
CARRY, ACCURACY = "carry-over", "accuracy"


@themed
def draw(study: StudyData) -> Figure:
    """Draw carry-over and accuracy against steps since the boundary at the longest lag; start dashed."""
    shades, summary = colours(study.cells), _shown(study)
    figure = new_figure(3.3)
    left, right = figure.subplots(1, 2)
    for axes, quantity in ((left, CARRY), (right, ACCURACY)):
        own = summary.loc[summary["quantity"] == quantity]
        draw_lines(axes, own, shades, marker=".")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    log_axis(left)
    left.axhline(1.0, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    left.set(xlabel="steps after the boundary", ylabel="state carried over,\nas a share of that at another word")
    right.set(xlabel="steps after the boundary", ylabel="share of right answers", ylim=(-0.02, 1.02))
    add_legends(figure, study.cells, shades)
    return figure


def _shown(study: StudyData) -> pd.DataFrame:
    return at_the_longest_lag(boundary_summary(study))


def caption(study: StudyData) -> str:
    """Return the finding: carry-over, accuracy at the first step after, and the gate's difference; "" of nothing."""
    summary = _shown(study)
    if summary.empty:
        return ""
    told = "; ".join(_told(study, str(cell), part) for cell, part in summary.groupby("cell", observed=True, sort=False))
    return (
        f"At lag {span_of(summary['lag'])}: {told}. Carried over is the norm of ds(b + k)/ds(b - 1) with a boundary at "
        "b, over that with an ordinary word there and all else the same: below 1 the boundary lets go. Geometric means "
        "with Student's t, and interquartile means with bootstrap intervals for accuracy, over "
        f"{span_of(summary['n'])} members."
    )


def _told(study: StudyData, cell: str, rows: pd.DataFrame) -> str:
    parts = [_moment(study, cell, moment, own) for moment, own in in_order(rows)]
    return f"{cell} {listed(parts)}"


def _moment(study: StudyData, cell: str, moment: str, rows: pd.DataFrame) -> str:
    said = []
    for quantity, words in (
        (CARRY, "carries {} over the boundary"),
        (ACCURACY, "is right in {} of the steps after it"),
    ):
        first = rows.loc[rows["quantity"] == quantity].sort_values("at").head(1)
        if len(first):
            said.append(words.format(ranged(first.iloc[0])))
    return f"{WHEN[moment]} " + listed(said) + _gate(study, cell, moment)


def _gate(study: StudyData, cell: str, moment: str) -> str:
    """Return by how much the keeping gate differs at a boundary, where there is one."""
    number = gate_metric(study, cell, BOUNDARY_DIFFERENCE, moment)
    return "" if math.isnan(number.middle) else f" (its gate differs there by {significant(number.middle, 2)})"


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    return f"Carry-over and accuracy after a boundary on {study.task}: {listed(study.cells)}."


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure, of all lags."""
    return boundary_summary(study).assign(study=study.plan.study)
