"""The figures of a reading: heatmaps of a layer, and the gradient of the last output back in time."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from lstm_bench.anatomy.gates.gradient import HORIZON_SHARE
from lstm_bench.anatomy.gates.heatmaps import colour_map
from lstm_bench.anatomy.gates.panels import Panel
from lstm_bench.anatomy.gates.reading import Reading
from lstm_bench.report.panels import (
    count_ticks,
    legend,
    legend_entry,
    log_axis,
    name_axes,
    new_figure,
    power_of_ten,
    reference_line,
)
from lstm_bench.report.style import colours, themed

LETTERED_STEPS = 60  # of a text: more letters have no room side by side
LOWEST = 1e-15  # of the gradient's axis: smaller values are rounding errors


@themed
def draw_layer(panels: list[Panel], labels: tuple[str, ...], rows: str) -> Figure:
    """Draw a heatmap for each panel, two side by side, steps to the right.

    Args:
        panels: of one layer.
        labels: a letter for each step of a text, else empty.
        rows: the label of the y axis: what the rows are.
    """
    height = 0.7 + 1.45 * -(-len(panels) // 2)
    figure = new_figure(height)
    grid = list(figure.subplots(-(-len(panels) // 2), 2, squeeze=False, sharex=True).flat)
    for axes, panel in zip(grid, panels, strict=False):
        _draw_panel(axes, panel)
        if 0 < len(labels) <= LETTERED_STEPS:
            axes.set_xticks(range(1, len(labels) + 1), labels, fontsize="x-small")
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    name_axes(figure, x="step", y=rows)
    return figure


def _draw_panel(axes: Axes, panel: Panel) -> None:
    low, high, is_log = panel.scale
    rows, steps = panel.values.shape
    image = axes.imshow(
        np.maximum(panel.values, low) if is_log else panel.values,
        aspect="auto",
        interpolation="nearest",
        cmap=colour_map(panel.kind),
        norm=LogNorm(low, high) if is_log else Normalize(low, high),
        extent=(0.5, steps + 0.5, rows - 0.5, -0.5),
    )
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02, aspect=10)
    if is_log:
        bar.ax.yaxis.set_major_locator(LogLocator(numticks=4))
        bar.ax.yaxis.set_minor_locator(NullLocator())
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    axes.set_title(f"{panel.name}  {panel.title}", fontsize="small")
    axes.set_yticks([])
    count_ticks(axes.xaxis, 6)
    axes.grid(visible=False)


@themed
def draw_flow(reading: Reading) -> Figure:
    """Draw the gradient g_k of each layer against the steps k back."""
    figure = new_figure(3.2)
    axes = figure.subplots()
    flows = [gradient.flow for gradient in reading.gradients.layers]
    names = [f"layer {depth}" for depth in range(len(flows))]
    shades = colours(names)
    for name, flow in zip(names, flows, strict=True):
        shown = [(k, strength) for k, strength in enumerate(flow) if strength >= LOWEST]
        axes.plot(*zip(*shown, strict=True), color=shades[name], linewidth=1.8)
    log_axis(axes)
    reference_line(axes, y=HORIZON_SHARE, name="1/1000", side="right")
    count_ticks(axes.xaxis, 8)
    axes.set(xlabel="steps back from the last output", ylabel="gradient", xlim=(0, None))
    if len(names) > 1:
        legend(figure, [legend_entry(name, color=shades[name]) for name in names])
    return figure
