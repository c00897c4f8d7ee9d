"""The most, and the average, that any gradient keeps on its way back: norms of the whole Jacobian."""

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import BOUNDS, FROBENIUS, SPECTRAL, WHEN, bound_summary, longest_lag_with_bounds
from lstm_bench.analysis.statistics import Interval
from lstm_bench.analysis.wording import listed
from lstm_bench.metrics import INITIAL
from lstm_bench.report.figures.gradient_panels import (
    FEW,
    draw_band,
    members_in,
    moments_in,
    norm_axis,
    steps_back_axis,
)
from lstm_bench.report.figures.gradient_words import kept_words
from lstm_bench.report.style import INK, MUTED, colours, small_panels, themed

QUESTION = "What is the most that any gradient keeps?"
BEST, ANY = BOUNDS[SPECTRAL], BOUNDS[FROBENIUS]
STYLES: dict[str, Any] = {BEST: "solid", ANY: (0, (4, 1.5))}
LABELS = {BEST: "best direction (spectral norm)", ANY: "any direction, root mean square (Frobenius norm)"}


@themed
def draw(study: StudyData) -> Figure:
    """Draw both norms of J_k against k: a panel a cell, grey at initialisation where there is an end."""
    shown, shades = _shown(study), colours(study.cells)
    cells, whens = list(dict.fromkeys(shown["cell"])), moments_in(shown)
    figure, places = small_panels(len(cells), row_height=1.7)
    for axes, cell in zip(places, cells, strict=True):
        for moment in whens:
            own = shown.loc[(shown["cell"] == cell) & (shown["moment"] == moment)]
            _draw_moment(axes, own, MUTED if moment == INITIAL and len(whens) > 1 else shades[cell])
        axes.axhline(1.0, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        axes.set_title(cell, fontsize="medium")
    norm_axis(places[0], shown["middle"])
    steps_back_axis(places[0], shown["steps_back"].max())
    figure.supxlabel(f"steps back k ({members_in(shown)})", fontsize="medium", color=INK)
    figure.supylabel("gradient kept", fontsize="medium", color=INK)
    _legend(figure, whens)
    return figure


def _shown(study: StudyData) -> pd.DataFrame:
    bounds = bound_summary(study)
    return bounds.loc[bounds["lag"] == longest_lag_with_bounds(study)]


def _draw_moment(axes: Axes, shown: pd.DataFrame, shade: str) -> None:
    for quantity, style in STYLES.items():
        own = shown.loc[shown["quantity"] == quantity]
        draw_band(axes, own, shade, with_band=quantity == BEST, linestyle=style, marker="o", markersize=2.2)


def _legend(figure: Figure, whens: list[str]) -> None:
    lines = [Line2D([], [], color=INK, linestyle=STYLES[name], label=label) for name, label in LABELS.items()]
    if len(whens) > 1:
        lines.append(Line2D([], [], color=MUTED, linewidth=4, alpha=0.6, label="grey: at initialisation"))
    figure.legend(handles=lines, loc="outside upper left", ncols=len(lines), handlelength=2.2)


def caption(study: StudyData) -> str:
    """Return the finding: what the best direction and one at random keep over the longest stretch."""
    shown, lag = _shown(study), longest_lag_with_bounds(study)
    if lag is None or shown.empty:
        return "No Jacobian was measured."
    longest = shown["steps_back"].max()
    cells = list(dict.fromkeys(shown["cell"]))
    told = [_told(shown, cell, longest) for cell in _ranked(shown, cells, longest)]
    if len(told) > FEW:
        told = [*told[: FEW // 2], f"{len(told) - FEW} cells between", *told[-FEW // 2 :]]
    absent = [cell for cell in study.cells if cell not in cells]
    told += [f"{listed(absent)} not measured"] if absent else []
    how = (
        "J_k is the derivative of the whole state by the state k steps before, on one sequence. Its spectral norm is "
        "the most that any gradient can keep, its Frobenius norm over the root of the state's size the root mean "
        f"square over all directions. Geometric means over members at lag {lag} with 95% intervals (Student's t on "
        f"the logarithm, {members_in(shown)})."
    )
    return f"Over {longest} steps back the best direction keeps, and any direction: {'; '.join(told)}. {how}"


def _ranked(shown: pd.DataFrame, cells: list[str], longest: float) -> list[str]:
    last = shown.loc[(shown["steps_back"] == longest) & (shown["quantity"] == BEST)]
    kept = last.groupby("cell", observed=True)["middle"].first().to_dict()
    return sorted(cells, key=lambda cell: -kept.get(cell, -math.inf))


def _told(shown: pd.DataFrame, cell: str, longest: float) -> str:
    last = shown.loc[(shown["cell"] == cell) & (shown["steps_back"] == longest)]
    told = []
    for moment, when in WHEN.items():
        kept = last.loc[last["moment"] == moment].set_index("quantity")
        both = [
            kept_words(Interval(*kept.loc[name, ["middle", "low", "high"]])) for name in LABELS if name in kept.index
        ]
        told += [f"{' and '.join(both)} {when}"] if both else []
    return f"{cell} {', '.join(told)}"


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    shown = _shown(study)
    whens = " and ".join(WHEN[moment] for moment in moments_in(shown))
    cells = listed(list(dict.fromkeys(shown["cell"])))
    return f"Spectral and scaled Frobenius norm of the Jacobian against steps back on {study.task}, {whens}: {cells}."


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return bound_summary(study).assign(study=study.plan.study)
