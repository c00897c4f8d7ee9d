"""What is left of the gradient, step by step back, before and after training."""

import math

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.frames import Study
from lstm_bench.analysis.gradients import (
    FINAL,
    INITIAL,
    WHEN,
    decay_per_step,
    flow_summary,
    horizon,
    longest_lag_with_flow,
)
from lstm_bench.analysis.wording import listed, span_of, with_range
from lstm_bench.report.style import MUTED, cell_legend, colours, log_axis, new_figure, say_in, themed

QUESTION = "Does the gradient reach back?"
HORIZON = 1e-3
LOWEST = 1e-9  # where the axis ends: what is smaller is nothing for training


@themed
def draw(study: Study) -> Figure:
    """Draw g_k against k on a log scale: the median over members of each cell, within its quartiles."""
    shades, lag = colours(study.cells), longest_lag_with_flow(study)
    flow = flow_summary(study)
    flow = flow.loc[flow["lag"] == lag]
    figure = new_figure(3.5)
    for axes, when in zip(figure.subplots(1, 2, sharex=True, sharey=True), WHEN, strict=True):
        axes.axhline(HORIZON, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.set_title(when, fontsize="medium")
        log_axis(axes)
        at_moment = flow.loc[flow["when"] == when]
        for cell in study.cells:
            _draw_cell(axes, at_moment.loc[at_moment["cell"] == cell], shades[cell])
        axes.set_xlabel(f"steps back k (lag {lag}, n = {span_of(flow['n'])} members)")
        if at_moment.empty:
            say_in(axes, "not measured")
    first = figure.axes[0]
    lowest = flow.loc[flow["q25"] > 0, "q25"].min()
    first.set(ylabel="gradient flow g (1 at the last step)", ylim=(max(LOWEST, min(lowest, HORIZON / 10)), None))
    first.set_xlim(0, flow["steps_back"].max())
    first.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    figure.axes[1].annotate(
        "horizon\n1e-3",
        (1.01, HORIZON),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize="x-small",
        color=MUTED,
    )
    cell_legend(figure, study.cells, shades)
    return figure


def _draw_cell(axes: Axes, flow: pd.DataFrame, shade: str) -> None:
    shown = flow.loc[flow["median"] > 0]
    lower = shown["q25"].clip(lower=LOWEST / 10)
    axes.fill_between(shown["steps_back"], lower, shown["q75"], color=shade, alpha=0.22, linewidth=0)
    sns.lineplot(shown, x="steps_back", y="median", color=shade, linewidth=1.8, ax=axes)


def caption(study: Study) -> str:
    """Return the finding: the decay per step and the horizon of each cell, before and after training."""
    lag = longest_lag_with_flow(study)
    if lag is None:
        return "No gradient flow was measured."
    told = [f"{cell} {_decays(study, cell, lag)}" for cell in study.cells if _decays(study, cell, lag)]
    n = flow_summary(study).query("lag == @lag")["n"]
    return (
        f"Each step back multiplies the gradient by a factor: {'; '.join(told)}. Lines are medians, bands quartiles "
        f"over {span_of(n)} members at lag {lag}; the norm is over the whole state (h, or h and c together), from the "
        "last step alone."
    )


def _decays(study: Study, cell: str, lag: int) -> str:
    return ", and ".join(filter(None, (_decay(study, cell, lag, when) for when in WHEN)))


def _decay(study: Study, cell: str, lag: int, when: str) -> str:
    decay = decay_per_step(study, cell, lag, when)
    if math.isnan(decay.middle):
        return ""
    steps = horizon(study, cell, lag, when)
    reach = f"below 1e-3 after {steps:.0f} steps" if math.isfinite(steps) else "above 1e-3 throughout"
    return f"{with_range(*decay)} {when}, {reach}"


def alt(study: Study) -> str:
    """Return a description for who cannot see the figure."""
    lines = listed(study.cells)
    return f"Gradient flow against steps back on {study.task}, {INITIAL} and {FINAL}, a line for each of {lines}."


def rows(study: Study) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return flow_summary(study).assign(study=study.plan.study)
