"""The gradient of the training loss at every time step, while the members learn."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from lstm_bench.analysis.frames import Study
from lstm_bench.analysis.gradients import state_gradient_summary
from lstm_bench.analysis.wording import listed, significant, span_of
from lstm_bench.report.style import INK, colours, log_axis, new_figure, say_in, themed

QUESTION = "What gradient does training see?"
DECADES = 9  # below the largest norm: what is smaller moves no weight


@themed
def draw(study: Study) -> Figure:
    """Draw ||dL/ds_t|| against steps back: a row a cell, a column a part of the state, stronger lines later."""
    summary, shades = state_gradient_summary(study), colours(study.cells)
    cells = [cell for cell in study.cells if (summary["cell"] == cell).any()]
    quantities = list(dict.fromkeys(summary["quantity"]))
    figure = new_figure(0.8 + 1.55 * len(cells))
    grid = figure.subplots(len(cells), len(quantities), squeeze=False, sharex=True, sharey=True)
    for line, cell in zip(grid, cells, strict=True):
        for axes, quantity in zip(line, quantities, strict=True):
            chosen = summary.loc[(summary["quantity"] == quantity) & (summary["cell"] == cell)]
            _draw_stages(axes, chosen, shades[cell], f"{cell} has no {quantity.removeprefix('dL/d')}")
        drawn = [axes for axes in line if axes.lines]
        line[-1].legend(handles=drawn[0].lines, loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small",
                        title=cell, alignment="left", handlelength=1.4)  # fmt: skip
    for axes, quantity in zip(grid[0], quantities, strict=True):
        axes.set_title(f"|| {quantity} ||", fontsize="medium")
    _finish(figure, grid, summary)
    return figure


def _draw_stages(axes: Axes, chosen: pd.DataFrame, shade: str, absent: str) -> None:
    if chosen.empty:
        say_in(axes, absent)
        axes.set_axis_off()
    stages = sorted(chosen["step"].unique())
    for place, step in enumerate(stages):
        at_stage = chosen.loc[chosen["step"] == step]
        shown = at_stage.loc[at_stage["median"] > 0]  # a log axis has no room for 0
        strength = 0.3 + 0.7 * (place + 1) / len(stages)
        label = f"step {step:,} (n = {span_of(at_stage['n'])})"
        axes.plot(
            shown["steps_back"], shown["median"], color=shade, alpha=strength, linewidth=0.9 + strength, label=label
        )


def _finish(figure: Figure, grid: NDArray[np.object_], summary: pd.DataFrame) -> None:
    first = grid[0][0]
    positive = summary.loc[summary["median"] > 0, "median"]
    if len(positive):
        log_axis(first)
        first.set_ylim(max(positive.min() / 2, positive.max() * 10.0**-DECADES), 3 * positive.max())
    first.set_xlim(0, summary["steps_back"].max())
    first.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    for column in grid.T:
        lowest = [axes for axes in column if axes.lines][-1]
        lowest.tick_params(labelbottom=True)
    figure.supxlabel(f"steps back from the last (lag {span_of(summary['lag'])})", fontsize="medium", color=INK)
    figure.supylabel("gradient norm", fontsize="medium", color=INK)


def caption(study: Study) -> str:
    """Return the finding: what is left of the gradient at the cue, at the start and at the end of training."""
    summary = state_gradient_summary(study)
    if summary.empty:
        return "No gradient of the state was recorded."
    told = [
        f"{cell} {listed([_left(part) for _, part in rows.groupby('quantity', observed=True, sort=False)])}"
        for cell, rows in summary.groupby("cell", observed=True, sort=False)
    ]
    lag = span_of(summary["lag"])
    absent = [cell for cell in study.cells if not (summary["cell"] == cell).any()]
    told += [f"{listed(absent)} not measured"] if absent else []
    return (
        f"At lag {lag}, the norm at the first time step as a share of that at the last: {'; '.join(told)}. Lines are "
        "medians over the members still in training at that step; the norm is over batch and units, of the total "
        "derivative of the training loss."
    )


def _left(rows: pd.DataFrame) -> str:
    shares = [_share(rows.loc[rows["step"] == step]) for step in (rows["step"].min(), rows["step"].max())]
    return f"{rows['quantity'].iloc[0]} {shares[0]} before and {shares[1]} after training"


def _share(stage: pd.DataFrame) -> str:
    last, *_, first = stage.sort_values("steps_back")["median"].tolist()
    return significant(first / last, 2) if last > 0 else "0/0"


def alt(study: Study) -> str:
    """Return a description for who cannot see the figure."""
    return f"Gradient of the training loss of {study.task} at each state against steps back, for {listed(study.cells)}."


def rows(study: Study) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return state_gradient_summary(study).assign(study=study.plan.study)
