"""How good a cell's best trial is after so many of them: whether more tuning would change the picture."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.tuning import CLOSE, best_of_k, trials_until_close, undecided_budgets
from lstm_bench.analysis.wording import listed, span_of
from lstm_bench.report.style import INK, cell_legend, colours, say_in, small_panels, themed

QUESTION = "Would more tuning change the order of the cells?"


@themed
def draw(study: StudyData) -> Figure:
    """Draw a panel a lag: the expected best score after each number of trials, with the middle 95% of choices."""
    shades, lags, table = colours(study.cells), study.lags, best_of_k(study)
    figure, places = small_panels(len(lags), row_height=1.65)
    for axes, lag in zip(places, lags, strict=True):
        curves = table.loc[table["lag"] == lag]
        for cell in study.cells:
            _draw_cell(axes, curves.loc[curves["cell"] == cell], shades[cell])
        axes.set_title(f"lag {lag}", fontsize="medium")
        if curves.empty:
            say_in(axes, "not run")
    places[0].set(ylim=(0, 1.06), xlim=(0.7, table["trials"].max() + 0.3))
    places[0].xaxis.set_major_locator(MaxNLocator(6, integer=True))
    figure.supxlabel("trials (learning rate and seed)", fontsize="medium", color=INK)
    figure.supylabel("best share of baseline", fontsize="medium", color=INK)
    cell_legend(figure, study.cells, shades, marker="o", markersize=4)
    return figure


def _draw_cell(axes: Axes, curve: pd.DataFrame, shade: str) -> None:
    axes.fill_between(curve["trials"], curve["low"], curve["high"], color=shade, alpha=0.15, linewidth=0)
    axes.plot(curve["trials"], curve["expected"], color=shade, linewidth=1.5, marker="o", markersize=3)


def caption(study: StudyData) -> str:
    """Return the finding: how soon each cell was close to its best, and where one more trial could change who leads."""
    table = best_of_k(study)
    if table.empty:
        return ""
    close = [f"{cell} {span_of(trials_until_close(study, cell))}" for cell in dict.fromkeys(table["cell"])]
    told = f"Trials until within {CLOSE:g} of the best of all {span_of(table['of'])}, by lag: {listed(close)}."
    how = (
        "Each curve is the expected lowest score of so many trials, drawn from those that were made and none drawn "
        "twice; bands hold the middle 95% of all choices, and close where every trial is drawn."
    )
    return " ".join(filter(None, [told, _order(study), how]))


def _order(study: StudyData) -> str:
    """Return where another trial could make another cell the best; "" for a cell alone."""
    if len(study.cells) == 1:
        return ""
    lags, tuned = undecided_budgets(study), best_of_k(study)["lag"].nunique()
    worth = "One more trial, if worth as much to a cell as its last,"
    if not lags:
        return f"{worth} would make no other cell the best at any lag."
    some = f"lag{'s' * (len(lags) > 1)} {listed([str(lag) for lag in lags])} alone"
    return f"{worth} could make another cell the best at {'every lag' if len(lags) == tuned else some}."


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    lines = listed(study.cells)
    return f"Expected best tuning score against trials on {study.task}, a panel for each lag, a line for each: {lines}."


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return best_of_k(study)
