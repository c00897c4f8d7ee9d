"""What a cell costs: time and parameters."""

from collections.abc import Mapping
from itertools import chain, repeat

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.comparison import core_ratio
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.speed import shared_speed_rows, speed_ratio, stock_ratio, trained_rows
from lstm_bench.analysis.wording import counted, listed, significant, span_of, times, with_range
from lstm_bench.records.speed import OURS, STOCK
from lstm_bench.report.figures.findings import by_cell, joined
from lstm_bench.report.figures.table_rows import rows_by_cell, rows_where
from lstm_bench.report.panels import new_figure
from lstm_bench.report.style import INK, MUTED, colours, themed

QUESTION = "What does each cell cost?"
METHOD = (
    "Bars are medians over timings of a whole training step, whiskers quartiles. The darkest bar of a cell is the "
    "kernel that trained it, a lighter one a kernel that it has in common with another cell, the lightest the stock "
    "layer of torch.nn, which trains one member. Ratios between cells compare one kernel that both ran under the "
    "same conditions. Parameters are those of the core, and, lighter, of the read-out."
)
BARS = 0.72  # share of a cell's place that its bars fill
PARAMETER_BAR = 0.36
FAINT = 0.4
SHADES = (1.0, 0.65)  # the kernel that trained the cell, and those that it has in common with others
RATE = "sequences_per_s"


@themed
def draw(study: StudyData) -> Figure:
    """Draw sequences trained per second, a bar per kernel, next to the parameters with and without read-out."""
    shades, speeds = colours(study.cells), shared_speed_rows(study)
    bars = max([2, *(speeds["cell"].value_counts())])
    figure = new_figure(1.5 + 0.31 * bars * len(study.cells))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
    for place, cell in enumerate(study.cells):
        _draw_speed(left, place, rows_where(speeds, cell=cell), shades[cell], BARS / bars)
        _draw_parameters(right, place, study, cell, shades[cell])
    left.set(yticks=range(len(study.cells)), yticklabels=study.cells, ylim=(len(study.cells) - 0.5, -0.5))
    left.set_xlabel(_conditions(speeds))
    right.set_xlabel("parameters")
    for axes in (left, right):
        axes.margins(x=0.45)
        axes.set_xlim(left=0)
        axes.grid(visible=False)
        axes.tick_params(left=False)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return figure


def _conditions(speeds: pd.DataFrame) -> str:
    """Return what was timed, and under which conditions."""
    first = speeds.iloc[0]
    machine = f"{first['dtype']}, {first['device']}, {counted(int(first['threads']), 'thread')}"
    return (
        f"sequences/s in training, lag {span_of(speeds['lag'])}, batch {span_of(speeds['batch_size'])}, {machine},\n"
        f"median and quartiles of {span_of(speeds['repeats'])} timings"
    )


def _draw_speed(axes: Axes, place: int, speeds: pd.DataFrame, shade: str, bar: float) -> None:
    """Draw a cell's bars one below another: our kernels and the stock layer, with a note for what is missing."""
    ours, stock = (rows_where(speeds, implementation=name) for name in (OURS, STOCK))
    shades = chain(SHADES, repeat(SHADES[-1]))
    drawn = [*zip(ours.to_dict("records"), shades, strict=False), *((row, FAINT) for row in stock.to_dict("records"))]
    absent = [name for name, timed in ((OURS, ours), (STOCK, stock)) if timed.empty]
    first = place - bar * (len(drawn) + len(absent) - 1) / 2
    for number, (row, alpha) in enumerate(drawn):
        y = first + bar * number
        value, low, high = (row[f"{RATE}{end}"] for end in ("", "_q25", "_q75"))
        axes.barh(y, value, height=bar, color=shade, alpha=alpha, linewidth=0)
        axes.errorbar(value, y, xerr=np.array([[value - low], [high - value]]), color=INK, linewidth=1, capsize=2)
        _write_at(axes, high, y, f"{significant(value)}  {row['kernel']}, {counted(row['members'], 'member')}")
    for number, name in enumerate(absent, len(drawn)):
        axes.annotate(f"{name}: not measured", (0.01, first + bar * number), xycoords=("axes fraction", "data"),
                      va="center", fontsize="x-small", color=MUTED)  # fmt: skip


def _draw_parameters(axes: Axes, place: int, study: StudyData, cell: str, shade: str) -> None:
    job = max((job for job in study.plan.jobs if job.cell == cell), key=lambda job: job.lag)
    core, readout = job.n_parameters_core, job.n_parameters - job.n_parameters_core
    axes.barh(place, core, height=PARAMETER_BAR, color=shade, linewidth=0)
    axes.barh(place, readout, left=core, height=PARAMETER_BAR, color=shade, alpha=FAINT, linewidth=0)
    _write_at(axes, job.n_parameters, place, f"{core:,} + {readout:,} read-out")


def _write_at(axes: Axes, x: float, y: float, text: str) -> None:
    axes.annotate(text, (x, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize="small", color=INK)


def finding(study: StudyData) -> str:
    """Return each cell's speed with quartiles, and its ratios to the first cell and to torch.nn, like with like.

    Sequences a second are those of all members that a step trains together, in one process.
    """
    speeds = shared_speed_rows(study)
    if speeds.empty:
        sizes = {job.cell: job.n_parameters_core for job in study.plan.jobs}
        parameters = listed([f"{cell} {size:,}" for cell, size in sizes.items()])
        return f"Speed was not measured. Core parameters: {parameters}."
    ours = rows_where(speeds, implementation=OURS)
    together = span_of(ours["members"])
    group = "one member" if together == "1" else f"{together} members together"
    fastest = ours.groupby("cell")[RATE].max().to_dict()
    texts = {cell: _speeds(of_cell) for cell, of_cell in rows_by_cell(study, ours).items()}
    named = "; ".join(by_cell(texts, lambda cell: -fastest[cell]))
    return joined(f"Sequences trained a second, of {group}: {named}.", _ratios(study), _over_stock(study, speeds))


def _speeds(of_cell: pd.DataFrame) -> str:
    """Return a cell's speed by each kernel of ours."""
    by_kernel = [
        f"{with_range(*(row[f'{RATE}{end}'] for end in ('', '_q25', '_q75')))} by {row['kernel']}"
        for row in of_cell.to_dict("records")
    ]
    return listed(by_kernel)


def _ratios(study: StudyData) -> str:
    """Return each cell's speed over the first's where both ran one kernel, and the cells without such a pair."""
    first, *others = study.cells
    ratios = {cell: ratio for cell in others if (ratio := speed_ratio(study, cell, first)) is not None}
    texts = {
        cell: f"{times(ratio.value)} (both {ratio.kernel}) with {times(core_ratio(study, cell, first))} its core "
        "parameters"
        for cell, ratio in ratios.items()
    }
    named = listed(by_cell(texts, lambda cell: -ratios[cell].value))
    unknown = " or ".join(cell for cell in others if cell not in ratios)
    return joined(
        f"Relative to {first}: {named}." if named else "",
        f"No kernel was timed alike for both {first} and {unknown}, so there is no ratio." if unknown else "",
    )


def _over_stock(study: StudyData, speeds: pd.DataFrame) -> str:
    """Return the speed over the stock layer's, and how stock layers compare with one another."""
    first, *others = study.cells
    stock = rows_where(speeds, implementation=STOCK).set_index("cell")[RATE]
    trained = speeds.loc[speeds.index.isin(trained_rows(study).index)].set_index("cell")[RATE]
    over_stock = (trained / stock).dropna().to_dict()
    between = {cell: ratio.value for cell in others if (ratio := stock_ratio(study, cell, first)) is not None}
    over, stocks = (_factors({cell: r[cell] for cell in study.cells if cell in r}) for r in (over_stock, between))
    return joined(
        f"The kernel that trained a cell, relative to torch.nn's stock layer: {over}." if over else "",
        f"The stock layers, relative to that of {first}: {stocks}." if stocks else "",
    )


def _factors(ratios: Mapping[str, float]) -> str:
    texts = {cell: times(ratio) for cell, ratio in ratios.items()}
    return listed(by_cell(texts, lambda cell: -ratios[cell], "{text} for {cell}"))


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return study.speed.assign(study=study.plan.study)
