"""The same word a second time: the divergence of two answers whose contexts differ some steps back."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.forgetting import same_word_summary
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import WHEN
from lstm_bench.analysis.solving import longest_mostly_solved
from lstm_bench.analysis.wording import listed, span_of
from lstm_bench.report.figures.findings import by_cell, with_interval
from lstm_bench.report.figures.moments import draw_moments, last_moment, moment_entries, moments_in
from lstm_bench.report.figures.table_rows import rows_by_cell, rows_where
from lstm_bench.report.panels import (
    cell_entries,
    draw_band,
    lag_axis,
    legend,
    legend_entry,
    log_axis,
    new_figure,
    reference_line,
)
from lstm_bench.report.style import MUTED, PAPER, colours, themed
from lstm_bench.report.typography import typeset

QUESTION = "Does a cell give the same answer at the same word a second time?"
METHOD = (
    "Two sequences differ in one word and continue with the same words. The Jensen-Shannon divergence is 0 bits for "
    "the same answer and 1 bit for two certain answers that differ. Lines are interquartile means over members with "
    "95% bootstrap intervals; below the dashed line, 0.01 bits, two answers count as the same. Left, the longest lag; "
    "right, each lag with the word that many steps back, with a filled mark where most members solve the lag."
)
APART = 0.01  # bits
LOWEST = 1e-8  # bits


@themed
def draw(study: StudyData) -> Figure:
    """Draw divergence against the steps back at the longest lag, the start dashed, and at each lag's own distance."""
    summary, shades = same_word_summary(study), colours(study.cells)
    longest, trained = rows_where(summary, lag=summary["lag"].max()), _at_the_lag(summary)
    figure = new_figure(3.4)
    left, right = figure.subplots(1, 2, sharey=True)
    for cell, rows_of_cell in rows_by_cell(study, longest).items():
        draw_moments(left, rows_of_cell, shades[cell])
    left.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    left.set(xlabel=f"steps back to the word that differs, lag {span_of(longest['lag'])}")
    left.set_ylabel(f"divergence of two answers (bits)\n(n = {typeset(span_of(summary['n']))} members)")
    for cell, rows_of_cell in rows_by_cell(study, trained).items():
        _draw_lags(right, study, rows_of_cell.sort_values("lag"), shades[cell])
    lag_axis(right, sorted({int(lag) for lag in trained["lag"]}))
    right.set(xlabel="lag, as many steps back")
    for axes in (left, right):
        log_axis(axes)
        reference_line(axes, y=APART)
    left.set_ylim(LOWEST, 2)
    marks = [
        legend_entry(label, color=MUTED, linestyle="", marker="o", markersize=5, markerfacecolor=face)
        for label, face in (("most members solve the lag", MUTED), ("most do not", "none"))
    ]
    legend(figure, [*cell_entries(study.cells, shades), *moment_entries(moments_in(longest)), *marks])
    return figure


def _at_the_lag(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the last moment whose words differ as many steps back as the lag."""
    at_lag = summary.loc[summary["at"] == summary["lag"]]
    return at_lag if at_lag.empty else last_moment(at_lag)


def _draw_lags(axes: Axes, study: StudyData, rows_of_cell: pd.DataFrame, shade: str) -> None:
    """Draw one cell's divergence against the lag, with a mark for each, filled where most members solve it."""
    draw_band(axes, rows_of_cell["lag"], rows_of_cell["middle"], (rows_of_cell["low"], rows_of_cell["high"]), shade)
    for row in rows_of_cell.to_dict("records"):
        face = shade if _solves(study, str(row["cell"]), int(row["lag"])) else PAPER
        axes.plot(row["lag"], row["middle"], marker="o", markersize=5, color=shade, markerfacecolor=face)


def _solves(study: StudyData, cell: str, lag: int) -> bool:
    return longest_mostly_solved(study, cell, {lag}) is not None


def finding(study: StudyData) -> str:
    """Return the divergence at the longest lag that a cell solves and the next; "" where none was measured."""
    trained = _at_the_lag(same_word_summary(study))
    if trained.empty:
        return ""
    by_lag = {cell: of_cell.sort_values("lag") for cell, of_cell in rows_by_cell(study, trained).items()}
    most = {cell: float(of_cell["middle"].max()) for cell, of_cell in by_lag.items()}
    texts = {cell: _answers(study, cell, of_cell) for cell, of_cell in by_lag.items()}
    named = "; ".join(by_cell(texts, lambda cell: -most[cell]))
    when = WHEN[str(trained["moment"].iloc[0])].capitalize()
    return f"{when}, after contexts that differ a lag back, the divergence of two answers is: {named}."


def _answers(study: StudyData, cell: str, of_cell: pd.DataFrame) -> str:
    """Return the divergence at the longest lag that most members solve, and at the shortest beyond it."""
    span = longest_mostly_solved(study, cell) or 0
    inside, beyond = of_cell.loc[of_cell["lag"] <= span].tail(1), of_cell.loc[of_cell["lag"] > span].head(1)
    cases = ((inside, "which most members solve"), (beyond, "which most do not"))
    texts = [
        f"{with_interval(row)} bits at lag {row['lag']}, {words}"
        for case, words in cases
        for row in case.to_dict("records")
    ]
    return listed(texts)


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure, of all lags."""
    return same_word_summary(study).assign(study=study.plan.study)
