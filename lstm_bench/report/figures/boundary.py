"""The sentence boundary: what is carried over it, and what is right after it."""

import math

import pandas as pd
from matplotlib.figure import Figure

from lstm_bench.analysis.forgetting import boundary_summary
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gates import BOUNDARY_DIFFERENCE, gate_metric
from lstm_bench.analysis.gradients import WHEN
from lstm_bench.analysis.wording import listed, significant, span_of
from lstm_bench.report.figures.findings import by_cell
from lstm_bench.report.figures.moments import last_moment
from lstm_bench.report.figures.table_rows import rows_by_cell, rows_where
from lstm_bench.report.figures.word_panels import at_longest_lag, draw_pair, with_interval
from lstm_bench.report.panels import log_axis, reference_line
from lstm_bench.report.style import themed

QUESTION = "Does a sentence boundary reset the state?"
METHOD = (
    "Carried over is the norm of ds(b + k)/ds(b - 1) with a boundary at b, over that with an ordinary word there and "
    "all else the same: below 1, the dashed line, the boundary lets go. Geometric means over members with Student's "
    "t intervals on the logarithm, and interquartile means with bootstrap intervals for accuracy, at the longest "
    "lag."
)
CARRY, ACCURACY = "carry-over", "accuracy"
LABELS = {CARRY: "state carried over,\nas a share of that at another word", ACCURACY: "share of right answers"}
WORDS = {CARRY: "carries {} over the boundary", ACCURACY: "is right in {} of the steps after it"}


@themed
def draw(study: StudyData) -> Figure:
    """Draw carry-over and accuracy against steps since the boundary at the longest lag; start dashed."""
    figure, (left, right) = draw_pair(study, _shown(study), LABELS, x="steps after the boundary", marker=".")
    log_axis(left)
    reference_line(left, y=1.0)
    right.set_ylim(-0.02, 1.02)
    return figure


def _shown(study: StudyData) -> pd.DataFrame:
    return at_longest_lag(boundary_summary(study))


def finding(study: StudyData) -> str:
    """Return carry-over, accuracy at the first step after, and the gate's difference; "" where nothing was measured."""
    summary = _shown(study)
    if summary.empty:
        return ""
    last = last_moment(summary)
    moment = str(last["moment"].iloc[0])
    carried = rows_where(last, quantity=CARRY).groupby("cell", observed=True)["middle"].first().to_dict()
    texts = {
        cell: f"{_numbers(of_cell)}{_gate(study, cell, moment)}" for cell, of_cell in rows_by_cell(study, last).items()
    }
    named = "; ".join(by_cell(texts, lambda cell: carried.get(cell, math.inf)))
    return f"{WHEN[moment].capitalize()}, at lag {span_of(last['lag'])}: {named}."


def _numbers(of_cell: pd.DataFrame) -> str:
    """Return carry-over and accuracy at the first step at which each was measured."""
    texts = []
    for quantity, words in WORDS.items():
        first = rows_where(of_cell, quantity=quantity).sort_values("at").head(1)
        texts += [words.format(with_interval(row)) for row in first.to_dict("records")]
    return listed(texts)


def _gate(study: StudyData, cell: str, moment: str) -> str:
    """Return by how much the keeping gate differs at a boundary, where there is one."""
    number = gate_metric(study, cell, BOUNDARY_DIFFERENCE, moment)
    return "" if math.isnan(number.middle) else f" (its gate differs there by {significant(number.middle, 2)})"


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure, of all lags."""
    return boundary_summary(study).assign(study=study.plan.study)
