"""The look of all figures and their files: one theme, one colour per cell, SVG for embedding in a page."""

import html
import re
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import seaborn as sns
from matplotlib.figure import Figure

from lstm_bench.report.compact_svg import compact_svg
from lstm_bench.report.figure_files import svg_text, theme_alone, write_figure, write_figures
from lstm_bench.report.fonts import font_families

INK, MUTED, RULE, PAPER = "#1d2329", "#69727d", "#d9dee4", "#fefefe"  # each stands for a CSS variable on the page
ON_THE_PAGE = {INK: "currentColor", MUTED: "var(--muted)", RULE: "var(--rule)", PAPER: "var(--paper)"}
PNG_DPI = 200  # twice the 100 of a figure
THEME: Any = {
    **sns.axes_style("ticks"),
    **sns.plotting_context("paper", font_scale=1.05),
    "figure.dpi": 100,
    "image.cmap": "viridis",  # also known where figures are written without seaborn
    "font.family": font_families(),
    "text.parse_math": False,  # a "$" in a name or a setting is a dollar sign
    "text.color": INK,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.titleweight": "normal",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # else it is placed again for each drawing, which takes as long as all lines do
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
    """Return a function that draws within the theme and leaves matplotlib's global settings alone."""

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with theme_alone(THEME):
            return draw(*args, **kwargs)

    return inside


MATCHED_SIZE = re.compile(r" H=\d+$")


def colours(cells: Sequence[str]) -> dict[str, str]:
    """Return one colour per cell, in order: seaborn's colour-blind-safe palette for up to ten cells, else hues."""
    palette = sns.color_palette("colorblind") if len(cells) <= 10 else sns.color_palette("husl", len(cells))
    return dict(zip(cells, palette.as_hex(), strict=False))


def without_matched_size(cell: str) -> str:
    """Return the name of a cell without the hidden size that matched parameters gave it."""
    return MATCHED_SIZE.sub("", cell)


def colours_of_kinds(cells_of_tasks: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return one colour per cell, the same where matched parameters give it another hidden size on another task.

    Where a task has a cell both with its own size and with a matched size, these are two kinds.
    """
    is_twice = any(len({*map(without_matched_size, cells)}) < len({*cells}) for cells in cells_of_tasks)
    kinds = {cell: MATCHED_SIZE.sub(" matched" if is_twice else "", cell) for cells in cells_of_tasks for cell in cells}
    by_kind = colours(list(dict.fromkeys(kinds.values())))
    return {cell: by_kind[kind] for cell, kind in kinds.items()}


def save(figure: Figure, folder: Path, name: str) -> str:
    """Write a figure as <name>.svg and <name>.png within the theme; return the SVG text. Same figure, same bytes."""
    return write_figure(figure, folder, name, THEME, PNG_DPI)


def save_all(figures: Iterable[tuple[str, Figure]], folder: Path) -> dict[str, str]:
    """Write named figures as `save` does, several at a time while others are drawn; return SVG text by name."""
    return write_figures(figures, folder, THEME, PNG_DPI)


def lettered_svg(figure: Figure) -> str:
    """Return a figure as SVG whose letters are text: small, and in the font of the page that embeds it."""
    with theme_alone({**THEME, "svg.fonttype": "none"}):
        return svg_text(figure, PNG_DPI)


def inline_svg(svg: str, name: str, alt: str) -> str:
    """Return an SVG for embedding in a page: no prologue or white background, the page's colours, own ids.

    Ids come from the figure's name, since several figures share one page; see `compact_svg`.
    """
    body = svg[svg.index("<svg") :].strip()
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'(<g id="patch_1">\s*<path d="[^"]*" style="fill: )#ffffff', r"\1none", body, count=1)
    for drawn, on_the_page in ON_THE_PAGE.items():
        body = body.replace(drawn, on_the_page)
    label = html.escape(alt)
    body = re.sub(r'\swidth="[^"]*pt"|\sheight="[^"]*pt"', "", body, count=2)
    return compact_svg(body, name).replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
