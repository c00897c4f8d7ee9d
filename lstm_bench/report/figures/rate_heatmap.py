"""T50 over learning rate and start."""

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.sensitivity import RATE, variations
from lstm_bench.analysis.wording import listed, significant, times
from lstm_bench.report.figures.findings import by_cell
from lstm_bench.report.panels import new_figure
from lstm_bench.report.style import INK, PAPER, RULE, themed

QUESTION = "How much does the span depend on learning rate and start?"
METHOD = (
    "Each field is T50 of one start at one learning rate, the same for all lags, with all other settings at their "
    "base. The colour is T50 on a logarithmic scale. A grey field is only bounded: < where no member solves, >= where "
    "all do."
)
DARK = 0.55  # of the colour scale: above it letters are dark


@themed
def draw(study: StudyData) -> Figure:
    """Draw a field per start and rate, coloured by T50."""
    table = rows(study)
    starts, rates = list(dict.fromkeys(table["cell_yaml"])), sorted(table[RATE].unique())
    fitted = table.assign(known=table["span_median"].where(table["span_outcome"] == "fitted"))
    medians = fitted.pivot(index="cell_yaml", columns=RATE, values="known").reindex(index=starts, columns=rates)
    figure = new_figure(1.1 + 0.42 * len(starts))
    axes = figure.subplots()
    known = medians.to_numpy(dtype=float)
    least, most = (np.nanmin(known), np.nanmax(known)) if np.isfinite(known).any() else (1.0, 1.0)
    norm = LogNorm(least, max(most, 1.01 * least))
    axes.set_facecolor(RULE)  # of fields whose T50 is only bounded
    axes.imshow(known, aspect="auto", norm=norm, cmap="viridis")
    for row in fitted.to_dict("records"):
        place = rates.index(row[RATE]), starts.index(row["cell_yaml"])
        is_light = not np.isfinite(row["known"]) or norm(row["known"]) > DARK
        shade = INK if is_light else PAPER
        axes.annotate(_short(row["span"]), place, ha="center", va="center", fontsize="small", color=shade)
    axes.set(xticks=range(len(rates)), xticklabels=[f"{rate:g}" for rate in rates], xlabel="learning rate")
    axes.set(yticks=range(len(starts)), yticklabels=starts)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    return figure


def _short(text: str) -> str:
    """Return a span without its interval, which the rows have."""
    return text.partition(" (")[0]


def finding(study: StudyData) -> str:
    """Return each start's best and worst T50 over the rates."""
    table = rows(study)
    if table.empty:
        return ""
    known = table.loc[table["span_outcome"] == "fitted"]
    texts = {str(start): _range(of_start) for start, of_start in known.groupby("cell_yaml", sort=False)}
    return f"T50 over the learning rates: {listed(by_cell(texts, str))}." if texts else "No T50 could be fitted."


def _range(of_start: pd.DataFrame) -> str:
    low, high = (of_start.loc[of_start["span_median"].agg(end)] for end in ("idxmin", "idxmax"))
    if low["cell"] == high["cell"]:
        return f"{significant(low['span_median'])} at {low[RATE]:g} alone"
    ratio = times(high["span_median"] / low["span_median"])
    return (
        f"{significant(low['span_median'])} at {low[RATE]:g} to {significant(high['span_median'])} at {high[RATE]:g} "
        f"({ratio})"
    )


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure: every variation in which the learning rate alone may differ from the base."""
    table = variations(study)
    at_base = table.loc[table["varied"].isin(("", RATE)) & table[RATE].notna()]
    swept = at_base.groupby("cell_yaml")[RATE].transform("nunique") > 1
    return at_base.loc[swept]
