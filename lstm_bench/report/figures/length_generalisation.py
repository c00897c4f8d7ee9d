"""How members that solved their lag score at others."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lstm_bench.analysis.forgetting import score_by_multiple
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.published_points import published_scores
from lstm_bench.analysis.solving import was_trained
from lstm_bench.analysis.wording import NOTHING_TRAINED, listed, span_of, with_range
from lstm_bench.report.figures.findings import by_cell, joined
from lstm_bench.report.figures.table_rows import absent_cells, rows_by_cell, rows_where
from lstm_bench.report.panels import cell_entries, dodge, legend, new_figure, reference_line, ticks_at
from lstm_bench.report.published_marks import Mark, mark_published, published_entries
from lstm_bench.report.style import colours, themed
from lstm_bench.report.typography import typeset

QUESTION = "Does a solution hold at other lags?"
METHOD = (
    "The score is 1 where all is remembered. Points are interquartile means over all members that solved their lag, "
    "none of them trained at another, with 95% bootstrap intervals (strata: lags); a triangle at the lower edge is a "
    "score below it. Hollow points are published."
)
DODGE = 0.06  # octaves between cells
LOWEST = -0.25  # where the axis ends: an error many times that of no memory is off the scale


@themed
def draw(study: StudyData) -> Figure:
    """Draw the score of each cell's solved members against the multiple of the lag they were trained at."""
    summary, shades, points = score_by_multiple(study), colours(study.cells), published_scores(study)
    cells = list(rows_by_cell(study, summary))
    figure = new_figure(3.5)
    axes = figure.subplots()
    lowest = max(LOWEST, min(0.0, float(summary["low"].fillna(summary["middle"]).min())))
    shifts = {cell: dodge(place, len(cells), DODGE) for place, cell in enumerate(cells)}
    for cell, shift in shifts.items():
        _draw_cell(axes, rows_where(summary, cell=cell), shift, shades[cell], lowest)
    job = study.plan.jobs[0]
    if job.score in job.baselines:
        reference_line(axes, y=job.baselines[job.score], name="memoryless baseline")
    multiples = sorted(set(summary["multiple"]))
    axes.set_xscale("log", base=2)
    axes.set(xlim=(multiples[0] / 1.4, multiples[-1] * 1.4), ylim=(lowest - 0.05, 1.05))
    aside = dodge(len(cells), len(cells), DODGE)  # for published cells of a kind that solved no lag here
    mark_published(axes, [Mark(p.multiple * shifts.get(p.cell, aside), p) for p in points], shades)
    axes.set_xlabel(f"multiple of the lag trained at (n = {typeset(span_of(summary['n']))} solved members a cell)")
    axes.set_ylabel(job.score.replace("_", " "))
    ticks_at(axes.xaxis, multiples, "{:g}\u00d7")
    legend(figure, [*cell_entries(cells, shades), *published_entries(points)])
    return figure


def _draw_cell(axes: Axes, summary: pd.DataFrame, shift: float, shade: str, lowest: float) -> None:
    ordered = summary.sort_values("multiple")
    x = ordered["multiple"] * shift
    low, high = (ordered[end].fillna(ordered["middle"]).clip(lower=lowest) for end in ("low", "high"))
    axes.vlines(x, low, high, color=shade, linewidth=1.4)
    axes.plot(x, ordered["middle"].clip(lower=lowest), color=shade, linewidth=1.2, alpha=0.6)
    below = ordered["middle"] < lowest
    axes.plot(x[~below], ordered.loc[~below, "middle"], "o", color=shade, markersize=5)
    axes.plot(x[below], [lowest] * int(below.sum()), "v", color=shade, markersize=6)


def finding(study: StudyData) -> str:
    """Return the score at the lag itself and at the longest multiple, and which cells solved no lag."""
    summary = score_by_multiple(study)
    if summary.empty:
        return _nothing(study)
    longest = float(summary["multiple"].max())
    shown = summary.loc[summary["multiple"].isin((1.0, longest))]
    texts = {cell: _scores(scores) for cell, scores in rows_by_cell(study, shown).items()}
    ends = rows_where(shown, multiple=longest).set_index("cell")["middle"].to_dict()
    absent = absent_cells(study, summary)
    return joined(
        f"The score, 1 where all is remembered: {'; '.join(by_cell(texts, lambda cell: -ends.get(cell, 0.0)))}.",
        f"No member of {listed(absent)} solved a lag." if absent else "",
    )


def _nothing(study: StudyData) -> str:
    if not was_trained(study):
        return NOTHING_TRAINED
    if (study.members["status"] == "solved").any():
        return "Lags other than those trained at were not measured."
    return "No member solved its lag, so there is no solution to try at others."


def _scores(scores: pd.DataFrame) -> str:
    ordered = scores.sort_values("multiple")
    ranges = ordered[["multiple", "middle", "low", "high"]].to_numpy(dtype=float).tolist()
    numbers = [f"{with_range(middle, low, high, digits=2)} at {multiple:g}x" for multiple, middle, low, high in ranges]
    return listed(numbers)


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return score_by_multiple(study).assign(study=study.plan.study)
