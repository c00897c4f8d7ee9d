"""What a cell costs: time and parameters."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.comparison import core_ratio
from lstm_bench.analysis.frames import Study
from lstm_bench.analysis.speed import shared_speed_rows, speed_ratio
from lstm_bench.analysis.wording import counted, listed, significant, span_of, times, with_range
from lstm_bench.records.schema import OURS, STOCK
from lstm_bench.report.style import INK, MUTED, colours, new_figure, themed

QUESTION = "What does it cost?"
BAR = 0.36
FAINT = 0.4


@themed
def draw(study: Study) -> Figure:
    """Draw trained sequences a second, ours and torch.nn's, beside the parameters with and without read-out."""
    shades, rows = colours(study.cells), shared_speed_rows(study)
    figure = new_figure(1.5 + 0.62 * len(study.cells))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
    for place, cell in enumerate(study.cells):
        _draw_speed(left, place, rows.loc[rows["cell"] == cell], shades[cell])
        _draw_parameters(right, place, study, cell, shades[cell])
    left.set(yticks=range(len(study.cells)), yticklabels=study.cells, ylim=(len(study.cells) - 0.5, -0.5))
    at = f"lag {span_of(rows['lag'])}, batch {span_of(rows['batch_size'])}"
    left.set_xlabel(f"sequences/s in training, {at}\nmedian and quartiles of {span_of(rows['repeats'])} timings")
    right.set_xlabel("parameters")
    for axes in (left, right):
        axes.margins(x=0.45)
        axes.set_xlim(left=0)
        axes.grid(visible=False)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.tick_params(left=False)
    return figure


def _draw_speed(axes: Axes, place: int, rows: pd.DataFrame, shade: str) -> None:
    for shift, implementation, alpha in ((-0.5, OURS, 1.0), (0.5, STOCK, FAINT)):
        row = rows.loc[rows["implementation"] == implementation]
        y = place + shift * BAR
        if row.empty:
            axes.annotate(f"{implementation}: not measured", (0.01, y), xycoords=("axes fraction", "data"), va="center",
                          fontsize="x-small", color=MUTED)  # fmt: skip
            continue
        value, low, high = (float(row[f"sequences_per_s{end}"].iloc[0]) for end in ("", "_q25", "_q75"))
        axes.barh(y, value, height=BAR, color=shade, alpha=alpha, linewidth=0)
        axes.errorbar(value, y, xerr=np.array([[value - low], [high - value]]), color=INK, linewidth=1, capsize=2)
        axes.annotate(f"{significant(value)}  {implementation}", (high, y), xytext=(5, 0),
                      textcoords="offset points", va="center", fontsize="small", color=INK)  # fmt: skip


def _draw_parameters(axes: Axes, place: int, study: Study, cell: str, shade: str) -> None:
    job = max((job for job in study.plan.jobs if job.cell == cell), key=lambda job: job.lag)
    readout = job.n_parameters - job.n_parameters_core
    axes.barh(place, job.n_parameters_core, height=BAR, color=shade, linewidth=0)
    axes.barh(place, readout, left=job.n_parameters_core, height=BAR, color=shade, alpha=FAINT, linewidth=0)
    axes.annotate(f"{job.n_parameters_core:,} + {readout:,} read-out", (job.n_parameters, place), xytext=(5, 0),
                  textcoords="offset points", va="center", fontsize="small", color=INK)  # fmt: skip


def caption(study: Study) -> str:
    """Return the finding: each cell's speed with quartiles, over the first cell's, and against the stock layer."""
    rows = shared_speed_rows(study)
    if rows.empty:
        sizes = {job.cell: job.n_parameters_core for job in study.plan.jobs}
        told = listed([f"{cell} {size:,}" for cell, size in sizes.items()])
        return f"Speed was not measured. Core parameters: {told}."
    ours = rows.loc[rows["implementation"] == OURS]
    told = listed([_told(study, str(row.cell), row) for row in ours.itertuples()])
    first = rows.iloc[0]
    how = (
        f"Medians and quartiles of {first['repeats']} timings of a whole training step at lag {span_of(rows['lag'])}, "
        f"{first['dtype']}, {first['device']}, {counted(int(first['threads']), 'thread')}."
    )
    return " ".join(filter(None, [f"Sequences trained a second: {told}.", _stock(rows), how]))


def _told(study: Study, cell: str, row: object) -> str:
    value, low, high = (float(getattr(row, f"sequences_per_s{end}")) for end in ("", "_q25", "_q75"))
    first = study.cells[0]
    if cell == first:
        return f"{cell} {with_range(value, low, high)}"
    speed, size = times(speed_ratio(study, cell, first)), times(core_ratio(study, cell, first))
    return f"{cell} {with_range(value, low, high)}, {speed} that of {first} with {size} its core parameters"


def _stock(rows: pd.DataFrame) -> str:
    by_name = rows.pivot_table(index="cell", columns="implementation", values="sequences_per_s", sort=False)
    if not {OURS, STOCK} <= set(by_name.columns):
        return ""
    both = by_name.dropna()
    ratios = [
        f"{times(ours / stock)} for {cell}"
        for cell, ours, stock in zip(both.index, both[OURS], both[STOCK], strict=True)
    ]
    return f"Over the stock layer of torch.nn that is {listed(ratios)}." if ratios else ""


def alt(study: Study) -> str:
    """Return a description for who cannot see the figure."""
    return f"Bars of training speed and of parameters on {study.task}, a pair for each of {listed(study.cells)}."


def rows(study: Study) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return study.speed.assign(study=study.plan.study)
