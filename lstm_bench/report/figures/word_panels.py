"""What the two figures of words share: two panels against a distance in words, a line a cell and moment."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.wording import span_of, with_range
from lstm_bench.report.figures.moments import draw_moments, moment_entries, moments_in
from lstm_bench.report.figures.table_rows import rows_where
from lstm_bench.report.panels import cell_entries, legend, name_axes, new_figure
from lstm_bench.report.style import colours
from lstm_bench.report.typography import typeset


def draw_pair(
    study: StudyData, summary: pd.DataFrame, labels: Mapping[str, str], x: str, **line: Any
) -> tuple[Figure, tuple[Axes, Axes]]:
    """Draw two quantities side by side, a line with its interval for each cell and moment, the start dashed.

    Args:
        study: whose cells have the colours.
        summary: cell, moment, quantity, at, middle, low, high and n.
        labels: what stands along y, by quantity.
        x: what stands along x.
        line: how lines look beside their colour.
    """
    shades = colours(study.cells)
    figure = new_figure(3.3)
    left, right = figure.subplots(1, 2, sharex=True)
    for axes, (quantity, label) in zip((left, right), labels.items(), strict=True):
        of_quantity = rows_where(summary, quantity=quantity)
        for cell in study.cells:
            draw_moments(axes, rows_where(of_quantity, cell=cell), shades[cell], **line)
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    name_axes(figure, x=f"{x} (n = {typeset(span_of(summary['n']))} members)")
    legend(figure, [*cell_entries(study.cells, shades), *moment_entries(moments_in(summary))])
    return figure, (left, right)


def at_longest_lag(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the longest lag."""
    return rows_where(summary, lag=summary["lag"].max())


def with_interval(row: Any) -> str:
    """Return a row's middle with its interval, to three digits."""
    return with_range(float(row["middle"]), float(row["low"]), float(row["high"]), 3)
