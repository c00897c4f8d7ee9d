"""Panels of a speed study: one per hidden and batch size, a row per cell and length, a mark per implementation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lstm_bench.analysis.speed_benchmark import IMPLEMENTATIONS, SpeedBenchmark
from lstm_bench.report.figures.table_rows import rows_where
from lstm_bench.report.panels import legend, legend_entry, new_figure, reference_line, row_axis
from lstm_bench.report.style import INK, PAPER, RULE, colours
from lstm_bench.report.typography import typeset

LINE = 0.155  # inches for one mark and its label
COLUMNS = 2
MARKERS = "osD^vP"
LABELS = ("task", "cell", "hidden_size", "batch_size", "lag", "length", "implementation", "rounds")
GROUND = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.0}  # behind a number, where a line would cross it


def benchmark_rows(benchmark: SpeedBenchmark, is_shown: pd.Series, value: str) -> pd.DataFrame:
    """Return a value with its quartiles for each job and implementation that is shown, with the study's name."""
    return benchmark.rows.loc[is_shown, [*LABELS, value, f"{value}_q25", f"{value}_q75"]].assign(
        study=benchmark.plan.study
    )


class Look(NamedTuple):
    """How an implementation is marked in every figure."""

    colour: str
    marker: str


def looks(implementations: Sequence[str]) -> dict[str, Look]:
    """Return a look for each implementation; the known ones look the same in every benchmark."""
    names = list(dict.fromkeys([*IMPLEMENTATIONS, *implementations]))
    shades = colours(names)
    return {name: Look(shades[name], MARKERS[place % len(MARKERS)]) for place, name in enumerate(names)}


def draw_panels(
    rows: pd.DataFrame, value: str, implementations: Sequence[str], write: Callable[[float], str], line_at: float
) -> Figure:
    """Draw a value with its quartiles for each implementation, each mark with its number next to it.

    Panels are sorted by batch size, then hidden size, in up to 2 columns. The caller scales the x axis.

    Args:
        rows: a row per job and implementation, see `benchmark_rows`.
        value: the column of the value.
        implementations: those to draw, in the order of the legend.
        write: returns the text of the number next to a mark.
        line_at: the x at which a dashed line crosses every panel.
    """
    places = _places(rows)
    sizes = list(
        rows[["batch_size", "hidden_size"]].drop_duplicates().sort_values(["batch_size", "hidden_size"]).values
    )
    columns = min(COLUMNS, rows["hidden_size"].nunique())
    n_rows = -(-len(sizes) // columns)
    figure = new_figure(0.75 + n_rows * (0.5 + LINE * len(places) * (len(implementations) + 0.9)))
    grid = list(figure.subplots(n_rows, columns, squeeze=False, sharex=True, sharey=True).flat)
    for axes, (batch, hidden) in zip(grid, sizes, strict=False):
        panel_rows = rows_where(rows, batch_size=batch, hidden_size=hidden)
        axes.set_title(f"H = {hidden}, B = {batch}", fontsize="medium")
        reference_line(axes, x=line_at)
        _draw_panel(axes, panel_rows, value, implementations, places, write)
    for axes in grid[len(sizes) :]:
        axes.remove()
    style = looks(implementations)
    legend(figure, [_entry(name, style[name]) for name in implementations])
    return figure


def _places(rows: pd.DataFrame) -> dict[tuple[str, str, int], int]:
    """Return the row of each task, cell and length: cells in the order of the records, each by length."""
    keys = list(dict.fromkeys(zip(rows["task"], rows["cell"], rows["length"].astype(int), strict=True)))
    cells = list(dict.fromkeys((task, cell) for task, cell, _ in keys))
    ordered = sorted(keys, key=lambda place: (cells.index(place[:2]), place[2]))
    return {key: place for place, key in enumerate(ordered)}


def _draw_panel(
    axes: Axes, rows: pd.DataFrame, value: str, implementations: Sequence[str],
    places: Mapping[tuple[str, str, int], int], write: Callable[[float], str],
) -> None:  # fmt: skip
    height, style = 1 / (len(implementations) + 0.9), looks(implementations)
    for row in rows.to_dict("records"):
        if row["implementation"] in implementations:
            shift = (implementations.index(row["implementation"]) - (len(implementations) - 1) / 2) * height
            y = places[row["task"], row["cell"], int(row["length"])] + shift
            ends = (float(row[value]), float(row[f"{value}_q25"]), float(row[f"{value}_q75"]))
            _mark(axes, y, ends, style[row["implementation"]], write)
    for line in range(len(places) - 1):
        axes.axhline(line + 0.5, color=RULE, linewidth=0.6)
    row_axis(axes, _labels(places))
    axes.tick_params(labelbottom=True)


def _mark(axes: Axes, y: float, value: tuple[float, float, float], look: Look, write: Callable[[float], str]) -> None:
    middle, low, high = value
    if not np.isfinite(middle):
        return
    whiskers: Any = np.array([[middle - low], [high - middle]])
    axes.errorbar(middle, y, xerr=whiskers, color=look.colour, marker=look.marker, markersize=4, linewidth=1, capsize=2)
    axes.annotate(typeset(write(middle)), (max(middle, high), y), xytext=(5.5, 0), textcoords="offset points",
                  va="center_baseline", fontsize="x-small", color=INK, zorder=1.5, bbox=GROUND)  # fmt: skip


def _labels(places: Mapping[tuple[str, str, int], int]) -> list[str]:
    is_one_task = len({task for task, _, _ in places}) == 1
    return [f"{'' if is_one_task else f'{task} '}{cell}, T = {length}" for task, cell, length in places]


def _entry(name: str, look: Look) -> Line2D:
    return legend_entry(name, color=look.colour, marker=look.marker, markersize=5, linewidth=0)
