"""Which learning rate suits which cell at which lag, and where members diverged."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from lstm_bench.analysis.comparison import chosen_rates
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.solving import ATTEMPTS, members_at, was_trained
from lstm_bench.analysis.tuning import DROPPED, diverged, doubtful_choices, unequal_tuning
from lstm_bench.analysis.wording import NOTHING_TRAINED, counted, listed, span_of
from lstm_bench.report.figures.findings import by_cell, joined
from lstm_bench.report.figures.table_rows import rows_where
from lstm_bench.report.panels import cell_entries, legend, legend_entry, name_axes, note_in, small_panels, ticks_at
from lstm_bench.report.style import MUTED, colours, themed

QUESTION = "Was the learning rate fair to each cell?"
METHOD = (
    "Points are tuning members, lines pass through their means. Below 1: the share of the tuning budget that a member "
    "took to solve. Above 1, unsolved: 1 plus its normalised loss, so that 2 is no better than no memory; a plus is a "
    "member dropped half-way with its rate. The rate with most members solved is chosen; of several, that with the "
    "fewest mean steps, then the lowest loss. Where the rate chosen lies at an end of the grid, a wider grid might do "
    "better. The note at a ring gives how many of the reported members (chosen rate, other seeds) diverged."
)
DIVERGED = "diverged"
RING: Mapping[str, Any] = {"marker": "o", "markersize": 9, "markerfacecolor": "none"}
WRITTEN = 4  # rates that have room side by side
CROSS: Mapping[str, Any] = {"marker": "x", "markersize": 6, "markeredgewidth": 1.5}
PLUS: Mapping[str, Any] = {"marker": "+", "markersize": 6, "markeredgewidth": 1.0}


@themed
def draw(study: StudyData) -> Figure:
    """Draw a panel per tuned lag: each member's score, a line through the means, a ring round the rate chosen.

    A cross stands for a tuning member that diverged, a plus for one dropped half-way; next to a ring is the number
    of reported members that diverged.
    """
    shades = colours(study.cells)
    scored = study.tuning.loc[study.tuning["score"].notna()]
    lags = sorted(scored["lag"].unique()) or study.lags
    figure, places = small_panels(len(lags), row_height=1.65)
    for axes, lag in zip(places, lags, strict=True):
        scores = rows_where(scored, lag=lag)
        for cell in study.cells:
            of_cell = rows_where(scores, cell=cell)
            _draw_cell(axes, of_cell, chosen_rates(study, cell).get(lag), shades[cell], _reported(study, cell, lag))
        axes.set_title(f"lag {lag}", fontsize="medium")
        if scores.empty:
            note_in(axes, "not run")
    rates = _rates(study)
    places[0].set(ylim=(0, 2.1), xscale="log", xlim=(rates[0] / 1.5, rates[-1] * 1.5))
    _write_rates(places[0].xaxis, rates)
    name_axes(figure, x=f"learning rate (n = {_seeds_a_rate(study)} a point)", y="share of budget;\nunsolved: 1 + loss")
    marks = [
        legend_entry("rate chosen", color=MUTED, linestyle="none", **RING),
        legend_entry(DIVERGED, color=MUTED, linestyle="none", **CROSS),
        legend_entry("dropped half-way", color=MUTED, linestyle="none", **PLUS),
    ]
    legend(figure, [*cell_entries(study.cells, shades, marker="o", markersize=4), *marks])
    return figure


def _write_rates(axis: Axis, rates: list[float]) -> None:
    """Set a tick at each rate; where they are too many to be written side by side, write the powers of ten alone."""
    ticks_at(axis, rates, "{:g}")
    decades = [rate for rate in rates if math.isclose(math.log10(rate), round(math.log10(rate)), abs_tol=1e-9)]
    if len(rates) > WRITTEN and len(decades) > 1:
        axis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}" if rate in decades else ""))


def _rates(study: StudyData) -> list[float]:
    return sorted(study.tuning["learning_rate"].unique())


def _reported(study: StudyData, cell: str, lag: int) -> str:
    """Return how many reported members diverged, "" for none."""
    statuses = members_at(study, cell, lag)["status"]
    n_diverged = int((statuses == DIVERGED).sum())
    return f"{n_diverged}/{int(statuses.isin(ATTEMPTS).sum())} diverged" if n_diverged else ""


def _draw_cell(axes: Axes, scores: pd.DataFrame, chosen: float | None, shade: str, reported: str) -> None:
    if scores.empty:
        return
    means = scores.groupby("learning_rate")["score"].mean()
    axes.plot(means, color=shade, linewidth=1.5)
    for marks, is_marked in ((CROSS, scores["status"] == DIVERGED), (PLUS, scores["status"] == DROPPED)):
        marked = scores.loc[is_marked]
        axes.plot(marked["learning_rate"], marked["score"], color=shade, linestyle="none", **marks)
    ended = scores.loc[~scores["status"].isin((DIVERGED, DROPPED))]
    axes.plot(ended["learning_rate"], ended["score"], "o", color=shade, markersize=3.5, alpha=0.6, markeredgewidth=0)
    if chosen is not None and chosen in means.index:
        place = chosen, float(means.loc[chosen])
        axes.plot(*place, color=shade, linestyle="none", **RING)
        axes.annotate(reported, place, (8, -14), textcoords="offset points", color=shade, ha="right", fontsize="small")


def finding(study: StudyData) -> str:
    """Return the rates chosen, the doubts about them, and the members that diverged."""
    if not was_trained(study):
        return NOTHING_TRAINED
    if study.tuning.empty:
        return "One learning rate was given, so nothing was tuned."
    texts = by_cell(
        {cell: _chosen(study, cell) for cell in study.cells}, lambda cell: len(doubtful_choices(study, cell))
    )
    return joined(f"Rates chosen: {'; '.join(texts)}.", _diverged(study), *unequal_tuning(study))


def _chosen(study: StudyData, cell: str) -> str:
    chosen = chosen_rates(study, cell)
    if not chosen:
        return "none"
    counts = pd.Series(list(chosen.values())).value_counts().sort_index()
    by_rate = listed([f"{rate:g} at {counted(int(n), 'lag')}" for rate, n in counts.items()])
    doubts = doubtful_choices(study, cell)
    return by_rate + (f" ({'; '.join(doubts)})" if doubts else "")


def _diverged(study: StudyData) -> str:
    """Return how many of the members diverged, by cell and rate."""
    counts = diverged(study).query("diverged > 0")
    if counts.empty:
        return "No member diverged, in tuning or after it."
    roles = counts["role"].replace("report", "reported")
    texts = counts.assign(text=counts["diverged"].astype(str) + " of " + counts["members"].astype(str) + " " + roles)
    by_rate = texts.groupby(["cell", "learning_rate"], sort=False)["text"]
    members = [f"{cell} at {rate:g} {listed(at_rate.tolist())}" for (cell, rate), at_rate in by_rate]
    return f"Members that diverged (crosses): {'; '.join(members)}; no others."


def _seeds_a_rate(study: StudyData) -> str:
    seeds = span_of(study.tuning.groupby(["cell", "lag", "learning_rate"]).size())
    return f"{seeds} tuning seed{'' if seeds == '1' else 's'}"


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure: each tuning member, and the share that diverged of its cell at its rate.

    `diverged_share` is over all lags, `diverged_share_reported` that of the reported members that took the rate.
    """
    labels = ["study", "task", "variant", "cell", "learning_rate"]
    shares = diverged(study).pivot(index=labels, columns="role", values="share").reindex(columns=["tuning", "report"])
    shares.columns = pd.Index(["diverged_share", "diverged_share_reported"])
    columns = ["study", "task", "variant", "cell", "lag", "learning_rate", "seed", "status", "score"]
    return study.tuning[columns].merge(shares.reset_index(), on=labels, how="left")
