"""The gradient that training sees, at every time step and over all weights, while the members learn."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.learning import CLIPPED, NORM, clipping_norm, training_gradients
from lstm_bench.analysis.wording import significant, span_of
from lstm_bench.report.figures.findings import by_cell, joined, not_measured
from lstm_bench.report.figures.table_rows import absent_cells, rows_by_cell, rows_where
from lstm_bench.report.panels import (
    COLUMN_NAME_WIDTH,
    DASHED,
    count_ticks,
    draw_band,
    legend,
    legend_entry,
    log_axis,
    name_lines,
    new_figure,
    note_in,
    power_ticks,
    reference_line,
)
from lstm_bench.report.style import MUTED, colours, themed
from lstm_bench.report.typography import typeset

QUESTION = "What gradient does training see?"
METHOD = (
    "Colours are medians, over the members still in training, of the norm over batch and units of the total "
    "derivative of the training loss. Lines are medians of the global norm before clipping, with quartiles; the dashed "
    "line is the norm to which gradients are clipped. Below are the share of steps clipped so far and the share of "
    "members still in training; members that solve leave, so the right of a panel describes those that have not."
)
DECADES = 6  # of colour below the largest norm
COLUMNS = 4  # cells side by side
HEAT, NORMS, SHARES = 1.25, 1.0, 0.6  # inches of the panels of a cell
COLOURS = "viridis"


@themed
def draw(study: StudyData) -> Figure:
    """Draw a column per cell: norms at each state as colour, then the global norm and the share of steps clipped."""
    table, shades = training_gradients(study), colours(study.cells)
    blocks = _blocks(study, table)
    heights = [height for block in blocks for height in (*[HEAT] * len(block.parts), NORMS, SHARES)]
    figure = new_figure(1.3 + sum(heights) + 0.5 * len(blocks))
    width = len(blocks[0].cells)
    grid = figure.subplots(len(heights), width, squeeze=False, sharex=True, sharey="row", height_ratios=heights)
    meshes: list[QuadMesh] = []
    for block in blocks:
        panels, remaining_grid = grid[: len(block.parts) + 2], grid[len(block.parts) + 2 :]
        meshes += _draw_block(panels, study, table, block, shades)
        _scale_rows(panels[:, 0], table, block.parts)
        for axes in panels[:, len(block.cells) :].flat:
            axes.set_axis_off()
        if not len(remaining_grid):
            _label_steps(panels[-1, : len(block.cells)], table)
        grid = remaining_grid
    _legend(figure, table)
    if meshes:
        bar = figure.colorbar(meshes[0], ax=figure.axes, location="top", shrink=0.5, aspect=45, anchor=(0.0, 0.0),
                              pad=0.12 / figure.get_figheight(), extend="min")  # fmt: skip
        bar.set_label("norm of the gradient at a state, median over members", fontsize="small", loc="left")
        power_ticks(bar.ax.xaxis)
        bar.ax.minorticks_off()
    return figure


class _Block(NamedTuple):
    """Cells side by side, and the parts of a state that any of them has."""

    cells: list[str]
    parts: list[str]


def _blocks(study: StudyData, table: pd.DataFrame) -> list[_Block]:
    cells = list(rows_by_cell(study, table))
    groups = [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)]
    return [_Block(group, _parts(table.loc[table["cell"].isin(group)])) for group in groups]


def _parts(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in dict.fromkeys(table["quantity"]) if name not in (NORM, CLIPPED)]


def _scale(table: pd.DataFrame) -> LogNorm:
    norms = table.loc[table["steps_back"].notna() & (table["median"] > 0) & np.isfinite(table["median"]), "median"]
    highest = float(norms.max()) if len(norms) else 1.0
    return LogNorm(max(highest * 10.0**-DECADES, float(norms.min()) if len(norms) else 0.1), highest)


def _draw_block(
    panels: NDArray[np.object_], study: StudyData, table: pd.DataFrame, block: _Block, shades: dict[str, str]
) -> list[QuadMesh]:
    meshes, last = [], int(table["step"].max())
    for place, cell in enumerate(block.cells):
        of_cell, column = rows_where(table, cell=cell), panels[:, place]
        for axes, part in zip(column, block.parts, strict=False):
            norms = of_cell.loc[(of_cell["quantity"] == part) & of_cell["median"].notna()]
            if norms.empty:
                note_in(axes, f"no {part.removeprefix('dL/d')}")
                axes.set_axis_off()
            else:
                meshes.append(_draw_heat(axes, norms, _scale(table)))
        _draw_norm(column[-2], rows_where(of_cell, quantity=NORM), shades[cell], clipping_norm(study, cell))
        _draw_shares(column[-1], rows_where(of_cell, quantity=CLIPPED), shades[cell], last)
        title = [*name_lines(cell, COLUMN_NAME_WIDTH), f"lag {of_cell['lag'].iloc[0]}"]
        column[0].set_title("\n".join(title), fontsize="medium")
        column[-1].tick_params(labelbottom=True)
    return meshes


def _draw_heat(axes: Axes, norms: pd.DataFrame, scale: LogNorm) -> QuadMesh:
    heat = norms.pivot_table(index="steps_back", columns="step", values="median", observed=True)
    shown = heat.clip(lower=float(scale.vmin or 0.0) / 10)  # a log scale has no colour for 0
    axes.grid(visible=False)
    return axes.pcolormesh(
        heat.columns, heat.index, shown.to_numpy(), norm=scale, cmap=COLOURS, shading="nearest", rasterized=True
    )


def _draw_norm(axes: Axes, norms: pd.DataFrame, shade: str, clip: float | None) -> None:
    draw_band(axes, norms["step"], norms["median"], (norms["q25"], norms["q75"]), shade)
    if clip is not None:
        reference_line(axes, y=clip)


def _draw_shares(axes: Axes, shares: pd.DataFrame, shade: str, last: int) -> None:
    steps, remaining = [*shares["step"]], [*(shares["n"] / shares["n"].max())]
    if steps and steps[-1] < last:
        steps, remaining = [*steps, steps[-1]], [*remaining, 0.0]
    axes.plot(steps, remaining, color=MUTED, linewidth=1.2, drawstyle="steps-post")
    axes.plot(shares["step"], shares["median"], color=shade, linewidth=1.5)


def _legend(figure: Figure, table: pd.DataFrame) -> None:
    n = typeset(span_of(rows_where(table, quantity=NORM).groupby("cell", observed=True)["n"].max()))
    entries = [
        legend_entry("norm to which gradients are clipped", color=MUTED, linewidth=0.9, linestyle=DASHED),
        legend_entry("share of steps clipped so far", linewidth=1.5),
        legend_entry(f"share of members still in training (n = {n})", color=MUTED, linewidth=1.2),
    ]
    legend(figure, entries, below=True)


def _scale_rows(column: NDArray[np.object_], table: pd.DataFrame, parts: list[str]) -> None:
    """Name and scale the y axes of a block, each shared along its row."""
    for axes, part in zip(column, parts, strict=False):
        axes.set(ylabel=f"{part}\nsteps back", ylim=(-0.5, table["steps_back"].max() + 0.5))
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    is_drawn = (table["q25"] > 0) & np.isfinite(table["q75"])
    norms = table.loc[(table["quantity"] == NORM) & is_drawn, ["q25", "q75"]]
    log_axis(column[-2])
    if len(norms):
        column[-2].set_ylim(norms["q25"].min() / 2, norms["q75"].max() * 2)
    column[-2].set_ylabel("global\nnorm")
    column[-1].set(ylabel="share", ylim=(-0.05, 1.08))
    column[-1].set_yticks([0, 1], ["0%", "100%"])


def _label_steps(lowest: NDArray[np.object_], table: pd.DataFrame) -> None:
    lowest[0].set_xlim(0, table["step"].max())
    count_ticks(lowest[0].xaxis, 3, prune="upper")
    for axes in lowest:
        axes.set_xlabel("training step")


def finding(study: StudyData) -> str:
    """Return what is left of the gradient at the first time step, and how much of training was clipped."""
    table = training_gradients(study)
    if table.empty:
        return "No member was trained, so there is no training gradient."
    of_cells = rows_by_cell(study, table)
    texts = {cell: _ratios(study, of_cell, cell) for cell, of_cell in of_cells.items()}
    named = "; ".join(by_cell(texts, lambda cell: -_clipped(of_cells[cell])))
    return joined(
        f"Norm at the first time step over that at the last, at lag {span_of(table['lag'])}, before training and at "
        f"its end: {named}.",
        not_measured(absent_cells(study, table)),
    )


def _ratios(study: StudyData, of_cell: pd.DataFrame, cell: str) -> str:
    ratios = [_ratio(rows_where(of_cell, quantity=part)) for part in _parts(of_cell)]
    has_clipped = clipping_norm(study, cell) and (of_cell["quantity"] == CLIPPED).any()
    clipped = f"{_percent(_clipped(of_cell))} of steps clipped" if has_clipped else "nothing clipped"
    return f"{', '.join(ratios)} ({clipped})"


def _clipped(of_cell: pd.DataFrame) -> float:
    """Return the share of all steps that were clipped, 0 where it is not known."""
    shares = rows_where(of_cell, quantity=CLIPPED).sort_values("step")["median"]
    return float(shares.iloc[-1]) if len(shares) else 0.0


def _percent(share: float) -> str:
    return f"{significant(100 * share, 2)}%"


def _ratio(norms: pd.DataFrame) -> str:
    ends = [_fraction_left(rows_where(norms, step=step)) for step in (norms["step"].min(), norms["step"].max())]
    return f"{norms['quantity'].iloc[0]} {ends[0]} and {ends[1]}"


def _fraction_left(stage: pd.DataFrame) -> str:
    last, *_, first = stage.sort_values("steps_back")["median"].tolist()
    if last > 0:
        return significant(first / last, 2)
    return "no gradient" if not first else "none at the last step"


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return training_gradients(study).assign(study=study.plan.study)
