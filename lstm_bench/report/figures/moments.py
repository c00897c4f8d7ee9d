"""The start and the end of training in one picture: the start dashed, the end solid."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lstm_bench.analysis.gradients import WHEN
from lstm_bench.metrics import FINAL, INITIAL
from lstm_bench.report.figures.table_rows import rows_where
from lstm_bench.report.panels import draw_band, legend_entry
from lstm_bench.report.style import MUTED

DASHES: Mapping[str, Any] = {INITIAL: (0, (3, 2)), FINAL: "-"}


def moments_in(summary: pd.DataFrame) -> list[str]:
    """Return the moments that a summary has, of initialisation and end of training."""
    return [moment for moment in WHEN if (summary["moment"] == moment).any()]


def last_moment(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the end of training, or of the start where the end was not measured."""
    return rows_where(summary, moment=moments_in(summary)[-1])


def moment_entries(moments: Sequence[str]) -> list[Line2D]:
    """Return the legend entries for the lines of the start and the end."""
    return [legend_entry(WHEN[moment], color=MUTED, linestyle=DASHES[moment]) for moment in moments]


def draw_moments(axes: Axes, summary: pd.DataFrame, shade: str, **line: Any) -> None:
    """Draw the course of a number (at, middle, low, high) with its band, a line for each moment."""
    for moment in moments_in(summary):
        rows = rows_where(summary, moment=moment)
        draw_band(
            axes, rows["at"], rows["middle"], (rows["low"], rows["high"]), shade, linestyle=DASHES[moment], **line
        )
