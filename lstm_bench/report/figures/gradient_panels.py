"""What the figures of gradients share: a line within its band, and the axes it stands on."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.gradients import WHEN
from lstm_bench.analysis.wording import span_of
from lstm_bench.report.style import log_axis

LOWEST, HIGHEST = 1e-9, 1e9  # where an axis of norms ends: what is smaller is nothing for training
FEW = 6  # cells that can be told apart in one panel


def draw_band(axes: Axes, summary: pd.DataFrame, shade: str, *, with_band: bool = True, **line: Any) -> None:
    """Draw the middle of a summary against steps back, within its interval where that is known and wanted."""
    shown = summary.loc[summary["middle"] > 0].sort_values("steps_back")
    axes.plot(shown["steps_back"], shown["middle"], color=shade, **{"linewidth": 1.6, **line})
    if with_band:
        low, high = (shown[end].clip(LOWEST / 1e3, HIGHEST * 1e3) for end in ("low", "high"))
        axes.fill_between(shown["steps_back"], low, high, color=shade, alpha=0.16, linewidth=0)


def norm_axis(axes: Axes, middles: pd.Series) -> None:
    """Make y a log axis from below a thousandth, or the least value worth a look, to a little above the largest."""
    log_axis(axes)
    positive = middles.loc[middles > 0].astype(float)
    least, most = (positive.min(), positive.max()) if len(positive) else (1.0, 1.0)
    axes.set_ylim(max(LOWEST, min(least / 2, 3e-4)), min(HIGHEST, 3 * max(most, 1.0)))


def steps_back_axis(axes: Axes, longest: float) -> None:
    """Make x the steps back, from none to the longest, with few ticks."""
    axes.set_xlim(0, longest)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))


def moments_in(summary: pd.DataFrame) -> list[str]:
    """Return which of initialisation and end of training a summary has."""
    return [moment for moment in WHEN if (summary["moment"] == moment).any()]


def members_in(summary: pd.DataFrame) -> str:
    """Return "n = 4-5 members"."""
    return f"n = {span_of(summary['n'])} members"
