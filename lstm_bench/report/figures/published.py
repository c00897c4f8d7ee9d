"""Ours beside what was published: one panel a quantity, published points hollow."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, Locator, LogLocator, NullLocator, SymmetricalLogLocator

from lstm_bench.analysis.frames import Study
from lstm_bench.analysis.published import Beside, beside_published, published_frame
from lstm_bench.analysis.wording import listed, significant, with_range
from lstm_bench.report.style import INK, MUTED, colours, new_figure, themed

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
ROW, DODGE = 0.62, 0.72  # inches a row of a panel; share of it over which cells are spread
Place = tuple[int | None, int | None]  # lag, and length where it is another


@themed
def draw(study: Study) -> Figure:
    """Draw, for each published quantity, the means of our cells with intervals and the published values."""
    every, shades = beside_published(study), colours(study.cells)
    metrics = list(dict.fromkeys(one.published.metric for one in every))
    heights = [len(_places(_of(every, metric))) for metric in metrics]
    figure = new_figure(ROW * sum(heights) + 0.75 * len(metrics) + 0.5)
    panels = figure.subplots(len(metrics), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, metric in zip(panels, metrics, strict=True):
        _draw_panel(axes, metric, _of(every, metric), shades)
    _legend(figure, study.cells, shades)
    return figure


def _of(every: Sequence[Beside], metric: str) -> list[Beside]:
    return [one for one in every if one.published.metric == metric]


def _places(some: Sequence[Beside]) -> list[Place]:
    found = {(one.published.lag, one.published.length) for one in some}
    return sorted(found, key=lambda place: (place[0] or 0, place[1] or 0))


def _draw_panel(axes: Axes, metric: str, some: Sequence[Beside], shades: Mapping[str, str]) -> None:
    places = _places(some)
    for row, place in enumerate(places):
        here = [one for one in some if (one.published.lag, one.published.length) == place]
        cells = list(dict.fromkeys(one.cell for one in here if one.cell))
        lanes: list[float] = np.linspace(-DODGE / 2, DODGE / 2, len(cells) + 2)[1:-1].tolist()
        lane_of = dict(zip(cells, lanes, strict=True))
        for cell, lane in lane_of.items():
            _draw_ours(axes, row + lane, next(one for one in here if one.cell == cell), shades[cell])
        for number, published in enumerate(dict.fromkeys(_key(one) for one in here)):
            _draw_published(axes, row, number, [one for one in here if _key(one) == published], lane_of, shades)
    _dress(axes, metric, places)


def _key(one: Beside) -> tuple[str, str, str]:
    return one.published.source.name, one.published.cell, one.published.where


def _draw_ours(axes: Axes, y: float, one: Beside, shade: str) -> None:
    if not np.isfinite(one.ours.middle):
        return
    if np.isfinite(one.ours.low):
        axes.plot([one.ours.low, one.ours.high], [y, y], color=shade, linewidth=1.8, solid_capstyle="butt")
    axes.plot(one.ours.middle, y, marker=">" if one.runs.censored else "o", color=shade, markersize=5.5)


def _draw_published(
    axes: Axes, row: int, number: int, some: Sequence[Beside], lane_of: Mapping[str, float], shades: Mapping[str, str]
) -> None:
    published = some[0].published
    own = next((one.cell for one in some if one.is_ruled), None)
    y = row + (lane_of[own] if own else DODGE / 2)
    shade = shades[own] if own else MUTED
    axes.plot(published.value, y, marker="D", markersize=6.5, markerfacecolor="none", color=shade, linestyle="none")
    axes.annotate(
        f"{published.bound}{published.cell}, {published.source.name}", (published.value, y), xytext=(0, 5 + 9 * number),
        textcoords="offset points", fontsize="x-small", color=INK if own else MUTED, va="bottom", ha="center",
    )  # fmt: skip


def _dress(axes: Axes, metric: str, places: Sequence[Place]) -> None:
    names = [f"lag {lag}" + (f", at length {length}" if length else "") for lag, length in places]
    axes.set(yticks=range(len(places)), yticklabels=names, ylim=(len(places) - 0.45, -0.7))
    axes.margins(x=0.2)
    _scale(axes, metric)
    axes.set_title(METRICS[metric], fontsize="medium")
    axes.grid(visible=False, axis="y")
    axes.tick_params(left=False)


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


def _legend(figure: Figure, cells: Sequence[str], shades: Mapping[str, str]) -> None:
    ours = [Line2D([], [], color=shades[cell], marker="o", linewidth=1.8, label=cell) for cell in cells]
    published = Line2D([], [], color=MUTED, marker="D", markerfacecolor="none", linestyle="none", label="published")
    figure.legend(handles=[*ours, published], loc="outside upper left", ncols=min(5, len(cells) + 1), fontsize="small")


def caption(study: Study) -> str:
    """Return which published numbers of the same kind of cell ours agree with; "" where nothing was published."""
    every = beside_published(study)
    if not every:
        return ""
    ruled = [one for one in every if one.is_ruled]
    told = [f"{_subject(one)}: {_numbers(one)}, {one.verdict}" for one in ruled]
    missing = sorted({one.published.lag or 0 for one in every if one.verdict == "not run"})
    sources = listed(list(dict.fromkeys(one.published.source.name for one in every)))
    sentences = [
        f"{'; '.join(told)}." if told else "No cell of the study is of a kind that a number was published of.",
        f"Published at lags that were not run: {listed([f'{lag:,}' for lag in missing])}." if missing else "",
        f"Hollow: published ({sources}). Filled: means over members with 95% bootstrap intervals; a triangle is a mean "
        "that members who did not solve could only raise.",
    ]
    return " ".join(filter(None, sentences))


def _subject(one: Beside) -> str:
    at = f" at length {one.published.length}" if one.published.length else ""
    return f"{one.cell}, {METRICS[one.published.metric]}{at}, lag {one.published.lag}"


def _numbers(one: Beside) -> str:
    least = ">= " if one.runs.censored else ""
    return f"published {one.published.shown}, ours {least}{with_range(*one.ours)}"


def alt(study: Study) -> str:
    """Return a description for who cannot see the figure."""
    told = [
        f"{_subject(one)}: published {one.published.shown}, ours {significant(one.ours.middle)}"
        for one in beside_published(study)
        if one.cell
    ]
    return f"Published numbers and ours on {study.task}. {'; '.join(told)}."


def rows(study: Study) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return published_frame(study)
