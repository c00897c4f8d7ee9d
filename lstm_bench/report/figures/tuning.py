"""Which learning rate suits which cell at which lag."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lstm_bench.analysis.comparison import chosen_rates
from lstm_bench.analysis.frames import Study
from lstm_bench.analysis.solving import was_trained
from lstm_bench.analysis.wording import NOTHING_TRAINED, counted, listed, span_of
from lstm_bench.report.style import INK, cell_legend, colours, say_in, small_panels, themed

QUESTION = "Was the learning rate fair to each cell?"


@themed
def draw(study: Study) -> Figure:
    """Draw a panel a lag: the score of each tuning member, a line through the means, a ring round the rate chosen."""
    shades, lags = colours(study.cells), study.lags
    figure, places = small_panels(len(lags), row_height=1.65)
    for axes, lag in zip(places, lags, strict=True):
        scores = study.tuning.loc[(study.tuning["lag"] == lag) & study.tuning["score"].notna()]
        for cell in study.cells:
            _draw_cell(axes, scores.loc[scores["cell"] == cell], chosen_rates(study, cell).get(lag), shades[cell])
        axes.set_title(f"lag {lag}", fontsize="medium")
        if scores.empty:
            say_in(axes, "not run")
    rates = sorted(study.tuning["learning_rate"].unique())
    places[0].set(ylim=(0, 1.06), xscale="log", xlim=(rates[0] / 1.5, rates[-1] * 1.5))
    places[0].xaxis.set_major_locator(FixedLocator(rates))
    places[0].xaxis.set_minor_locator(NullLocator())
    places[0].xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    figure.supxlabel(f"learning rate (n = {_seeds_a_rate(study)} a point)", fontsize="medium", color=INK)
    figure.supylabel("score (lower is better)", fontsize="medium", color=INK)
    cell_legend(figure, study.cells, shades, marker="o", markersize=4)
    return figure


def _draw_cell(axes: Axes, scores: pd.DataFrame, chosen: float | None, shade: str) -> None:
    if scores.empty:
        return
    means = scores.groupby("learning_rate")["score"].mean()
    sns.lineplot(scores, x="learning_rate", y="score", errorbar=None, color=shade, linewidth=1.5, ax=axes)
    sns.scatterplot(scores, x="learning_rate", y="score", color=shade, s=12, alpha=0.6, linewidth=0, ax=axes)
    axes.set(xlabel="", ylabel="")
    if chosen is not None and chosen in means.index:
        axes.plot(chosen, float(means.loc[chosen]), "o", markersize=9, markerfacecolor="none", markeredgecolor=shade)


def caption(study: Study) -> str:
    """Return the finding: the rates chosen, and how often the best one lies at the end of the grid."""
    if not was_trained(study):
        return NOTHING_TRAINED
    if study.tuning.empty:
        return "One learning rate was given, so nothing was tuned."
    rates = sorted(study.tuning["learning_rate"].unique())
    told = [_chosen(study, cell, rates) for cell in study.cells]
    how = (
        f"Every cell had the same {counted(len(rates), 'rate')} and {_seeds_a_rate(study)} a rate, which "
        "the report uses nowhere else. The score is the mean share of the baseline over the tuning budget; rings mark "
        "the rate chosen."
    )
    return " ".join([*told, how])


def _seeds_a_rate(study: Study) -> str:
    seeds = span_of(study.tuning.groupby(["cell", "lag", "learning_rate"]).size())
    return f"{seeds} tuning seed{'' if seeds == '1' else 's'}"


def _chosen(study: Study, cell: str, rates: list[float]) -> str:
    chosen = chosen_rates(study, cell)
    if not chosen:
        return f"For {cell} no rate was chosen."
    counts = pd.Series(list(chosen.values())).value_counts().sort_index()
    told = listed([f"{rate:g} at {counted(int(n), 'lag')}" for rate, n in counts.items()])
    has_middle = len(rates) > 2
    at_end = sum(rate in (rates[0], rates[-1]) for rate in chosen.values()) if has_middle else 0
    warning = f" ({at_end} of {len(chosen)} at an end of the grid, where a wider one might do better)" if at_end else ""
    return f"{cell} took {told}{warning}."


def alt(study: Study) -> str:
    """Return a description for who cannot see the figure."""
    lines = listed(study.cells)
    return f"Tuning score against learning rate on {study.task}, a panel for each lag, a line for each of {lines}."


def rows(study: Study) -> pd.DataFrame:
    """Return the rows behind the figure."""
    columns = ["study", "task", "variant", "cell", "lag", "learning_rate", "seed", "status", "score"]
    return study.tuning[columns]
