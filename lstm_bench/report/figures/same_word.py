"""The same word a second time: how far two answers are apart whose contexts differ some steps back."""

import pandas as pd
from matplotlib.figure import Figure

from lstm_bench.analysis.forgetting import same_word_summary
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import WHEN
from lstm_bench.analysis.wording import counted, span_of
from lstm_bench.report.figures.findings import by_cell
from lstm_bench.report.figures.moments import last_moment
from lstm_bench.report.figures.table_rows import rows_by_cell, rows_where
from lstm_bench.report.figures.word_panels import at_longest_lag, draw_pair, with_interval
from lstm_bench.report.panels import log_axis
from lstm_bench.report.style import themed

QUESTION = "Does a cell say the same at the same word, second time?"
METHOD = (
    "Two sequences differ in one word and then read the same ones. Divergence is Jensen and Shannon's, 0 bits for "
    "the same answer and 1 for certain ones that differ. Lines are interquartile means over members with 95% "
    "bootstrap intervals, at the longest lag."
)
DIVERGENCE, IDENTICAL = "divergence", "identical"
LABELS = {DIVERGENCE: "divergence of two answers\n(bits)", IDENTICAL: "share of answers alike\nto the last bit"}
LOWEST = 1e-8  # bits


@themed
def draw(study: StudyData) -> Figure:
    """Draw divergence and share of identical answers against distance at the longest lag; start dashed."""
    figure, (left, right) = draw_pair(study, _shown(study), LABELS, x="steps back to the word that differs")
    log_axis(left)
    left.set_ylim(LOWEST, 2)
    right.set_ylim(-0.02, 1.02)
    return figure


def _shown(study: StudyData) -> pd.DataFrame:
    return at_longest_lag(same_word_summary(study))


def finding(study: StudyData) -> str:
    """Return the largest divergence and how many answers are identical; "" where nothing was measured."""
    summary = _shown(study)
    if summary.empty:
        return ""
    last = last_moment(summary)
    most = rows_where(last, quantity=DIVERGENCE).groupby("cell", observed=True)["middle"].max().to_dict()
    texts = {cell: _answers(of_cell) for cell, of_cell in rows_by_cell(study, last).items()}
    named = "; ".join(by_cell(texts, lambda cell: -most.get(cell, 0.0)))
    when = WHEN[str(last["moment"].iloc[0])].capitalize()
    return f"{when}, at lag {span_of(last['lag'])}, two answers differ by at most: {named}."


def _answers(of_cell: pd.DataFrame) -> str:
    most = rows_where(of_cell, quantity=DIVERGENCE).sort_values("middle").iloc[-1]
    alike = _percentages(rows_where(of_cell, quantity=IDENTICAL)["middle"])
    back = counted(int(most["at"]), "step")
    return f"{with_interval(most)} bits, {back} back, and {alike} of the answers alike to the last bit"


def _percentages(shares: pd.Series) -> str:
    least, most = f"{shares.min():.0%}", f"{shares.max():.0%}"
    return least if least == most else f"{least} to {most}"


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure, of all lags."""
    return same_word_summary(study).assign(study=study.plan.study)
