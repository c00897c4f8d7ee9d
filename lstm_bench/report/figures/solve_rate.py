"""How the share of members that solve falls with the lag, and the span fitted to it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lstm_bench.analysis.distance import held_ratio, spans_in_distance
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.memory_span import MemorySpan
from lstm_bench.analysis.published_points import published_outcomes
from lstm_bench.analysis.solving import members_a_lag, solve_rates, spans, was_trained
from lstm_bench.analysis.statistics import too_few_note
from lstm_bench.analysis.wording import NOTHING_TRAINED, listed, span_of
from lstm_bench.report.figures.findings import by_cell, joined
from lstm_bench.report.figures.table_rows import rows_where
from lstm_bench.report.panels import (
    dodge,
    lag_axis,
    legend,
    new_figure,
    note_in,
    percent_ticks,
    reference_line,
    row_axis,
)
from lstm_bench.report.published_marks import Mark, mark_published, published_entries
from lstm_bench.report.style import INK, colours, themed
from lstm_bench.report.typography import typeset

QUESTION = "How far back does each cell remember?"
METHOD = (
    "Above, T50 of each cell: a diamond with its 95% interval where it was fitted, an arrow where the lags only "
    'bound it. "Cut off by the lag grid" marks a span that the lags do not bracket, so that they bound its interval. '
    "Below, points are the share of members that solve a lag, with Wilson 95% intervals, and lines the posterior "
    "mean of the fitted curve. Hollow points are published: 1 for a cell that solved the lag, 0 for one that did "
    "not."
)
DODGE = 0.05  # octaves between cells, so that whiskers stand side by side
OPEN: Mapping[str, int] = {"above": 1, "below": -1}  # which way the arrow of a bound points
ARROW = 0.45  # octaves that the arrow of a bound is long
CURVE_POINTS = 100
ROOM_FOR_NAMES = (-0.1, 1.1)  # y limits with published points: names stand above 1 and below 0
ROW = 0.28  # inches


@themed
def draw(study: StudyData) -> Figure:
    """Draw each cell's T50 with its interval, and below the share solved at each lag with the fitted curve."""
    t50s, shades, rates = spans(study), colours(study.cells), solve_rates(study)
    figure = new_figure(3.9 + ROW * len(t50s))
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=[ROW * len(t50s) + 0.1, 3.2])
    _draw_spans(top, study, t50s, shades)
    shifts = {cell: dodge(place, len(study.cells), DODGE) for place, cell in enumerate(study.cells)}
    reference_line(below, y=0.5)
    for cell, shift in shifts.items():
        _draw_rates(below, rows_where(rates, cell=cell), shift, shades[cell])
        _draw_curve(below, t50s[cell], shades[cell])
    _finish(below, study)
    _draw_published(figure, below, study, shifts, shades)
    if not rates["attempts"].sum():
        note_in(below, "no member has run to its end")
    return figure


def _draw_spans(axes: Axes, study: StudyData, t50s: Mapping[str, MemorySpan], shades: Mapping[str, str]) -> None:
    for row, (cell, span) in enumerate(t50s.items()):
        _draw_span(axes, row, span, shades[cell])
        _write_span(axes, row, span, study.lags)
    row_axis(axes, list(t50s))
    axes.tick_params(bottom=False, labelbottom=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_title("T50, the lag that half of the members solve, with 95% interval (steps)", fontsize="medium")


def _draw_span(axes: Axes, row: int, span: MemorySpan, shade: str) -> None:
    if span.outcome == "fitted":
        axes.plot([span.low, span.high], [row, row], color=shade, linewidth=2.2, solid_capstyle="butt")
        axes.plot(span.median, row, marker="D", color=shade, markersize=5.5)
    elif span.outcome in OPEN:
        arrow = {"arrowstyle": "-|>", "color": shade, "lw": 1.6}
        axes.annotate("", (_open_end(span), row), (span.median, row), arrowprops=arrow)
        axes.plot(span.median, row, marker="|", color=shade, markersize=9, markeredgewidth=2)


def _open_end(span: MemorySpan) -> float:
    """Return the lag at which the arrow of a bounded span ends."""
    return span.median * 2 ** (ARROW * OPEN[span.outcome])


def _write_span(axes: Axes, row: int, span: MemorySpan, lags: list[int]) -> None:
    """Write the span next to its interval, on the side where there is room."""
    text = typeset(span.text + (", cut off by the lag grid" if span.cut_off else ""))
    is_left = not span.median**2 >= lags[0] * lags[-1]  # below the middle of the log axis, or NaN
    ends = (span.low, span.high) if span.outcome == "fitted" else (lags[0], lags[0])
    if span.outcome in OPEN:
        ends = (min(span.median, _open_end(span)), max(span.median, _open_end(span)))
    axes.annotate(
        text, (ends[is_left], row), xytext=(9 if is_left else -9, 0), textcoords="offset points", va="center",
        ha="left" if is_left else "right", fontsize="small", color=INK,
    )  # fmt: skip


def _draw_rates(axes: Axes, rates: pd.DataFrame, shift: float, shade: str) -> None:
    tried = rates.loc[rates["attempts"] > 0]
    whiskers = [tried["rate"] - tried["rate_low"], tried["rate_high"] - tried["rate"]]
    axes.errorbar(
        tried["lag"] * shift, tried["rate"], yerr=np.clip(whiskers, 0, None), color=shade, fmt="o", markersize=5,
        elinewidth=1.1, capsize=2.5, zorder=3,
    )  # fmt: skip


def _draw_curve(axes: Axes, span: MemorySpan, shade: str) -> None:
    if span.outcome != "fitted" or span.posterior is None:  # a span that is only bounded has no reliable curve
        return
    lags = np.geomspace(2 ** span.posterior.log2_t50[0], 2 ** span.posterior.log2_t50[-1], CURVE_POINTS)
    axes.plot(lags, span.posterior.mean_probability(lags), color=shade, linewidth=1.6, alpha=0.85)


def _finish(axes: Axes, study: StudyData) -> None:
    members = typeset(span_of(members_a_lag(study)))
    axes.set(
        ylim=(-0.03, 1.03), xlabel="lag (steps)", ylabel=f"share of members that solve\n(n = {members} members a lag)"
    )
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    percent_ticks(axes.yaxis)
    lag_axis(axes, study.lags)


def _draw_published(
    figure: Figure, axes: Axes, study: StudyData, shifts: Mapping[str, float], shades: Mapping[str, str]
) -> None:
    points = published_outcomes(study)
    if not points:
        return
    aside = dodge(len(study.cells), len(study.cells), DODGE)  # for published cells of a kind that was not run
    axes.set_ylim(*ROOM_FOR_NAMES)
    marks = [Mark(point.lag * shifts.get(point.cell, aside), point) for point in points]
    mark_published(axes, marks, shades, side="outside")
    legend(figure, published_entries(points))


def finding(study: StudyData) -> str:
    """Return each cell's span, and the ratio of the longest to the shortest."""
    if not was_trained(study):
        return NOTHING_TRAINED
    t50s = spans(study)
    ranked = sorted((cell for cell in t50s if t50s[cell].median > 0), key=lambda cell: -t50s[cell].median)
    texts = by_cell({cell: span.text for cell, span in t50s.items()}, lambda cell: -t50s[cell].median)
    _, most = members_a_lag(study)
    few = too_few_note(most, most) if len(t50s) > 1 and most else ""
    return joined(
        f"T50, the lag that half of the members solve, with a 95% interval: {listed(texts)}.",
        _ratio(study, ranked),
        few,
    )


def _ratio(study: StudyData, ranked: list[str]) -> str:
    if len(ranked) < 2:
        return ""
    first, last = ranked[0], ranked[-1]
    ratio = held_ratio(study, first, last)
    start = "In steps held, the" if spans_in_distance(study) else "The"
    return "" if ratio.bound == "?" else f"{start} span of {first} is {ratio.text} that of {last}."


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure; none for a study that was not trained."""
    rates = solve_rates(study)
    return rates if was_trained(study) else rates.iloc[:0]
