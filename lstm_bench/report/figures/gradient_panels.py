"""Parts that figures of gradients share: a line within its band, its axes, and the number of members."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.wording import span_of
from lstm_bench.report.panels import draw_band, log_axis
from lstm_bench.report.typography import typeset

LOWEST, HIGHEST = 1e-9, 1e9  # ends of an axis of norms: smaller ones do not matter in training
FEW = 6  # most cells that can be distinguished in one panel


def draw_flow(axes: Axes, summary: pd.DataFrame, shade: str, *, with_band: bool = True, **line: Any) -> None:
    """Draw the middle of a summary against steps back, within its interval where that is known and wanted."""
    positive = summary.loc[summary["middle"] > 0].sort_values("steps_back")
    low, high = (positive[end].clip(LOWEST / 1e3, HIGHEST * 1e3) for end in ("low", "high"))
    draw_band(axes, positive["steps_back"], positive["middle"], (low, high) if with_band else None, shade, **line)


def norm_axis(axes: Axes, middles: pd.Series) -> None:
    """Make y a log axis from below 1e-3, or half the least value, to above the largest, but not beyond the ends."""
    log_axis(axes)
    positive = middles.loc[middles > 0].astype(float)
    least, most = (positive.min(), positive.max()) if len(positive) else (1.0, 1.0)
    axes.set_ylim(max(LOWEST, min(least / 2, 3e-4)), min(HIGHEST, 3 * max(most, 1.0)))


def steps_back_axis(axes: Axes, longest: float) -> None:
    """Make x the steps back, from none to the longest, with few ticks."""
    axes.set_xlim(0, longest)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))


def members_in(summary: pd.DataFrame) -> str:
    """Return "n = 4-5 members", typeset."""
    return f"n = {typeset(span_of(summary['n']))} members"
