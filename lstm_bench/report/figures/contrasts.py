"""Steps to solve of each cell, and how likely a member of it solves sooner than one of the reference."""

import math
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lstm_bench.analysis.contrasts import NO_EVENTS, NO_MEMBERS, contrasts
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.solving import was_trained
from lstm_bench.analysis.statistics import SIGNIFICANT
from lstm_bench.analysis.wording import NOTHING_TRAINED, counted, listed, significant, span_of
from lstm_bench.report.figures.findings import NAMED, joined
from lstm_bench.report.figures.table_rows import rows_where
from lstm_bench.report.panels import (
    DASHED,
    cell_entries,
    lag_axis,
    legend,
    legend_entry,
    name_line,
    new_figure,
    panel_legend,
    percent_ticks,
    reference_line,
)
from lstm_bench.report.style import MUTED, PAPER, colours, themed
from lstm_bench.report.typography import typeset

QUESTION = "Is the difference between cells more than chance?"
METHOD = (
    "Above, areas under Kaplan-Meier curves with 95% intervals; a triangle where nobody solved within the budget, "
    "the dashed line. Below, the share of pairs of members, one of the cell and one of the first cell, in which the "
    "cell's solves sooner, with 95% bootstrap intervals (strata: lags), none where the members are too few for one. "
    "Where lags are taken together, the permutation test is stratified by lag."
)
DODGE, SPREAD = 0.09, 0.7  # octaves between cells; share of the gap between two lags that all cells may take
LEAST_P = 1e-4  # a smaller p is written as "p < 0.0001"
FILLS = {"p < 0.05 after Holm's correction": "full", "only before it": "left", "neither": "none"}
Ends = tuple[str, str, str]
MEANS: Ends = ("steps_mean", "steps_mean_low", "steps_mean_high")
REFERENCE_MEANS: Ends = ("steps_mean_reference", "steps_mean_reference_low", "steps_mean_reference_high")
IMPROVEMENT: Ends = ("improvement", "improvement_low", "improvement_high")


@themed
def draw(study: StudyData) -> Figure:
    """Draw mean steps to solve against lag, and below the chance to solve sooner, at each lag and over all lags."""
    shades, table = colours(study.cells), contrasts(study)
    figure = new_figure(5.2)
    widths = [6, max(1, 0.18 * len(study.cells))]
    (top, corner), (below, right) = figure.subplots(2, 2, sharex="col", sharey="row", width_ratios=widths)
    corner.set_axis_off()
    by_lag, pooled = _split(table)
    _draw_means(top, study, by_lag, shades)
    for place, cell in enumerate(study.cells[1:]):
        off_middle = place - (len(study.cells) - 2) / 2
        at_lags, over_lags = rows_where(by_lag, cell=cell), rows_where(pooled, cell=cell)
        x = at_lags["lag"].astype(float) * 2 ** (_dodge(study) * off_middle)
        _draw_chances(below, x, at_lags, shades[cell], "o")
        _draw_chances(right, pd.Series(off_middle, over_lags.index), over_lags, shades[cell], "D")
    _mark_untested(below, by_lag)
    _finish(below, study, by_lag)
    _finish_pooled(right, study, pooled)
    legend(figure, cell_entries(study.cells, shades))
    marks = [legend_entry(name, linestyle="", marker="o", **_mark(MUTED, fill)) for name, fill in FILLS.items()]
    panel_legend(below, marks, above=True)
    return figure


def _split(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of single lags, and those of all lags together."""
    return table.loc[table["lag"].notna()], table.loc[table["lag"].isna()]


def _dodge(study: StudyData) -> float:
    """Return the octaves between two cells: fewer where many cells would reach into the next lag."""
    gaps = np.diff(np.log2(study.lags), append=math.inf)
    return float(min(DODGE, SPREAD * gaps.min() / len(study.cells)))


def _draw_means(axes: Axes, study: StudyData, by_lag: pd.DataFrame, shades: dict[str, str]) -> None:
    reference, *others = study.cells
    first = by_lag.drop_duplicates("lag")
    of_others = [(cell, rows_where(by_lag, cell=cell), MEANS) for cell in others]
    for place, (cell, rows, ends) in enumerate([(reference, first, REFERENCE_MEANS), *of_others]):
        at = rows["lag"].astype(float) * 2 ** (_dodge(study) * (place - len(others) / 2))
        middle = rows[ends[0]].astype(float)
        solved = rows["solved_reference" if cell == reference else "solved"] > 0
        axes.vlines(at, rows[ends[1]], rows[ends[2]], color=shades[cell], linewidth=1.4)
        axes.plot(at[solved], middle[solved], "o", color=shades[cell], markersize=4.5)
        axes.plot(
            at[~solved], middle[~solved], "^", color=shades[cell], markersize=5.5, markerfacecolor=PAPER, zorder=3
        )
    budgets = first.set_index("lag")["budget"].astype(float)
    axes.plot(budgets.index.astype(float), budgets, color=MUTED, linewidth=0.9, linestyle=DASHED, zorder=1)
    axes.set(ylim=(0, 1.1 * budgets.max()), ylabel="mean steps to solve,\ncounted up to the budget")
    axes.yaxis.set_major_formatter(lambda steps, _: f"{steps:,.0f}")
    name_line(axes, "budget", float(budgets.iloc[0]))


def _draw_chances(axes: Axes, at: pd.Series, rows: pd.DataFrame, shade: str, marker: str) -> None:
    """Draw chances with their intervals: full where p is below 0.05 after Holm, half before alone, else hollow."""
    middle, low, high = (rows[name].astype(float) for name in IMPROVEMENT)
    axes.vlines(at, low, high, color=shade, linewidth=1.4)
    after, before = rows["p_holm"] < SIGNIFICANT, rows["p"] < SIGNIFICANT
    for chosen, fill in zip((after, before & ~after, ~before & middle.notna()), FILLS.values(), strict=True):
        if chosen.any():  # a line without points, not clipped, would spoil the layout
            axes.plot(at[chosen], middle[chosen], marker, **_mark(shade, fill), clip_on=False, zorder=3)


def _mark(shade: str, fill: str) -> dict[str, Any]:
    face = PAPER if fill == "none" else shade
    style: Any = "full" if fill == "none" else fill  # a hollow mark covers the lines behind it
    return {"color": shade, "markersize": 6, "fillstyle": style, "markerfacecolor": face, "markerfacecoloralt": PAPER}


def _mark_untested(axes: Axes, by_lag: pd.DataFrame) -> None:
    """Write a note at lags where no cell can be compared, so that a gap is not taken for a tie."""
    notes = {NO_EVENTS: "nobody solved", NO_MEMBERS: "no members"}
    for lag, rows in by_lag.groupby("lag"):
        if rows["p"].isna().all():
            text = notes[rows["note"].iloc[0]]
            axes.text(float(str(lag)), 0.5, text, rotation=90, ha="center", va="center", color=MUTED, fontsize="small",
                      bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1})  # fmt: skip


def _finish(axes: Axes, study: StudyData, by_lag: pd.DataFrame) -> None:
    n = typeset(span_of([*by_lag["n"], *by_lag["n_reference"]]))
    axes.set(ylim=(-0.04, 1.04), xlabel=f"lag (steps), n = {n} members a cell and lag")
    axes.set_ylabel(f"chance to solve sooner\nthan a member of {study.cells[0]}")
    axes.set_yticks(np.linspace(0, 1, 5))
    percent_ticks(axes.yaxis)
    lag_axis(axes, study.lags)
    reference_line(axes, y=0.5, name="even")


def _finish_pooled(axes: Axes, study: StudyData, pooled: pd.DataFrame) -> None:
    reference_line(axes, y=0.5)
    room = max(1.0, len(study.cells) / 2)
    p = f"\n{_p(pooled['p_holm'].iloc[0])}" if len(pooled) == 1 and pooled["p_holm"].notna().all() else ""
    axes.set(xlim=(-room, room), xticks=[0], xticklabels=[f"all lags{p}"])
    axes.tick_params(left=False, bottom=False)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False, axis="x")


def finding(study: StudyData) -> str:
    """Return the cells that solve sooner over all lags and at single lags, and where nothing was tested."""
    if len(study.cells) < 2:
        return ""
    if not was_trained(study):
        return NOTHING_TRAINED
    by_lag, pooled = _split(contrasts(study))
    if by_lag.empty:
        return f"No other cell was trained at a lag of {study.cells[0]}, so no difference can be tested."
    tested = pooled.loc[pooled["p"].notna()]
    if tested.empty:
        return "Nobody solved at any lag, or one side has no members, so no difference can be tested."
    return joined(_over_all_lags(tested), _lag_by_lag(by_lag), _untested(by_lag))


def _over_all_lags(tested: pd.DataFrame) -> str:
    """Return which cells solve sooner or later than the reference, and in how many pairs of members."""
    named = tested.loc[(tested["improvement"] - 0.5).abs().nlargest(NAMED).sort_index().index]
    verdicts = "; ".join(_verdict(row) for row in named.to_dict("records"))
    others = len(tested) - len(named)
    nearer = f"; {counted(others, 'other cell')} nearer to even" if others else ""
    adjusted = f" (p after Holm's correction for {len(tested)} cells)" if len(tested) > 1 else ""
    return f"Over all lags together, against {named['reference'].iloc[0]}{adjusted}: {verdicts}{nearer}."


def _verdict(row: dict[Hashable, Any]) -> str:
    verdict = "shows no clear difference"
    if row["p_holm"] < SIGNIFICANT:
        verdict = "solves sooner" if row["z"] > 0 else "solves later"
    middle, low, high = (100 * row[name] for name in IMPROVEMENT)
    ends = f"95% {low:.0f}-{high:.0f}%, " if math.isfinite(low) else ""
    pairs = f"sooner in {middle:.0f}% of pairs of members ({ends}{counted(row['lags'], 'lag')})"
    return f"{row['cell']} {verdict} ({_p(row['p_holm'])}), {pairs}"


def _p(p: float) -> str:
    return f"p < {LEAST_P:.4f}" if p < LEAST_P else f"p = {significant(p, 2)}"


def _lag_by_lag(by_lag: pd.DataFrame) -> str:
    """Return the single lags at which cells differ, or that so few members could not have shown it."""
    tested = by_lag.loc[by_lag["p"].notna()]
    least, adjusted = tested["smallest_p"].min(), tested["smallest_p_holm"].min()
    corrected = f" after Holm's correction for {len(tested)} tests" if len(tested) > 1 else ""
    if adjusted >= SIGNIFICANT:
        n = span_of([*tested["n"], *tested["n_reference"]])
        after = f", {significant(adjusted, 2)}{corrected}" if corrected else ""
        way_out = "; only all lags together can show a difference" if tested["lag"].nunique() > 1 else ""
        best = f"{n} members a side reach p = {significant(least, 2)} at best{after}"
        return f"No single lag can be significant: {best}{way_out}."
    clear = tested.loc[tested["p_holm"] < SIGNIFICANT]
    if clear.empty:
        return f"At no single lag is p < 0.05{corrected}."
    by_cell = [_clear_lags(str(cell), rows) for cell, rows in clear.groupby("cell", sort=False)]
    return f"At single lags p < 0.05{corrected}: {'; '.join(by_cell)}."


def _clear_lags(cell: str, clear: pd.DataFrame) -> str:
    sides = (("sooner", clear.loc[clear["z"] > 0, "lag"]), ("later", clear.loc[clear["z"] < 0, "lag"]))
    return f"{cell} " + listed([f"{word} at {', '.join(map(str, lags))}" for word, lags in sides if len(lags)])


def _untested(by_lag: pd.DataFrame) -> str:
    """Return where nothing was tested, and for which cells if not for all."""
    texts = []
    for note, words in ((NO_EVENTS, "nobody solved"), (NO_MEMBERS, "one side has no members")):
        untested = rows_where(by_lag, note=note)
        for cells, lags in _lags_by_cells(untested).items():
            named_cells = "" if len(cells) == by_lag["cell"].nunique() else f" ({listed(cells)})"
            texts.append(f"at lag{'s' * (len(lags) > 1)} {listed([str(lag) for lag in lags])} {words}{named_cells}")
    return f"Not tested: {'; '.join(texts)}." if texts else ""


def _lags_by_cells(untested: pd.DataFrame) -> dict[tuple[str, ...], list[int]]:
    lags: dict[tuple[str, ...], list[int]] = {}
    for lag, at_lag in untested.groupby("lag"):
        lags.setdefault(tuple(at_lag["cell"]), []).append(int(str(lag)))
    return lags


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return contrasts(study)
