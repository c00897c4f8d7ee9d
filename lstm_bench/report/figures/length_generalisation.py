"""What members that solved their lag do at others."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lstm_bench.analysis.forgetting import score_by_multiple
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.published_points import published_scores
from lstm_bench.analysis.solving import was_trained
from lstm_bench.analysis.wording import NOTHING_TRAINED, listed, span_of, with_range
from lstm_bench.report.published_marks import Mark, hollow_note, mark_published
from lstm_bench.report.style import MUTED, cell_legend, colours, dodge, new_figure, themed
from lstm_bench.report.typography import typeset

QUESTION = "Does a solution hold at other lags?"
DODGE = 0.06  # octaves between cells
NAMED, TOLD = 4, (1.0, 2.0)  # cells of which a caption tells all; multiples that it tells of more
LOWEST = -0.25  # where the axis ends: an error many times that of no memory is off the scale


@themed
def draw(study: StudyData) -> Figure:
    """Draw the score of each cell's solved members against the multiple of the lag they were trained at."""
    summary, shades = score_by_multiple(study), colours(study.cells)
    cells = [cell for cell in study.cells if (summary["cell"] == cell).any()]
    figure = new_figure(3.5)
    axes = figure.subplots()
    lowest = max(LOWEST, min(0.0, float(summary["low"].fillna(summary["middle"]).min())))
    shifts = {cell: dodge(place, len(cells), DODGE) for place, cell in enumerate(cells)}
    for cell, shift in shifts.items():
        _draw_cell(axes, summary.loc[summary["cell"] == cell], shift, shades[cell], lowest)
    _draw_baseline(axes, study)
    multiples = sorted(set(summary["multiple"]))
    axes.set_xscale("log", base=2)
    axes.set(xlim=(multiples[0] / 1.4, multiples[-1] * 1.4), ylim=(lowest - 0.05, 1.05))
    aside = dodge(len(cells), len(cells), DODGE)  # published cells without members that solved their lag
    marks = [Mark(point.multiple * shifts.get(point.cell, aside), point) for point in published_scores(study)]
    mark_published(axes, marks, shades)
    n = typeset(span_of(summary["n"]))
    axes.set_xlabel(f"multiple of the lag trained at (n = {n} solved members a cell)")
    axes.set_ylabel(study.plan.jobs[0].score.replace("_", " "))
    axes.xaxis.set_major_locator(FixedLocator(multiples))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda multiple, _: f"{multiple:g}\u00d7"))
    cell_legend(figure, cells, shades)
    return figure


def _draw_cell(axes: Axes, summary: pd.DataFrame, shift: float, shade: str, lowest: float) -> None:
    ordered = summary.sort_values("multiple")
    at = ordered["multiple"] * shift
    low, high = (ordered[end].fillna(ordered["middle"]).clip(lower=lowest) for end in ("low", "high"))
    axes.vlines(at, low, high, color=shade, linewidth=1.4)
    axes.plot(at, ordered["middle"].clip(lower=lowest), color=shade, linewidth=1.2, alpha=0.6)
    below = ordered["middle"] < lowest
    axes.plot(at[~below], ordered.loc[~below, "middle"], "o", color=shade, markersize=5)
    axes.plot(at[below], [lowest] * int(below.sum()), "v", color=shade, markersize=6)


def _draw_baseline(axes: Axes, study: StudyData) -> None:
    job = study.plan.jobs[0]
    if job.score not in job.baselines:
        return
    axes.axhline(job.baselines[job.score], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate(
        "memoryless baseline", (0.01, job.baselines[job.score]), xycoords=("axes fraction", "data"), xytext=(0, 2),
        textcoords="offset points", va="bottom", fontsize="x-small", color=MUTED,
    )  # fmt: skip


def caption(study: StudyData) -> str:
    """Return the finding: the score at the longest multiple, beside that at the lag itself."""
    summary = score_by_multiple(study)
    if summary.empty:
        return _nothing(study)
    few = summary if summary["cell"].nunique() <= NAMED else summary.loc[summary["multiple"].isin(TOLD)]
    told = [_told(str(cell), own) for cell, own in few.groupby("cell", observed=True, sort=False)]
    absent = [cell for cell in study.cells if not (summary["cell"] == cell).any()]
    without = f" No member of {listed(absent)} solved a lag." if absent else ""
    return (
        f"The score, 1 where all is remembered: {'; '.join(told)}.{without} Points are interquartile means over all "
        "members that solved their lag, none trained at another, with 95% bootstrap intervals (strata: lags); a "
        "triangle "
        f"at the lower edge lies below it. {hollow_note(published_scores(study))}"
    ).rstrip()


def _nothing(study: StudyData) -> str:
    if not was_trained(study):
        return NOTHING_TRAINED
    if (study.members["status"] == "solved").any():
        return "Other lags than those trained at were not measured."
    return "No member solved its lag, so there is no solution to try at others."


def _told(cell: str, summary: pd.DataFrame) -> str:
    ordered = summary.sort_values("multiple")
    ranges = ordered[["multiple", "middle", "low", "high"]].to_numpy(dtype=float).tolist()
    numbers = [f"{with_range(middle, low, high, digits=2)} at {at:g}x" for at, middle, low, high in ranges]
    return f"{cell} {listed(numbers)} (n = {span_of(ordered['n'])})"


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    cells = listed(list(dict.fromkeys(score_by_multiple(study)["cell"].astype(str))))
    return f"Score on {study.task} against the multiple of the lag that members were trained at, a line for {cells}."


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return score_by_multiple(study).assign(study=study.plan.study)
