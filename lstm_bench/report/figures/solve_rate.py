"""How the share of members that solve falls with the lag, and the span read off it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.memory_span import MemorySpan, span_ratio
from lstm_bench.analysis.published_points import published_outcomes
from lstm_bench.analysis.solving import members_a_lag, solve_rates, spans, was_trained
from lstm_bench.analysis.statistics import too_few_note
from lstm_bench.analysis.wording import NOTHING_TRAINED, listed, span_of
from lstm_bench.report.published_marks import Mark, hollow_note, mark_published
from lstm_bench.report.style import INK, MUTED, colours, dodge, lag_axis, new_figure, say_in, themed
from lstm_bench.report.typography import typeset

QUESTION = "How far back does each cell remember?"
DODGE = 0.05  # octaves between cells, so that whiskers stand side by side
CURVE_POINTS = 100
ROOM_FOR_NAMES = (-0.1, 1.1)  # of published points, above 1 and below 0


@themed
def draw(study: StudyData) -> Figure:
    """Draw each cell's T50 with its interval, and below the share solved at each lag with the fitted curve."""
    found, shades = spans(study), colours(study.cells)
    figure = new_figure(3.9 + 0.28 * len(found))
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=[0.28 * len(found) + 0.1, 3.2])
    _draw_spans(top, study, found, shades)
    rates = solve_rates(study)
    shifts = {cell: dodge(place, len(study.cells), DODGE) for place, cell in enumerate(study.cells)}
    for cell, shift in shifts.items():
        _draw_rates(below, rates.loc[rates["cell"] == cell], shift, shades[cell])
        _draw_curve(below, study, found[cell], shades[cell])
    below.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    below.set(
        ylim=(-0.03, 1.03),
        xlabel="lag (steps)",
        ylabel=f"share of members that solve\n({typeset(_members(study))} a lag)",
    )
    below.set_yticks([0, 0.25, 0.5, 0.75, 1])
    below.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    lag_axis(below, study.lags)
    aside = dodge(len(study.cells), len(study.cells), DODGE)  # published cells of a kind that was not run
    marks = [Mark(point.lag * shifts.get(point.cell, aside), point) for point in published_outcomes(study)]
    if marks:
        below.set_ylim(*ROOM_FOR_NAMES)
    mark_published(below, marks, shades, side="outside")
    if not rates["attempts"].sum():
        say_in(below, "no member has run to its end")
    return figure


def _draw_spans(axes: Axes, study: StudyData, found: Mapping[str, MemorySpan], shades: Mapping[str, str]) -> None:
    for row, (cell, span) in enumerate(found.items()):
        _draw_span(axes, row, span, study.lags, shades[cell])
        _say_span(axes, row, span, study.lags)
    axes.set(yticks=range(len(found)), yticklabels=list(found), ylim=(len(found) - 0.5, -0.5))
    axes.tick_params(bottom=False, left=False, labelbottom=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.grid(visible=False, axis="y")
    axes.set_title("T50, the lag that half of the members solve, with 95% interval (steps)", fontsize="medium")


def _draw_span(axes: Axes, row: int, span: MemorySpan, lags: list[int], shade: str) -> None:
    if span.outcome == "fitted":
        axes.plot([span.low, span.high], [row, row], color=shade, linewidth=2.2, solid_capstyle="butt")
        axes.plot(span.median, row, marker="D", color=shade, markersize=5.5)
    elif span.outcome in ("above", "below"):
        end = lags[-1] * 2**0.45 if span.outcome == "above" else lags[0] / 2**0.45
        axes.annotate("", (end, row), (span.median, row), arrowprops={"arrowstyle": "-|>", "color": shade, "lw": 1.6})
        axes.plot(span.median, row, marker="|", color=shade, markersize=9, markeredgewidth=2)


def _say_span(axes: Axes, row: int, span: MemorySpan, lags: list[int]) -> None:
    """Write the span beside its interval, on the side where there is room."""
    told = typeset(span.text + (", cut off by the ladder" if span.cut_off else ""))
    is_left = span.median**2 < lags[0] * lags[-1]  # below the middle of the log axis
    if span.outcome == "fitted":
        place = span.high if is_left else span.low
    else:
        is_left, place = span.outcome != "above", {"above": lags[-1]}.get(span.outcome, lags[0])
    axes.annotate(
        told, (place, row), xytext=(9 if is_left else -9, 0), textcoords="offset points", va="center",
        ha="left" if is_left else "right", fontsize="small", color=INK,
    )  # fmt: skip


def _draw_rates(axes: Axes, rates: pd.DataFrame, shift: float, shade: str) -> None:
    tried = rates.loc[rates["attempts"] > 0]
    whiskers = [tried["rate"] - tried["rate_low"], tried["rate_high"] - tried["rate"]]
    axes.errorbar(
        tried["lag"] * shift, tried["rate"], yerr=np.clip(whiskers, 0, None), color=shade, fmt="o", markersize=5,
        elinewidth=1.1, capsize=2.5, zorder=3,
    )  # fmt: skip


def _draw_curve(axes: Axes, study: StudyData, span: MemorySpan, shade: str) -> None:
    if span.outcome != "fitted" or span.posterior is None:  # a span that is only bounded has no curve to believe
        return
    lags = np.geomspace(2 ** span.posterior.log2_t50[0], 2 ** span.posterior.log2_t50[-1], CURVE_POINTS)
    axes.plot(lags, span.posterior.mean_probability(lags), color=shade, linewidth=1.6, alpha=0.85)


def _members(study: StudyData) -> str:
    fewest, most = members_a_lag(study)
    return f"n = {span_of((fewest, most))} members"


def caption(study: StudyData) -> str:
    """Return the finding: each cell's span and how many times further the best one reaches."""
    if not was_trained(study):
        return NOTHING_TRAINED
    found = spans(study)
    told = listed([f"{cell} {span.text}" for cell, span in found.items()])
    sentences = [f"T50, the lag that half of the members solve, in steps with a 95% interval: {told}.", _ratio(found)]
    cut = [cell for cell, span in found.items() if span.cut_off]
    if cut:
        sentences.append(f"The ladder of lags ends before the span of {listed(cut)} is bracketed, which bounds it.")
    _, most = members_a_lag(study)
    if len(found) > 1 and most:
        sentences.append(too_few_note(most, most))
    sentences.append("Points are shares with Wilson 95% intervals, lines the posterior mean of the fitted curve.")
    sentences.append(hollow_note(published_outcomes(study)))
    return " ".join(sentence for sentence in sentences if sentence)


def _ratio(found: Mapping[str, MemorySpan]) -> str:
    ranked = sorted((c for c in found if found[c].median > 0), key=lambda c: -found[c].median)
    if len(ranked) < 2:
        return ""
    first, last = ranked[0], ranked[-1]
    ratio = span_ratio(found[first], found[last])
    return "" if ratio.bound == "?" else f"The span of {first} is {ratio.text} that of {last}."


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    rates = solve_rates(study)
    by_cell = [
        f"{cell}: " + ", ".join(f"{row.solved} of {row.attempts} at lag {row.lag}" for row in rows.itertuples())
        for cell, rows in rates.groupby("cell", sort=False)
    ]
    return f"Share of members that solve {study.task} against lag. {'; '.join(by_cell)}."


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure; none of a study that was not trained."""
    rates = solve_rates(study)
    return rates if was_trained(study) else rates.iloc[:0]
