"""Panels of span against a price, one per task, with the Pareto front."""

import math
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from lstm_bench.analysis.frames import StudyData, of_all_tasks
from lstm_bench.analysis.memory_span import KNOWN
from lstm_bench.analysis.solving import lags_tried
from lstm_bench.analysis.span_costs import LEAST_CELLS, Price, span_costs
from lstm_bench.analysis.wording import counted, listed
from lstm_bench.report.figures.findings import joined
from lstm_bench.report.figures.table_rows import rows_where
from lstm_bench.report.labels import name_points
from lstm_bench.report.panels import legend, legend_entry, log_ticks, name_axes, new_figure, power_of_ten
from lstm_bench.report.style import INK, MUTED, colours_of_kinds, themed, without_matched_size

METHOD = (
    "Each point is a cell, each panel a task: T50 in steps held, with its 95% interval, against {price}. The line is "
    "the Pareto front: the longest span at this price or a lower one, by the middle values; a lower bound counts as "
    "the bound. Arrows are bounds: upwards, where every member solves the longest lag or the span still grows with the "
    "budget; downwards, where none solves the shortest{further}. Bounds that point right or down are on no front."
)
COLUMNS = (
    "study", "task", "variant", "cell", "price", "is_open", "is_at_most", "on_front", "cost_lag", "solved_lag",
    "span_outcome", "distance",
    "distance_low", "distance_high", "distance_text", "budget_limited", "held",
)  # fmt: skip
MOST_BESIDE = 12  # most cells of a task for panels side by side in pairs
ROW_HEIGHT = {1: 3.9, 2: 3.2}  # inches, by how many panels stand in a row
ARROW = 11  # points
ROOM = 1.6  # factor beyond the outermost points, where names stand
FEW_DECADES, MANY = 300, 1e5  # most ratio of prices for ticks between powers of ten; prices above are written so
LEAST_SPAN, LEAST_PRICE = 0.5, 1.0
Direction = Literal["up", "down", "right", "left"]
DIRECTIONS: dict[Direction, tuple[float, float]] = {
    "up": (0, ARROW),
    "down": (0, -ARROW),
    "right": (ARROW, 0),
    "left": (-ARROW, 0),
}


def points(study: StudyData, price: Price) -> pd.DataFrame:
    """Return the points, a row per task and cell with a span and a price, of tasks that were tried at several lags.

    price: the value, or the budget of the members where half of them do not solve the lag. is_open: whether it is that
    budget. is_at_most: whether it is the price of a longer lag than `cost_lag`. on_front: see `span_costs`. Further
    columns are those of the span in steps held, `cost_lag` and `solved_lag`.
    """
    return of_all_tasks(study, lambda task: _points(task, price))


def _points(study: StudyData, price: Price) -> pd.DataFrame:
    table = span_costs(study)
    middle = table[price].astype(float)
    is_open = np.isinf(middle)
    budgets = table["flops_budget"] if price == "flops" else middle
    drawn = table.assign(
        price=middle.where(~is_open, budgets),
        is_open=is_open,
        is_at_most=(price == "flops") & (table["solved_lag"].astype(float) > table["cost_lag"].astype(float)),
        on_front=table[f"front_{price}"].astype(bool),
    )
    is_drawn = drawn["price"].notna() & drawn["span_outcome"].isin(KNOWN) & (lags_tried(study) > 1)
    return drawn.loc[is_drawn if is_drawn.sum() >= LEAST_CELLS else [], list(COLUMNS)]


@themed
def draw(study: StudyData, price: Price, price_label: str) -> Figure:
    """Draw a panel per task, each with its own axes, all logarithmic."""
    table, shades = points(study, price), colours_of_kinds([task.cells for task in study.by_task()])
    tasks = list(dict.fromkeys(zip(table["task"], table["variant"], strict=True)))
    most = int(table.groupby(["task", "variant"])["cell"].size().max())
    columns = 2 if len(tasks) > 1 and most <= MOST_BESIDE else 1
    n_rows = -(-len(tasks) // columns)
    figure = new_figure(0.7 + ROW_HEIGHT[columns] * n_rows)
    panels = list(figure.subplots(n_rows, columns, squeeze=False).flat)
    for axes in panels[len(tasks) :]:
        axes.set_axis_off()
    drawn = [
        (axes, rows_where(table, task=task, variant=variant))
        for axes, (task, variant) in zip(panels, tasks, strict=False)
    ]
    for axes, rows in drawn:
        _draw_task(axes, rows, shades)
        axes.set_title(_title(rows, price))
    is_held = bool(table["held"].all())
    name_axes(figure, price_label, f"T50 ({'steps held' if is_held else 'steps'})")
    legend(figure, _marks())
    for axes, rows in drawn:
        _name_cells(axes, rows)
    return figure


def _title(rows: pd.DataFrame, price: Price) -> str:
    row = rows.iloc[0]
    at = f", solving lag {row['cost_lag']:.0f}" if price == "flops" else ""
    return f"{row['task']} ({row['variant']}){at}"


def _marks() -> list[Any]:
    return [
        legend_entry("Pareto front", color=MUTED, linewidth=1.4),
        legend_entry("cell on it", marker="o", linestyle="none", markersize=6),
        legend_entry("other cell", marker="o", linestyle="none", markersize=6, markerfacecolor="none"),
    ]


def _draw_task(axes: Axes, rows: pd.DataFrame, shades: Any) -> None:
    axes.set(xscale="log", yscale="log")
    prices, spans = rows["price"].astype(float), rows["distance"].astype(float)
    axes.set_xlim(max(LEAST_PRICE, prices.min()) / ROOM, prices.max() * ROOM)
    axes.set_ylim(max(LEAST_SPAN, spans.min()) / ROOM, spans.max() * ROOM)
    for row in rows.itertuples():
        _draw_cell(axes, row, shades[row.cell])
    axes.plot(*np.array(_front_line(axes, rows)).reshape(-1, 2).T, color=MUTED, linewidth=1.4, zorder=1.5)
    log_ticks(axes.xaxis, LogLocator(subs=(1, 2, 5) if prices.max() < FEW_DECADES * prices.min() else (1,)), "{:,g}")
    if prices.max() > MANY:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    log_ticks(axes.yaxis, LogLocator(base=2, numticks=8), "{:,g}")


def _draw_cell(axes: Axes, row: Any, shade: str) -> None:
    low = max(row.distance_low, LEAST_SPAN) if math.isfinite(row.distance_low) else row.distance
    high = row.distance_high if math.isfinite(row.distance_high) else row.distance
    axes.plot([row.price, row.price], [low, high], color=shade, linewidth=1.1, alpha=0.7)
    face = shade if row.on_front else "none"
    axes.plot([row.price], [row.distance], "o", color=shade, markersize=6, markerfacecolor=face)
    for direction in _bounds(row):
        _arrow(axes, row, DIRECTIONS[direction], shade)


def _bounds(row: Any) -> list[Direction]:
    """Return the directions in which the true point of a cell may lie."""
    bounds: dict[Direction, bool] = {
        "up": row.span_outcome == "above" or row.budget_limited,
        "down": row.span_outcome == "below",
        "right": row.is_open,
        "left": row.is_at_most,
    }
    return [direction for direction, is_bound in bounds.items() if is_bound]


def _arrow(axes: Axes, row: Any, offset: tuple[float, float], shade: str) -> None:
    axes.annotate(
        "", (row.price, row.distance), xytext=offset, textcoords="offset points", in_layout=False,
        arrowprops={"arrowstyle": "<|-", "color": shade, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 3},
    )  # fmt: skip


def _front_line(axes: Axes, rows: pd.DataFrame) -> list[tuple[float, float]]:
    """Return the corners of the line of the front, a step at each price, up to the right edge; none without a front."""
    front = rows.loc[rows["on_front"]].sort_values("price")
    if front.empty:
        return []
    prices, spans = [*front["price"], axes.get_xlim()[1]], front["distance"].tolist()
    steps = zip(pairwise(prices), spans, strict=True)
    return [(price, span) for ends, span in steps for price in ends]


def _name_cells(axes: Axes, rows: pd.DataFrame) -> None:
    ordered = rows.sort_values("on_front", ascending=False, kind="stable")
    shades = [INK if is_on else MUTED for is_on in ordered["on_front"]]
    places = list(zip(ordered["price"], ordered["distance"], strict=True))
    arrows = [
        (place, DIRECTIONS[bound])
        for place, row in zip(places, ordered.itertuples(), strict=True)
        for bound in _bounds(row)
    ]
    name_points(axes, _short_names(ordered["cell"].tolist()), places, shades, _front_line(axes, rows), arrows)


def _short_names(cells: list[str]) -> list[str]:
    """Return names without the hidden sizes that matched parameters gave, where the names remain distinct."""
    short = [without_matched_size(cell) for cell in cells]
    return short if len(set(short)) == len(short) else cells


def finding(study: StudyData, price: Price, name: str) -> str:
    """Return which cells are on the front of each task, and which are not drawn; "" without points."""
    table = points(study, price)
    if table.empty:
        return ""
    fronts = [
        f"{listed(rows.loc[rows['on_front']].sort_values('price')['cell'].tolist()) or 'no cell'} on {task}"
        for task, rows in table.groupby("task", sort=False)
    ]
    is_open = ~table["on_front"] & ((table["span_outcome"] == "above") | table["budget_limited"])
    trained = span_costs(study)
    absent = int(trained["task"].isin(table["task"]).sum()) - len(table)
    return joined(
        f"On the front, where no other cell holds longer for {name}: {'; '.join(fronts)}.",
        f"Off the front, {counted(int(is_open.sum()), 'span')} known only by lower bounds may belong on it."
        if is_open.any()
        else "",
        f"Not drawn for lack of a span or a price: {counted(absent, 'cell')}." if absent else "",
    )
