"""Which learning rate suits which cell at which lag, and where members diverged."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lstm_bench.analysis.comparison import chosen_rates
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.solving import ATTEMPTS, members_at, was_trained
from lstm_bench.analysis.tuning import diverged, unequal_tuning
from lstm_bench.analysis.wording import NOTHING_TRAINED, counted, listed, span_of
from lstm_bench.report.style import INK, cell_legend, colours, say_in, small_panels, themed

DIVERGED = "diverged"
QUESTION = "Was the learning rate fair to each cell?"


@themed
def draw(study: StudyData) -> Figure:
    """Draw a panel a lag: the score of each tuning member, a line through the means, a ring round the rate chosen.

    A cross stands for a tuning member that diverged; beside a ring stands how many reported members did.
    """
    shades, lags = colours(study.cells), study.lags
    figure, places = small_panels(len(lags), row_height=1.65)
    for axes, lag in zip(places, lags, strict=True):
        scores = study.tuning.loc[(study.tuning["lag"] == lag) & study.tuning["score"].notna()]
        for cell in study.cells:
            own = scores.loc[scores["cell"] == cell]
            _draw_cell(axes, own, chosen_rates(study, cell).get(lag), shades[cell], _reported(study, cell, lag))
        axes.set_title(f"lag {lag}", fontsize="medium")
        if scores.empty:
            say_in(axes, "not run")
    rates = sorted(study.tuning["learning_rate"].unique())
    places[0].set(ylim=(0, 1.06), xscale="log", xlim=(rates[0] / 1.5, rates[-1] * 1.5))
    places[0].xaxis.set_major_locator(FixedLocator(rates))
    places[0].xaxis.set_minor_locator(NullLocator())
    places[0].xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    figure.supxlabel(f"learning rate (n = {_seeds_a_rate(study)} a point)", fontsize="medium", color=INK)
    figure.supylabel("mean share of baseline", fontsize="medium", color=INK)
    cell_legend(figure, study.cells, shades, marker="o", markersize=4)
    return figure


def _reported(study: StudyData, cell: str, lag: int) -> str:
    """Return how many reported members diverged, "" for none."""
    ended = members_at(study, cell, lag)["status"]
    diverged = int((ended == DIVERGED).sum())
    return f"{diverged}/{int(ended.isin(ATTEMPTS).sum())} diverged" if diverged else ""


def _draw_cell(axes: Axes, scores: pd.DataFrame, chosen: float | None, shade: str, reported: str) -> None:
    if scores.empty:
        return
    means = scores.groupby("learning_rate")["score"].mean()
    axes.plot(means, color=shade, linewidth=1.5)
    has_diverged = scores["status"] == DIVERGED
    ended, crosses = scores.loc[~has_diverged], scores.loc[has_diverged]
    axes.plot(ended["learning_rate"], ended["score"], "o", color=shade, markersize=3.5, alpha=0.6, markeredgewidth=0)
    axes.plot(crosses["learning_rate"], crosses["score"], "x", color=shade, markersize=6, markeredgewidth=1.5)
    if chosen is not None and chosen in means.index:
        place = chosen, float(means.loc[chosen])
        axes.plot(*place, "o", markersize=9, markerfacecolor="none", markeredgecolor=shade)
        axes.annotate(reported, place, (8, -14), textcoords="offset points", color=shade, ha="right", fontsize="small")


def caption(study: StudyData) -> str:
    """Return the finding: the rates chosen, how often the best lies at the end of the grid, and who diverged."""
    if not was_trained(study):
        return NOTHING_TRAINED
    if study.tuning.empty:
        return "One learning rate was given, so nothing was tuned."
    rates = sorted(study.tuning["learning_rate"].unique())
    told = [_chosen(study, cell, rates) for cell in study.cells]
    alike = unequal_tuning(study) or [
        f"Every cell had the same {counted(len(rates), 'rate')} and {_seeds_a_rate(study)} a rate, used nowhere else."
    ]
    how = "The score is the mean share of the baseline over the tuning budget. Rings mark the rate chosen."
    return " ".join([*told, _diverged(study), *alike, how])


def _diverged(study: StudyData) -> str:
    """Return which share of the members diverged, by cell and rate."""
    odd = diverged(study).query("diverged > 0")
    if odd.empty:
        return "No member diverged, in tuning or after it."
    roles = odd["role"].replace("report", "reported")
    counts = odd.assign(told=odd["diverged"].astype(str) + " of " + odd["members"].astype(str) + " " + roles)
    by_rate = counts.groupby(["cell", "learning_rate"], sort=False)["told"]
    told = [f"{cell} at {rate:g} {listed(own.tolist())}" for (cell, rate), own in by_rate]
    return f"Members that diverged (crosses): {'; '.join(told)}; no others."


def _seeds_a_rate(study: StudyData) -> str:
    seeds = span_of(study.tuning.groupby(["cell", "lag", "learning_rate"]).size())
    return f"{seeds} tuning seed{'' if seeds == '1' else 's'}"


def _chosen(study: StudyData, cell: str, rates: list[float]) -> str:
    chosen = chosen_rates(study, cell)
    if not chosen:
        return f"For {cell} no rate was chosen."
    counts = pd.Series(list(chosen.values())).value_counts().sort_index()
    told = listed([f"{rate:g} at {counted(int(n), 'lag')}" for rate, n in counts.items()])
    has_middle = len(rates) > 2
    at_end = sum(rate in (rates[0], rates[-1]) for rate in chosen.values()) if has_middle else 0
    warning = f" ({at_end} of {len(chosen)} at an end of the grid, where a wider one might do better)" if at_end else ""
    return f"{cell} took {told}{warning}."


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    lines = listed(study.cells)
    return f"Tuning score against learning rate on {study.task}, a panel for each lag, a line for each of {lines}."


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure: each tuning member, and the share of its cell's at its rate that diverged.

    `diverged_share` is over all lags, `diverged_share_reported` that of the reported members that took the rate.
    """
    labels = ["study", "task", "variant", "cell", "learning_rate"]
    shares = diverged(study).pivot(index=labels, columns="role", values="share").reindex(columns=["tuning", "report"])
    shares.columns = pd.Index(["diverged_share", "diverged_share_reported"])
    columns = ["study", "task", "variant", "cell", "lag", "learning_rate", "seed", "status", "score"]
    return study.tuning[columns].merge(shares.reset_index(), on=labels, how="left")
