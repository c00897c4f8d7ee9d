"""What a cell costs: time and parameters."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.comparison import core_ratio
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.speed import shared_speed_rows, speed_ratio, stock_ratio, trained_rows
from lstm_bench.analysis.wording import counted, listed, significant, span_of, times, with_range
from lstm_bench.records.schema import OURS, STOCK
from lstm_bench.report.style import INK, MUTED, colours, new_figure, themed

QUESTION = "What does it cost?"
SHARE = 0.72  # of a cell's place that its bars fill
BAR = 0.36  # of the parameters
FAINT = 0.4
SHADES = (1.0, 0.65)  # the kernel that trained the cell, and one that it has in common with another


@themed
def draw(study: StudyData) -> Figure:
    """Draw trained sequences a second, a bar a kernel, beside the parameters with and without read-out."""
    shades, rows = colours(study.cells), shared_speed_rows(study)
    bars = max([2, *(rows["cell"].value_counts())])
    figure = new_figure(1.5 + 0.31 * bars * len(study.cells))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
    for place, cell in enumerate(study.cells):
        _draw_speed(left, place, rows.loc[rows["cell"] == cell], shades[cell], SHARE / bars)
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


def _draw_speed(axes: Axes, place: int, rows: pd.DataFrame, shade: str, bar: float) -> None:
    """Draw a cell's bars one below another: each kernel of ours, and the stock layer or that there is none."""
    ours, stock = (rows.loc[rows["implementation"] == name] for name in (OURS, STOCK))
    drawn = [*zip(_records(ours), SHADES, strict=False), *((row, FAINT) for row in _records(stock))]
    absent = [name for name, found in ((OURS, ours), (STOCK, stock)) if found.empty]
    first = place - bar * (len(drawn) + len(absent) - 1) / 2
    for number, (row, alpha) in enumerate(drawn):
        y = first + bar * number
        value, low, high = (row[f"sequences_per_s{end}"] for end in ("", "_q25", "_q75"))
        axes.barh(y, value, height=bar, color=shade, alpha=alpha, linewidth=0)
        axes.errorbar(value, y, xerr=np.array([[value - low], [high - value]]), color=INK, linewidth=1, capsize=2)
        told = f"{significant(value)}  {row['kernel']}, {counted(row['members'], 'member')}"
        axes.annotate(told, (high, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize="small",
                      color=INK)  # fmt: skip
    for number, name in enumerate(absent, len(drawn)):
        axes.annotate(f"{name}: not measured", (0.01, first + bar * number), xycoords=("axes fraction", "data"),
                      va="center", fontsize="x-small", color=MUTED)  # fmt: skip


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _draw_parameters(axes: Axes, place: int, study: StudyData, cell: str, shade: str) -> None:
    job = max((job for job in study.plan.jobs if job.cell == cell), key=lambda job: job.lag)
    readout = job.n_parameters - job.n_parameters_core
    axes.barh(place, job.n_parameters_core, height=BAR, color=shade, linewidth=0)
    axes.barh(place, readout, left=job.n_parameters_core, height=BAR, color=shade, alpha=FAINT, linewidth=0)
    axes.annotate(f"{job.n_parameters_core:,} + {readout:,} read-out", (job.n_parameters, place), xytext=(5, 0),
                  textcoords="offset points", va="center", fontsize="small", color=INK)  # fmt: skip


def caption(study: StudyData) -> str:
    """Return the finding: each cell's speed with quartiles, over the first cell's, like with like, and over torch.nn's.

    Sequences a second are those of all members that a step trains together, in one process.
    """
    rows = shared_speed_rows(study)
    if rows.empty:
        sizes = {job.cell: job.n_parameters_core for job in study.plan.jobs}
        told = listed([f"{cell} {size:,}" for cell, size in sizes.items()])
        return f"Speed was not measured. Core parameters: {told}."
    ours = rows.loc[rows["implementation"] == OURS]
    speeds = "; ".join(_told(str(cell), of_cell) for cell, of_cell in ours.groupby("cell", sort=False))
    first, together = rows.iloc[0], span_of(ours["members"])
    how = (
        f"Medians and quartiles of {first['repeats']} timings of a whole training step at lag {span_of(rows['lag'])}, "
        f"{first['dtype']}, {first['device']}, {counted(int(first['threads']), 'thread')}."
    )
    whose = "one member" if together == "1" else f"{together} members together"
    sentences = [f"Sequences trained a second, of {whose}: {speeds}.", *_ratios(study), *_stock(study, rows), how]
    return " ".join(sentences)


def _told(cell: str, rows: pd.DataFrame) -> str:
    """Say a cell's speed by each kernel of ours."""
    speeds = [
        f"{with_range(*(row[f'sequences_per_s{end}'] for end in ('', '_q25', '_q75')))} by {row['kernel']}"
        for row in _records(rows)
    ]
    return f"{cell} {listed(speeds)}"


def _ratios(study: StudyData) -> Iterator[str]:
    """Say each cell's speed over the first's where both ran one kernel, and of whom there is no such pair."""
    first, *others = study.cells
    found = {cell: speed_ratio(study, cell, first) for cell in others}
    told = [
        f"{cell} {times(ratio.value)} (both {ratio.kernel}) with {times(core_ratio(study, cell, first))} its core "
        "parameters"
        for cell, ratio in found.items()
        if ratio is not None
    ]
    if told:
        yield f"Over {first} that is {listed(told)}."
    if alone := [cell for cell, ratio in found.items() if ratio is None]:
        yield f"No kernel of both {first} and {' or '.join(alone)} was timed alike, so there is no ratio."


def _stock(study: StudyData, rows: pd.DataFrame) -> Iterator[str]:
    """Say the speed over the stock layer's, and how stock layers compare with one another."""
    stock = rows.loc[rows["implementation"] == STOCK].set_index("cell")["sequences_per_s"]
    trained = rows.loc[rows.index.isin(trained_rows(study).index)].set_index("cell")["sequences_per_s"]
    over = (trained / stock).dropna()
    if len(over):
        told = listed([f"{times(over[cell])} for {cell}" for cell in study.cells if cell in over])
        yield f"Over torch.nn's stock layer, which trains one member, the kernel that trained a cell is {told}."
    first, *others = study.cells
    between = {cell: ratio for cell in others if (ratio := stock_ratio(study, cell, first)) is not None}
    if between:
        told = listed([f"{times(ratio.value)} for {cell}" for cell, ratio in between.items()])
        yield f"Between stock layers, over that of {first}, that is {told}."


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    return f"Bars of training speed by kernel, and of parameters, on {study.task}, for each of {listed(study.cells)}."


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return study.speed.assign(study=study.plan.study)
