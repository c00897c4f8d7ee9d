"""The same word a second time: how far two answers are apart whose contexts differ some steps back."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.forgetting import same_word_summary
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.gradients import WHEN
from lstm_bench.analysis.wording import counted, listed, span_of, with_range
from lstm_bench.metrics import FINAL, INITIAL
from lstm_bench.report.style import MUTED, cell_legend, colours, log_axis, new_figure, themed

QUESTION = "Does a cell say the same at the same word, second time?"
PANELS = {"divergence": "divergence of two answers\n(bits)", "identical": "share of answers alike\nto the last bit"}
LOWEST = 1e-8  # bits
DASHES: Mapping[str, Any] = {INITIAL: (0, (3, 2)), FINAL: "-"}


@themed
def draw(study: StudyData) -> Figure:
    """Draw divergence and share of identical answers against distance at the longest lag; start dashed."""
    shades, summary = colours(study.cells), _shown(study)
    figure = new_figure(3.3)
    for axes, (quantity, label) in zip(figure.subplots(1, 2, sharex=True), PANELS.items(), strict=True):
        own = summary.loc[summary["quantity"] == quantity]
        draw_lines(axes, own, shades)
        axes.set(xlabel="steps back to the word that differs", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    log_axis(figure.axes[0])
    figure.axes[0].set_ylim(LOWEST, 2)
    figure.axes[1].set_ylim(-0.02, 1.02)
    add_legends(figure, study.cells, shades)
    return figure


def draw_lines(axes: Axes, rows: pd.DataFrame, shades: Mapping[str, str], **line: Any) -> None:
    """Draw a line with its interval for each cell and moment, the start dashed."""
    for key, own in rows.groupby(["cell", "moment"], observed=True):
        cell, moment = map(str, key)
        axes.fill_between(own["at"], own["low"], own["high"], color=shades[cell], alpha=0.18, linewidth=0)
        axes.plot(own["at"], own["middle"], color=shades[cell], linestyle=DASHES[moment], linewidth=1.7, **line)


def add_legends(figure: Figure, cells: Sequence[str], shades: dict[str, str]) -> None:
    """Name the cells above a figure, and the two moments below it."""
    cell_legend(figure, cells, shades)
    handles = [Line2D([], [], color=MUTED, linestyle=DASHES[m], label=WHEN[m]) for m in DASHES]
    figure.legend(handles=handles, loc="outside lower left", ncols=2)


def at_the_longest_lag(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the longest lag."""
    shown: pd.DataFrame = summary.loc[summary["lag"] == summary["lag"].max()]
    return shown


def _shown(study: StudyData) -> pd.DataFrame:
    return at_the_longest_lag(same_word_summary(study))


def caption(study: StudyData) -> str:
    """Return the finding: the largest divergence and how many answers are identical; "" of nothing."""
    summary = _shown(study)
    if summary.empty:
        return ""
    told = "; ".join(_told(str(cell), part) for cell, part in summary.groupby("cell", observed=True, sort=False))
    return (
        f"Two sequences that differ in one word and then read the same ones, at lag {span_of(summary['lag'])}: {told}. "
        "Divergence is Jensen and Shannon's, 0 bits for the same answer and 1 for certain ones that differ; "
        f"interquartile means over {span_of(summary['n'])} members with 95% bootstrap intervals."
    )


def _told(cell: str, rows: pd.DataFrame) -> str:
    parts = []
    for moment, own in in_order(rows):
        bits = own.loc[own["quantity"] == "divergence"].sort_values("middle")
        alike = own.loc[own["quantity"] == "identical", "middle"]
        most = bits.iloc[-1]
        parts.append(
            f"{WHEN[moment]} at most {ranged(most)} bits, {counted(int(most['at']), 'step')} back, and "
            f"{_shares(alike)} of the answers alike to the last bit"
        )
    return f"{cell} {listed(parts)}"


def _shares(alike: pd.Series) -> str:
    least, most = f"{alike.min():.0%}", f"{alike.max():.0%}"
    return least if least == most else f"{least} to {most}"


def in_order(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the rows of each moment, the start first."""
    return [(moment, rows.loc[rows["moment"] == moment]) for moment in WHEN if (rows["moment"] == moment).any()]


def ranged(row: Any) -> str:
    """Return a row's middle with its interval, to three digits."""
    return with_range(float(row["middle"]), float(row["low"]), float(row["high"]), 3)


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    return f"Divergence of answers against the distance of the differing word on {study.task}: {listed(study.cells)}."


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure, of all lags."""
    return same_word_summary(study).assign(study=study.plan.study)
