"""The gradient of the training loss at every time step, while the members learn."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lstm_bench.analysis.frames import Study
from lstm_bench.analysis.gradients import state_gradient_summary
from lstm_bench.analysis.wording import listed, significant, span_of
from lstm_bench.report.style import colours, log_axis, new_figure, say_in, themed

QUESTION = "What gradient does training see?"
DECADES = 9  # below the largest norm: what is smaller moves no weight


@themed
def draw(study: Study) -> Figure:
    """Draw ||dL/ds_t|| against steps back: a row a part of the state, a column a cell, stronger lines later."""
    summary, shades = state_gradient_summary(study), colours(study.cells)
    quantities = list(dict.fromkeys(summary["quantity"]))
    figure = new_figure(1.1 + 2.0 * len(quantities))
    grid = figure.subplots(len(quantities), len(study.cells), squeeze=False, sharex=True, sharey=True)
    for line, quantity in zip(grid, quantities, strict=True):
        for axes, cell in zip(line, study.cells, strict=True):
            chosen = summary.loc[(summary["quantity"] == quantity) & (summary["cell"] == cell)]
            _draw_stages(axes, chosen, shades[cell], f"{cell} has no {quantity.removeprefix('dL/d')}")
        line[0].set_ylabel(f"|| {quantity} ||")
    _finish(grid[0], grid[-1], study, summary)
    return figure


def _draw_stages(axes: Axes, chosen: pd.DataFrame, shade: str, absent: str) -> None:
    if chosen.empty:
        say_in(axes, absent)
        axes.set_axis_off()
    stages = sorted(chosen["step"].unique())
    for place, step in enumerate(stages):
        stage = chosen.loc[(chosen["step"] == step) & (chosen["median"] > 0)]
        strength = 0.3 + 0.7 * (place + 1) / len(stages)
        label = f"step {step:,} (n = {span_of(stage['n'])})" if len(stage) else f"step {step:,}: all 0"
        axes.plot(
            stage["steps_back"], stage["median"], color=shade, alpha=strength, linewidth=0.9 + strength, label=label
        )


def _finish(top: list[Axes], bottom: list[Axes], study: Study, summary: pd.DataFrame) -> None:
    highest = float(summary["median"].max())
    positive = summary.loc[summary["median"] > 0, "median"]
    if len(positive):
        log_axis(top[0])
        top[0].set(ylim=(max(positive.min() / 2, highest * 10.0**-DECADES), 3 * highest))
    for axes, cell in zip(top, study.cells, strict=True):
        axes.set_title(cell, fontsize="medium")
    top[0].set_xlim(0, summary["steps_back"].max())
    for first, last in zip(top, bottom, strict=True):
        last.set_xlabel(f"steps back (lag {span_of(summary['lag'])})")
        if first.lines:
            last.legend(handles=first.lines, loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=2, fontsize="small",
                        handlelength=1.2)  # fmt: skip


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
    return (
        f"At lag {lag}, norm at the first time step over that at the last: {'; '.join(told)}. Lines are medians over "
        "the members still in training at that step; the norm is over batch and units, of the total derivative of the "
        "training loss."
    )


def _left(rows: pd.DataFrame) -> str:
    shares = [_share(rows.loc[rows["step"] == step]) for step in (rows["step"].min(), rows["step"].max())]
    return f"{rows['quantity'].iloc[0]} {shares[0]} at the start of training and {shares[1]} at its end"


def _share(stage: pd.DataFrame) -> str:
    last, *_, first = stage.sort_values("steps_back")["median"].tolist()
    return significant(first / last, 2) if last > 0 else "0/0"


def alt(study: Study) -> str:
    """Return a description for who cannot see the figure."""
    return f"Gradient of the training loss of {study.task} at each state against steps back, for {listed(study.cells)}."


def rows(study: Study) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return state_gradient_summary(study).assign(study=study.plan.study)
