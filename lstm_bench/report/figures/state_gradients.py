"""The gradient that training sees, at every time step and over all weights, while the members learn."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.learning import CLIPPED, NORM, clipping_norm, training_gradients
from lstm_bench.analysis.wording import listed, significant, span_of
from lstm_bench.report.figures.gradient_panels import FEW
from lstm_bench.report.style import (
    COLUMN_NAME_WIDTH,
    INK,
    MUTED,
    colours,
    log_axis,
    name_lines,
    new_figure,
    say_in,
    themed,
)

QUESTION = "What gradient does training see?"
DECADES = 6  # of colour below the largest norm
COLUMNS = 4  # cells beside each other
HEAT, NORMS, SHARES = 1.25, 1.0, 0.6  # inches of the panels of a cell
COLOURS = "viridis"


@themed
def draw(study: StudyData) -> Figure:
    """Draw a column a cell: norms at each state as colour, then the global norm and the share of steps clipped."""
    table, shades = training_gradients(study), colours(study.cells)
    blocks = _blocks(study, table)
    heights = [height for block in blocks for height in (*[HEAT] * len(block.parts), NORMS, SHARES)]
    figure = new_figure(1.3 + sum(heights) + 0.5 * len(blocks))
    width = len(blocks[0].cells)
    grid = figure.subplots(len(heights), width, squeeze=False, sharex=True, sharey="row", height_ratios=heights)
    meshes: list[QuadMesh] = []
    for block in blocks:
        panels, grid_left = grid[: len(block.parts) + 2], grid[len(block.parts) + 2 :]
        meshes += _draw_block(panels, study, table, block, shades)
        _scale_rows(panels[:, 0], table, block.parts)
        for axes in panels[:, len(block.cells) :].flat:
            axes.set_axis_off()
        if not len(grid_left):
            _label_steps(panels[-1, : len(block.cells)], table)
        grid = grid_left
    _legend(figure)
    if meshes:
        bar = figure.colorbar(meshes[0], ax=figure.axes, location="top", shrink=0.5, aspect=45, anchor=(0.0, 0.0),
                              pad=0.12 / figure.get_figheight(), extend="min")  # fmt: skip
        bar.set_label("norm of the gradient at a state, median over members", fontsize="small", loc="left")
        bar.ax.minorticks_off()
    return figure


class _Block(NamedTuple):
    """Cells beside each other, and the parts of a state that any of them has."""

    cells: list[str]
    parts: list[str]


def _blocks(study: StudyData, table: pd.DataFrame) -> list[_Block]:
    cells = _cells(study, table)
    beside = [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)]
    return [_Block(some, _parts(table.loc[table["cell"].isin(some)])) for some in beside]


def _cells(study: StudyData, table: pd.DataFrame) -> list[str]:
    return [cell for cell in study.cells if (table["cell"] == cell).any()]


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
        own, column = table.loc[table["cell"] == cell], panels[:, place]
        for axes, part in zip(column, block.parts, strict=False):
            norms = own.loc[(own["quantity"] == part) & own["median"].notna()]
            if norms.empty:
                say_in(axes, f"no {part.removeprefix('dL/d')}")
                axes.set_axis_off()
            else:
                meshes.append(_draw_heat(axes, norms, _scale(table)))
        _draw_norm(column[-2], own.loc[own["quantity"] == NORM], shades[cell], clipping_norm(study, cell))
        _draw_shares(column[-1], own.loc[own["quantity"] == CLIPPED], shades[cell], last)
        title = [*name_lines(cell, COLUMN_NAME_WIDTH), f"lag {own['lag'].iloc[0]}"]
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
    axes.fill_between(norms["step"], norms["q25"], norms["q75"], color=shade, alpha=0.22, linewidth=0)
    axes.plot(norms["step"], norms["median"], color=shade, linewidth=1.5)
    if clip is not None:
        axes.axhline(clip, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))


def _draw_shares(axes: Axes, shares: pd.DataFrame, shade: str, last: int) -> None:
    steps, left = [*shares["step"]], [*(shares["n"] / shares["n"].max())]
    if steps and steps[-1] < last:
        steps, left = [*steps, steps[-1]], [*left, 0.0]
    axes.plot(steps, left, color=MUTED, linewidth=1.2, drawstyle="steps-post")
    axes.plot(shares["step"], shares["median"], color=shade, linewidth=1.5)


def _legend(figure: Figure) -> None:
    handles = [
        Line2D([], [], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), label="norm to which gradients are clipped"),
        Line2D([], [], color=INK, linewidth=1.5, label="share of steps clipped so far"),
        Line2D([], [], color=MUTED, linewidth=1.2, label="share of members still in training"),
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=3, fontsize="small", handlelength=1.8)


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
    lowest[0].xaxis.set_major_locator(MaxNLocator(3, integer=True, prune="upper"))
    lowest[0].xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    for axes in lowest:
        axes.set_xlabel("training step")


def caption(study: StudyData) -> str:
    """Return the finding: what is left of the gradient at the first time step, and how much of training was clipped."""
    table = training_gradients(study)
    if table.empty:
        return "No member was trained, so that training saw no gradient."
    cells = _cells(study, table)
    told = [_told(study, table.loc[table["cell"] == cell], cell) for cell in cells[:FEW]]
    told += [f"{len(cells) - FEW} cells more in the table"] if len(cells) > FEW else []
    absent = [cell for cell in study.cells if cell not in cells]
    told += [f"{listed(absent)} not measured"] if absent else []
    how = (
        "Colours are medians over the members still in training, of the norm over batch and units of the total "
        "derivative of the training loss; lines are medians with quartiles of the global norm before clipping, dashed "
        "where it is clipped. Below: the share of steps clipped so far, and in grey the share of members still in "
        f"training, out of {span_of(table.loc[table['quantity'] == NORM].groupby('cell', observed=True)['n'].max())}; "
        "those that solve leave, so that the right of a panel speaks of those that have not."
    )
    return (
        f"Norm at the first time step over that at the last, at lag {span_of(table['lag'])}, before training and at "
        f"its end: {'; '.join(told)}. {how}"
    )


def _told(study: StudyData, own: pd.DataFrame, cell: str) -> str:
    ratios = [_ratio(own.loc[own["quantity"] == part]) for part in _parts(own)]
    last = own.loc[own["quantity"] == CLIPPED].sort_values("step").iloc[-1:]
    clipped = [f"{_percent(row['median'])} of steps clipped" for row in last.to_dict("records")]
    clip = clipping_norm(study, cell)
    return f"{cell} {', '.join(ratios)} ({clipped[0] if clip and clipped else 'nothing clipped'})"


def _percent(share: float) -> str:
    return f"{significant(100 * share, 2)}%"


def _ratio(norms: pd.DataFrame) -> str:
    ends = [_share(norms.loc[norms["step"] == step]) for step in (norms["step"].min(), norms["step"].max())]
    return f"{norms['quantity'].iloc[0]} {ends[0]} and {ends[1]}"


def _share(stage: pd.DataFrame) -> str:
    last, *_, first = stage.sort_values("steps_back")["median"].tolist()
    return significant(first / last, 2) if last > 0 else "0/0"


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    table = training_gradients(study)
    return (
        f"Gradient of the training loss of {study.task} at each state as colour, steps back against training step, "
        f"with the global norm and the share of clipped steps below, for {listed(_cells(study, table))}."
    )


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return training_gradients(study).assign(study=study.plan.study)
