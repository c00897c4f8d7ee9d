"""How every figure looks: one theme, one colour a cell."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from lstm_bench.report.figure_files import svg_text, write_figure, write_figures

INK, MUTED, RULE, PAPER = "#1d2329", "#69727d", "#d9dee4", "#fefefe"  # each stands for a CSS variable on the page
ON_THE_PAGE = {INK: "currentColor", MUTED: "var(--muted)", RULE: "var(--rule)", PAPER: "var(--paper)"}
WIDTH = 8.4  # inches
PNG_DPI = 200  # twice the 100 of a figure
LABELLED_LAGS = 12
ROW_NAME_WIDTH, COLUMN_NAME_WIDTH = 12, 22  # letters
LETTER_WIDTH, HANDLE_WIDTH = 0.088, 0.5  # inches of a legend's entry
NAMED = 2  # cells that a panel lacks, before they are counted
LEAST_HEIGHT = 2.8  # inches of panels: labels at the side need as much
THEME: Any = {
    **sns.axes_style("ticks"),
    **sns.plotting_context("paper", font_scale=1.05),
    "figure.dpi": 100,
    "image.cmap": "viridis",  # known to what writes figures without seaborn too
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so the same on every machine
    "text.color": INK,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.titleweight": "normal",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # else its place is sought anew for each drawing, which takes as long as all lines do
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "svg.fonttype": "path",  # looks the same everywhere and cannot run out of its box
    "svg.hashsalt": "lstm_bench",
}
P = ParamSpec("P")


def themed(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw within the theme, leaving matplotlib's global settings alone."""

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(THEME):
            return draw(*args, **kwargs)

    return inside


def colours(cells: Sequence[str]) -> dict[str, str]:
    """Return one colour a cell, by its place in the plan: seaborn's colour-blind-safe palette, hues beyond ten."""
    palette = sns.color_palette("colorblind") if len(cells) <= 10 else sns.color_palette("husl", len(cells))
    return dict(zip(cells, palette.as_hex(), strict=False))


def new_figure(height: float) -> Figure:
    """Return an empty figure of the page's width; inches."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def dodge(place: int, cells: int, octaves: float) -> float:
    """Return the factor that sets one of some cells beside the others on a log2 axis, so many octaves apart.

    They stand about the middle; the place behind the last is free.
    """
    return 2 ** (octaves * (place - (cells - 1) / 2))


def cell_legend(figure: Figure, cells: Sequence[str], shades: dict[str, str], **line: Any) -> None:
    """Put one legend of cells above the whole figure, where it covers nothing."""
    handles = [Line2D([], [], color=shades[cell], label=cell, **{"linewidth": 2.0, **line}) for cell in cells]
    widest = LETTER_WIDTH * max(map(len, cells)) + HANDLE_WIDTH
    columns = max(1, min(4, len(cells), int(WIDTH / widest)))
    in_rows = [handle for column in range(columns) for handle in handles[column::columns]]  # matplotlib fills columns
    figure.legend(handles=in_rows, loc="outside upper left", ncols=columns, handlelength=1.4)


def lag_axis(axes: Axes, lags: Sequence[int]) -> None:
    """Make x a log2 axis whose ticks are the lags that were tried."""
    axes.set_xscale("log", base=2)
    axes.set_xlim(lags[0] / 2**0.5, lags[-1] * 2**0.5)
    stride = -(-len(lags) // LABELLED_LAGS)
    axes.xaxis.set_major_locator(FixedLocator(list(lags[::-1][::stride])))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda lag, _: f"{lag:,.0f}"))


def name_row(axes: Axes, cell: str, lag: int | None) -> None:
    """Name a row of panels at its left, a long cell name in several lines."""
    axes.set_ylabel("\n".join([*name_lines(cell, ROW_NAME_WIDTH), f"lag {lag}"]), color=INK)


def name_lines(cell: str, width: int) -> list[str]:
    """Return a cell's name in lines of so many letters, broken after its underscores and spaces alone."""
    lines = [""]
    for word in re.findall(r"[^_ ]+[_ ]*", cell):
        lines = [*lines[:-1], lines[-1] + word] if len((lines[-1] + word).strip()) <= width else [*lines, word]
    return [line.strip() for line in lines if line]


def small_panels(n: int, row_height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure of n small panels that share both axes, in 3 or 4 columns, whichever leaves fewer places empty.

    The lowest panel of each column has its x labels.
    """
    columns = min(n, min((4, 3), key=lambda width: -n % width))
    rows = -(-n // columns)
    figure = new_figure(0.7 + max(row_height * rows, LEAST_HEIGHT))
    places = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
    for place in places[n:]:
        place.set_axis_off()
    for place in places[max(0, n - columns) : n]:
        place.tick_params(labelbottom=True)
    return figure, places[:n]


def log_axis(axes: Axes) -> None:
    """Make y a log axis with a tick for each decade or few, and none between."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_minor_locator(NullLocator())


def say_in(axes: Axes, text: str) -> None:
    """Write a note into the middle of a panel: what is missing, so that a gap is not taken for a result."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED, fontsize="small")


def say_absent(axes: Axes, what: str, cells: Sequence[str]) -> None:
    """Write "what: cell" into the middle of a panel for each of a few cells, or how many there are."""
    say_in(axes, "\n".join([f"{what}:", *(cells if len(cells) <= NAMED else [f"{len(cells)} cells"])]))


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write a figure as <name>.svg and <name>.png within the theme; return the SVG text. Same figure, same bytes."""
    return write_figure(figure, folder, name, THEME, PNG_DPI)


def save_all(figures: Iterable[tuple[str, Figure]], folder: Path) -> dict[str, str]:
    """Write named figures so, several at a time while the next ones are drawn; return SVG text by name."""
    return write_figures(figures, folder, THEME, PNG_DPI)


def lettered_svg(figure: Figure) -> str:
    """Return a figure as SVG whose letters are text: small, and set in the font of the page that it stands on."""
    with mpl.rc_context({**THEME, "svg.fonttype": "none"}):
        return svg_text(figure, PNG_DPI)


def inline_svg(svg: str, name: str, alt: str) -> str:
    """Return an SVG fit for a page: no prologue, no white ground, ink that follows the page's light or dark, own ids.

    Ids get the figure's name as a prefix, since several figures share one page.
    """
    body = svg[svg.index("<svg") :].strip()
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(<g id="patch_1">\s*<path d="[^"]*" style="fill: )#ffffff', r"\1none", body, count=1)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(url\(#|href="#)', rf"\1{name}-", body)
    for drawn, on_the_page in ON_THE_PAGE.items():
        body = body.replace(drawn, on_the_page)
    label = alt.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    body = re.sub(r'\swidth="[^"]*pt"|\sheight="[^"]*pt"', "", body, count=2)
    return body.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
