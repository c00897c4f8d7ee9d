"""Ours beside what was published: one panel a quantity, published points hollow."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, Locator, LogLocator, NullLocator, SymmetricalLogLocator

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.published import (
    PublishedComparison,
    comparisons_at_lags_run,
    published_comparisons,
    published_frame,
)
from lstm_bench.analysis.wording import listed, significant
from lstm_bench.literature.reading import PublishedResult
from lstm_bench.report.style import INK, MUTED, RULE, colours, new_figure, themed

QUESTION = "Does it agree with what was published?"
METRICS = {
    "mse": "mean squared error",
    "rmse": "root mean squared error",
    "share_within_0.1": "share of answers within 0.1",
    "ce_all_positions": "cross-entropy over all positions (nats)",
    "recall_accuracy": "share of letters recalled",
    "training_sequences_to_solve": "training sequences until solved",
    "wrong_of_2560": "wrong of 2,560 test sequences",
}
SHARES = ("share_within_0.1", "recall_accuracy")
COUNTS = ("wrong_of_2560",)
MOST_TICKS = 8
LANE, HEADING, FRAME = 0.21, 0.3, 0.85  # inches of a cell's lane, of a heading above some, and around a panel
MARKERS = ("D", "s", "^", "v", "p")  # hollow, one a source
Place = tuple[int, int]  # lag, and the length evaluated at, 0 where it is that of training


@dataclass(frozen=True)
class Lane:
    """One of our cells and what was published of its kind; or, without ours, a published cell of a kind not run."""

    name: str
    ours: PublishedComparison | None
    published: list[PublishedResult]


@themed
def draw(study: StudyData) -> Figure:
    """Draw, for each published quantity, the means of our cells with intervals, and hollow what was published."""
    every, shades = comparisons_at_lags_run(study), colours(study.cells)
    panels = {metric: _lanes_by_place(study, _of(every, metric)) for metric in _metrics(every)}
    heights = [sum(HEADING + LANE * len(lanes) for lanes in panel.values()) for panel in panels.values()]
    markers = dict(zip(_sources(every), cycle(MARKERS), strict=False))
    figure = new_figure(sum(heights) + FRAME * len(panels) + 0.4)
    for axes, metric in zip(_stacked(figure, heights), panels, strict=True):
        _draw_panel(axes, panels[metric], shades, markers)
        _scale(axes, metric)
        axes.set_title(METRICS[metric], fontsize="medium")
    _legend(figure, markers)
    return figure


def _metrics(every: Sequence[PublishedComparison]) -> list[str]:
    return list(dict.fromkeys(one.published.metric for one in every))


def _of(every: Sequence[PublishedComparison], metric: str) -> list[PublishedComparison]:
    return [one for one in every if one.published.metric == metric]


def _sources(every: Sequence[PublishedComparison]) -> list[str]:
    return list(dict.fromkeys(one.published.source.name for one in every))


def _stacked(figure: Figure, heights: Sequence[float]) -> list[Axes]:
    return list(figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])


def _lanes_by_place(study: StudyData, some: Sequence[PublishedComparison]) -> dict[Place, list[Lane]]:
    places: dict[Place, list[PublishedComparison]] = defaultdict(list)
    for one in some:
        places[one.published.lag or 0, one.published.length or 0].append(one)
    return {place: _lanes(study, places[place]) for place in sorted(places)}


def _lanes(study: StudyData, here: Sequence[PublishedComparison]) -> list[Lane]:
    lanes = []
    for cell in study.cells:
        own = [one for one in here if one.cell == cell]
        lanes += [Lane(cell, own[0], [one.published for one in own if one.is_ruled])] if own else []
    met = {id(row) for lane in lanes for row in lane.published}
    alone = {id(one.published): one.published for one in here if id(one.published) not in met}
    return [*lanes, *(Lane(f"{row.cell}, published", None, [row]) for row in alone.values())]


def _draw_panel(
    axes: Axes, panel: Mapping[Place, Sequence[Lane]], shades: Mapping[str, str], markers: Mapping[str, str]
) -> None:
    y, names = 0.0, {}  # inches from the top
    for place, lanes in panel.items():
        _head(axes, y + HEADING / 2, *place)
        y += HEADING
        for lane in lanes:
            _draw_lane(axes, y, lane, shades.get(lane.name, MUTED), markers)
            names[y] = lane.name
            y += LANE
    axes.set_yticks(list(names), list(names.values()))
    axes.set_ylim(y, 0)
    axes.margins(x=0.06)
    axes.grid(visible=False, axis="y")
    axes.tick_params(left=False)


def _head(axes: Axes, y: float, lag: int, length: int) -> None:
    told = f"lag {lag:,}" + (f", evaluated at length {length:,}" if length else "")
    axes.annotate(
        told, (0, y), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points", va="center",
        fontsize="small", color=MUTED,
    )  # fmt: skip


def _draw_lane(axes: Axes, y: float, lane: Lane, shade: str, markers: Mapping[str, str]) -> None:
    axes.axhline(y, color=RULE, linewidth=0.6, zorder=0)
    if lane.ours is not None and np.isfinite(lane.ours.ours.middle):
        middle, low, high = lane.ours.ours
        if np.isfinite(low):
            axes.plot([low, high], [y, y], color=shade, linewidth=1.8, solid_capstyle="butt")
        axes.plot(middle, y, marker=">" if lane.ours.runs.censored else "o", color=shade, markersize=5.5)
    for row in lane.published:
        marker = markers[row.source.name]
        axes.plot(row.value, y, marker=marker, markersize=8, markerfacecolor="none", color=shade, linestyle="none")


def _scale(axes: Axes, metric: str) -> None:
    """Set a logarithmic axis, of counts one that has a 0, of shares a linear one."""
    if metric in SHARES:
        return
    locator: Locator = LogLocator(subs=(1, 2, 5), numticks=MOST_TICKS)
    if metric in COUNTS:
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(left=-0.3)
        locator = SymmetricalLogLocator(base=10, linthresh=1)
    else:
        axes.set_xscale("log")
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def _legend(figure: Figure, markers: Mapping[str, str]) -> None:
    ours = Line2D([], [], color=INK, marker="o", linewidth=1.8, label="ours, mean and 95% interval")
    theirs = [
        Line2D([], [], color=INK, marker=marker, markersize=8, markerfacecolor="none", linestyle="none", label=name)
        for name, marker in markers.items()
    ]
    figure.legend(handles=[ours, *theirs], loc="outside upper left", ncols=3, fontsize="small")


def caption(study: StudyData) -> str:
    """Return how many published numbers ours agree with; "" where none was published of a lag that was run."""
    every, shown = published_comparisons(study), comparisons_at_lags_run(study)
    if not shown:
        return ""
    ruled = [one for one in every if one.is_ruled]
    counts = "; ".join(f"{verdict} {n}" for verdict, n in Counter(one.verdict for one in ruled).most_common())
    missing = sorted({one.published.lag or 0 for one in every if one.verdict == "not run"})
    sentences = [
        f"Comparisons with numbers published of the same kind of cell, by verdict: {counts}."
        if ruled
        else "No cell of the study is of a kind that a number was published of.",
        f"Hollow: published ({listed(_sources(shown))}). Filled: means over members with 95% bootstrap intervals; a "
        "triangle is a mean that members who did not solve could only raise.",
        f"Published at lags that were not run: {listed([f'{lag:,}' for lag in missing])}." if missing else "",
    ]
    return " ".join(filter(None, sentences))


def _subject(one: PublishedComparison) -> str:
    at = f" at length {one.published.length}" if one.published.length else ""
    return f"{one.cell}, {METRICS[one.published.metric]}{at}, lag {one.published.lag}"


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    told = [
        f"{_subject(one)}: published {one.published.shown}, ours {significant(one.ours.middle)}"
        for one in comparisons_at_lags_run(study)
    ]
    return f"Published numbers and ours on {study.task}. {'; '.join(told)}."


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return published_frame(study)
