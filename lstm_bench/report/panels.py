"""Parts of figures: panels, axes, reference lines, bands, legends and notes."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, Locator, LogLocator, MaxNLocator, NullLocator

from lstm_bench.report.style import INK, MUTED

Side = Literal["left", "right"]
WIDTH = 8.4  # inches
LEAST_HEIGHT = 2.8  # inches of panels: labels at the side need as much
LABELLED_LAGS = 12
ROW_NAME_WIDTH, COLUMN_NAME_WIDTH = 12, 22  # letters
LETTER_WIDTH, HANDLE_WIDTH, MOST_COLUMNS = 0.088, 0.5, 4  # inches of a legend's entry; columns of a legend
SOLID_HANDLE, DASHED_HANDLE = 1.4, 2.4  # length of a legend's lines, in letters
NAMED = 2  # absent cells that a panel names; more are counted
DASHED: Any = (0, (4, 3))
DOTTED: Any = (0, (1, 1.5))
BAND = 0.18  # opacity
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def new_figure(height: float) -> Figure:
    """Return an empty figure of the page's width and of a height in inches."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def small_panels(n: int, row_height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure of n small panels that share both axes, in 3 or 4 columns, whichever leaves fewer places empty.

    The lowest panel of each column has its x labels.
    """
    columns = balanced_columns(n)
    rows = -(-n // columns)
    figure = new_figure(0.7 + max(row_height * rows, LEAST_HEIGHT))
    return figure, panel_grid(figure, n, rows, columns)


def balanced_columns(n: int) -> int:
    """Return 3 or 4, whichever leaves fewer places empty, or n where it is less."""
    return min(n, min((4, 3), key=lambda width: -n % width))


def panel_grid(figure: Figure, n: int, rows: int, columns: int) -> list[Axes]:
    """Return n panels of a figure that share both axes, row by row; the lowest of each column has its x labels."""
    places = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
    for place in places[n:]:
        place.set_axis_off()
    for place in places[max(0, n - columns) : n]:
        place.tick_params(labelbottom=True)
    return places[:n]


def name_axes(figure: Figure, x: str = "", y: str = "") -> None:
    """Name the axes that all panels of a figure share."""
    if x:
        figure.supxlabel(x, fontsize="medium", color=INK)
    if y:
        figure.supylabel(y, fontsize="medium", color=INK)


def name_row(axes: Axes, cell: str, lag: int | None) -> None:
    """Name a row of panels at its left, a long cell name in several lines."""
    axes.set_ylabel("\n".join([*name_lines(cell, ROW_NAME_WIDTH), f"lag {lag}"]), color=INK)


def name_lines(cell: str, width: int) -> list[str]:
    """Return a cell's name in lines of at most `width` letters, broken only after underscores and spaces."""
    lines = [""]
    for word in re.findall(r"[^_ ]+[_ ]*", cell):
        lines = [*lines[:-1], lines[-1] + word] if len((lines[-1] + word).strip()) <= width else [*lines, word]
    return [line.strip() for line in lines if line]


def legend_entry(label: str, **look: Any) -> Line2D:
    """Return an entry of a legend; `look` has properties of a line, whose colour is ink by default."""
    return Line2D([], [], label=label, **{"color": INK, **look})


def cell_entries(cells: Sequence[str], shades: Mapping[str, str], **look: Any) -> list[Line2D]:
    """Return an entry for each cell in its colour."""
    return [legend_entry(cell, color=shades[cell], **{"linewidth": 2.0, **look}) for cell in cells]


def legend(figure: Figure, entries: Sequence[Any], *, below: bool = False) -> None:
    """Put a legend above or below the whole figure, where it covers nothing, in rows that fit its width."""
    most = min(MOST_COLUMNS, len(entries))
    columns = next(n for n in range(most, 0, -1) if n == 1 or _legend_width(entries, n) <= WIDTH)
    in_rows = [entry for column in range(columns) for entry in entries[column::columns]]  # matplotlib fills columns
    place: Any = f"outside {'lower' if below else 'upper'} left"
    figure.legend(handles=in_rows, loc=place, ncols=columns, handlelength=_handle_length(entries))


def _legend_width(entries: Sequence[Any], columns: int) -> float:
    """Return about how many inches a legend is wide: each column is as wide as its longest label."""
    widths = [LETTER_WIDTH * len(entry.get_label()) + HANDLE_WIDTH for entry in entries]
    return sum(max(widths[column::columns], default=0.0) for column in range(columns))


def panel_legend(axes: Axes, entries: Sequence[Any], *, above: bool = False) -> None:
    """Put a small legend into the upper left corner of a panel, or in one row above it."""
    place: Any = {"loc": "lower left" if above else "upper left", "bbox_to_anchor": (0, 1)}
    columns = len(entries) if above else 1
    length = _handle_length(entries)
    axes.legend(handles=entries, ncols=columns, fontsize="x-small", handlelength=length, borderaxespad=0, **place)


def _handle_length(entries: Sequence[Any]) -> float:
    has_dashes = any(isinstance(entry, Line2D) and entry.is_dashed() for entry in entries)
    return DASHED_HANDLE if has_dashes else SOLID_HANDLE


def draw_band(axes: Axes, x: Any, middle: Any, ends: tuple[Any, Any] | None, shade: str, **line: Any) -> None:
    """Draw a line, and the band between the two ends of its interval unless `ends` is None."""
    if ends is not None:
        axes.fill_between(x, *ends, color=shade, alpha=BAND, linewidth=0)
    axes.plot(x, middle, color=shade, **{"linewidth": 1.6, **line})


def reference_line(
    axes: Axes, *, x: float | None = None, y: float | None = None, name: str = "", side: Side = "left"
) -> None:
    """Draw a thin dashed line across a panel at x or at y, behind the data; one at y can have its name above it."""
    look: Any = {"color": MUTED, "linewidth": 0.9, "linestyle": DASHED, "zorder": 1}
    if x is not None:
        axes.axvline(x, **look)
    if y is not None:
        axes.axhline(y, **look)
        name_line(axes, name, y, side)


def name_line(axes: Axes, name: str, y: float, side: Side = "left") -> None:
    """Write the name of a horizontal line above its left or right end."""
    if name:
        axes.annotate(
            name, (0.01 if side == "left" else 0.98, y), xycoords=("axes fraction", "data"), xytext=(0, 2),
            textcoords="offset points", ha=side, va="bottom", fontsize="x-small", color=MUTED,
        )  # fmt: skip


def note_in(axes: Axes, text: str) -> None:
    """Write a note into the middle of a panel: what is missing, so that a gap is not taken for a result."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED, fontsize="small")


def note_absent(axes: Axes, what: str, cells: Sequence[str]) -> None:
    """Write `what` and a few cells, or the number of many, into the middle of a panel; nothing without cells."""
    if cells:
        note_in(axes, "\n".join([f"{what}:", *(cells if len(cells) <= NAMED else [f"{len(cells)} cells"])]))


def row_axis(axes: Axes, names: Sequence[str], *, edge: float = 0.5) -> None:
    """Make y a list of names, the first on top, without ticks, grid or spine.

    Args:
        axes: the panel.
        names: one per row; "" for a row without a name.
        edge: how far the axis goes beyond the middle of the first and the last row.
    """
    axes.set(yticks=range(len(names)), yticklabels=list(names), ylim=(len(names) - 1 + edge, -edge))
    axes.tick_params(axis="y", left=False)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def lag_axis(axes: Axes, lags: Sequence[int]) -> None:
    """Make x a log2 axis whose ticks are the lags that were tried."""
    axes.set_xscale("log", base=2)
    axes.set_xlim(lags[0] / 2**0.5, lags[-1] * 2**0.5)
    stride = -(-len(lags) // LABELLED_LAGS)
    ticks_at(axes.xaxis, lags[::-1][::stride], "{:,.0f}")


def half_octaves(lags: Sequence[int]) -> list[int]:
    """Return lags at least half an octave apart, chosen from the longest downwards out of ascending `lags`."""
    kept: list[int] = []
    for lag in reversed(lags):
        if not kept or kept[-1] >= lag * 2**0.5:
            kept.append(lag)
    return kept


def ticks_at(axis: Axis, values: Sequence[float], text: str = "{:,g}") -> None:
    """Set ticks at these values only; `text` is the format of their labels."""
    axis.set_major_locator(FixedLocator(list(values)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: text.format(value)))


def log_ticks(axis: Axis, locator: Locator, text: str = "{:,.0f}") -> None:
    """Set the ticks of a logarithmic axis, without minor ticks; `text` is the format of their labels."""
    axis.set_major_locator(locator)
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: text.format(value)))


def count_ticks(axis: Axis, most: int, **locator: Any) -> None:
    """Set ticks at whole numbers, with at most `most` intervals; `locator` has further settings of MaxNLocator."""
    axis.set_major_locator(MaxNLocator(most, integer=True, **locator))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def percent_ticks(axis: Axis) -> None:
    """Write the ticks of an axis of fractions as percentages."""
    axis.set_major_formatter(FuncFormatter(lambda fraction, _: f"{100 * fraction:g}%"))


def log_axis(axes: Axes) -> None:
    """Make y a log axis with a tick at every decade or every few, and no minor ticks."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_minor_locator(NullLocator())
    power_ticks(axes.yaxis)


def power_ticks(axis: Axis, plain_from: float = math.inf) -> None:
    """Write the ticks of a log axis as 10⁻⁴ and 10⁴; those from `plain_from` to its inverse as 0.01, 1 and 100.

    Matplotlib's own formatter writes formulas, which the theme does not typeset.
    """
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:g}" if plain_from <= value <= 1 / plain_from else power_of_ten(value))
    )


def power_of_ten(value: float) -> str:
    """Return a number, rounded to one digit, as it is set in print: 2×10¹⁰, or 10¹¹ where the digit is 1."""
    digit, exponent = f"{value:.0e}".split("e")
    power = f"10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    return power if digit == "1" else f"{digit}×{power}"


def dodge(place: int, cells: int, octaves: float) -> float:
    """Return the factor that shifts a cell on a log2 axis, so that cells stand `octaves` apart.

    They stand around the lag itself; the place after the last cell is free.
    """
    return 2 ** (octaves * (place - (cells - 1) / 2))
