"""Our results next to published ones: one panel per quantity, published points hollow."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, SymmetricalLogLocator

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.published import (
    PublishedComparison,
    comparisons_at_lags_run,
    published_comparisons,
    published_frame,
)
from lstm_bench.analysis.wording import listed
from lstm_bench.literature.reading import PublishedResult
from lstm_bench.report.figures.findings import joined
from lstm_bench.report.panels import legend, legend_entry, log_ticks, new_figure
from lstm_bench.report.published_marks import HOLLOW
from lstm_bench.report.style import MUTED, RULE, colours, themed

QUESTION = "Do the results agree with those published?"
METHOD = (
    "A panel for each published quantity, a lane for each of our cells. Filled points are means over members with "
    "95% bootstrap intervals; a triangle is a mean that members who did not solve could only raise. Hollow points "
    "are published, in the lane of our cell of the same kind, or in a lane of their own where no such cell was run. "
    "A comparison has a verdict where the kind of cell is the same; the table of published numbers lists it."
)
METRICS = {
    "mse": "mean squared error",
    "rmse": "root mean squared error",
    "share_within_0.1": "share of answers within 0.1",
    "ce_all_positions": "cross-entropy over all positions (nats)",
    "recall_accuracy": "share of letters recalled",
    "training_sequences_to_solve": "training sequences until solved",
    "wrong_of_2560": "wrong of 2,560 test sequences",
    "share_solved": "share of nets that solve the task",
}
SHARES = ("share_within_0.1", "recall_accuracy", "share_solved")
COUNTS = ("wrong_of_2560",)
MOST_TICKS = 8
LANE, HEADING, FRAME = 0.21, 0.3, 0.85  # inches of a cell's lane, of a heading above lanes, and around a panel
MARKERS = ("D", "s", "^", "v", "p")  # hollow, one per source
Place = tuple[int, int]  # lag, and the length evaluated at, 0 where it is that of training


@dataclass(frozen=True)
class Lane:
    """One of our cells and the published results of its kind; or, without ours, a published cell of a kind not run."""

    name: str
    ours: PublishedComparison | None
    published: list[PublishedResult]


@themed
def draw(study: StudyData) -> Figure:
    """Draw, for each published quantity, the means of our cells with intervals, and the published values hollow."""
    comparisons, shades = comparisons_at_lags_run(study), colours(study.cells)
    by_metric: dict[str, list[PublishedComparison]] = defaultdict(list)
    for comparison in comparisons:
        by_metric[comparison.published.metric].append(comparison)
    panels = {metric: _lanes_by_place(study, metric_comparisons) for metric, metric_comparisons in by_metric.items()}
    heights = [sum(HEADING + LANE * len(lanes) for lanes in panel.values()) for panel in panels.values()]
    sources = dict.fromkeys(comparison.published.source.name for comparison in comparisons)
    markers = dict(zip(sources, cycle(MARKERS), strict=False))
    figure = new_figure(sum(heights) + FRAME * len(panels) + 0.4)
    for axes, metric in zip(_stacked(figure, heights), panels, strict=True):
        _draw_panel(axes, panels[metric], shades, markers)
        _scale(axes, metric)
        axes.set_title(METRICS[metric], fontsize="medium")
    ours = legend_entry("ours, mean and 95% interval", marker="o", linewidth=1.8)
    published = [legend_entry(name, marker=marker, **HOLLOW) for name, marker in markers.items()]
    legend(figure, [ours, *published])
    return figure


def _stacked(figure: Figure, heights: Sequence[float]) -> list[Axes]:
    return list(figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])


def _lanes_by_place(study: StudyData, comparisons: Sequence[PublishedComparison]) -> dict[Place, list[Lane]]:
    places: dict[Place, list[PublishedComparison]] = defaultdict(list)
    for comparison in comparisons:
        places[comparison.published.lag or 0, comparison.published.length or 0].append(comparison)
    return {place: _lanes(study, places[place]) for place in sorted(places)}


def _lanes(study: StudyData, comparisons: Sequence[PublishedComparison]) -> list[Lane]:
    lanes = []
    for cell in study.cells:
        of_cell = [comparison for comparison in comparisons if comparison.cell == cell]
        same_kind = [comparison.published for comparison in of_cell if comparison.is_ruled]
        lanes += [Lane(cell, of_cell[0], same_kind)] if of_cell else []
    in_lanes = {id(row) for lane in lanes for row in lane.published}
    published = {id(comparison.published): comparison.published for comparison in comparisons}
    alone = {key: row for key, row in published.items() if key not in in_lanes}
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
    text = f"lag {lag:,}" + (f", evaluated at length {length:,}" if length else "")
    axes.annotate(
        text, (0, y), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points", va="center",
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
        axes.plot(row.value, y, marker=markers[row.source.name], color=shade, **HOLLOW)


def _scale(axes: Axes, metric: str) -> None:
    """Make x a logarithmic axis, with a 0 for counts; for shares keep it linear."""
    if metric in SHARES:
        return
    if metric in COUNTS:
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(left=-0.3)
        log_ticks(axes.xaxis, SymmetricalLogLocator(base=10, linthresh=1), "{:,g}")
    else:
        axes.set_xscale("log")
        log_ticks(axes.xaxis, LogLocator(subs=(1, 2, 5), numticks=MOST_TICKS), "{:,g}")


def finding(study: StudyData) -> str:
    """Return how many published numbers ours agree with; "" where none was published at a lag that was run."""
    if not comparisons_at_lags_run(study):
        return ""
    comparisons = published_comparisons(study)
    verdicts = Counter(comparison.verdict for comparison in comparisons if comparison.is_ruled)
    counts = "; ".join(f"{verdict} {n}" for verdict, n in verdicts.most_common())
    absent = sorted({comparison.published.lag or 0 for comparison in comparisons if comparison.verdict == "not run"})
    return joined(
        f"Comparisons with published numbers of the same kind of cell, by verdict: {counts}."
        if verdicts
        else "No cell of the study is of a kind with a published number.",
        f"Published at lags that were not run: {listed([f'{lag:,}' for lag in absent])}." if absent else "",
    )


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return published_frame(study)
