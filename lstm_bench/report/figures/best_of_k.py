"""The expected best trial of each cell against the number of trials: would more tuning change the order?"""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.tuning import CLOSE, best_of_k, trials_until_close, undecided_budgets
from lstm_bench.analysis.wording import listed, span_of
from lstm_bench.report.figures.findings import by_cell, joined
from lstm_bench.report.figures.table_rows import rows_where
from lstm_bench.report.panels import cell_entries, draw_band, legend, name_axes, note_in, small_panels
from lstm_bench.report.style import colours, themed

QUESTION = "Would more tuning change the order of the cells?"
METHOD = (
    "Each curve is the expected lowest score of that many trials, drawn without replacement from those that were "
    "made; bands hold the middle 95% of all draws, and close where every trial is drawn. The score of a "
    "trial is the share of the tuning budget that it took to solve, or 1 plus its normalised loss."
)


@themed
def draw(study: StudyData) -> Figure:
    """Draw a panel per tuned lag: the expected best score after each number of trials, with its middle 95%."""
    shades, table = colours(study.cells), best_of_k(study)
    lags = sorted(table["lag"].unique()) or study.lags
    figure, places = small_panels(len(lags), row_height=1.65)
    for axes, lag in zip(places, lags, strict=True):
        at_lag = rows_where(table, lag=lag)
        for cell in study.cells:
            curve = rows_where(at_lag, cell=cell)
            band = curve["low"], curve["high"]
            draw_band(axes, curve["trials"], curve["expected"], band, shades[cell], marker="o", markersize=3)
        axes.set_title(f"lag {lag}", fontsize="medium")
        if at_lag.empty:
            note_in(axes, "not run")
    places[0].set(ylim=(0, 2.1), xlim=(0.7, table["trials"].max() + 0.3))
    places[0].xaxis.set_major_locator(MaxNLocator(6, integer=True))
    name_axes(figure, x="trials (learning rate and seed)", y="best share of budget;\nunsolved: 1 + loss")
    legend(figure, cell_entries(study.cells, shades, marker="o", markersize=4))
    return figure


def finding(study: StudyData) -> str:
    """Return how soon each cell was close to its best, and where one more trial could change the best cell."""
    table = best_of_k(study)
    if table.empty:
        return ""
    close = {cell: trials_until_close(study, cell) for cell in dict.fromkeys(table["cell"])}
    texts = {cell: span_of(trials) for cell, trials in close.items()}
    named = listed(by_cell(texts, lambda cell: max(close[cell])))
    return joined(
        f"Trials until within {CLOSE:g} of the best of all {span_of(table['of'])}, by lag: {named}.", _order(study)
    )


def _order(study: StudyData) -> str:
    """Return the lags at which another trial could make another cell the best; "" for a single cell."""
    if len(study.cells) == 1:
        return ""
    lags, tuned = undecided_budgets(study), best_of_k(study)["lag"].nunique()
    condition = "One more trial, if it gained a cell as much as its last,"
    if not lags:
        return f"{condition} would make no other cell the best at any lag."
    named_lags = f"lag{'s' * (len(lags) > 1)} {listed([str(lag) for lag in lags])} alone"
    return f"{condition} could make another cell the best at {'every lag' if len(lags) == tuned else named_lags}."


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return best_of_k(study)
