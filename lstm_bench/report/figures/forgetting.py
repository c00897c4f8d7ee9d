"""How much of a cue is still said, against how long ago it was seen."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from lstm_bench.analysis.forgetting import HALF, recall_summary, recalling_lags, trained_distance
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.memory_horizons import HALF_LIFE, HorizonEstimate, estimate_of
from lstm_bench.analysis.solving import was_trained
from lstm_bench.analysis.wording import NOTHING_TRAINED, listed, span_of, times
from lstm_bench.metrics import FINAL
from lstm_bench.report.style import INK, MUTED, cell_legend, colours, say_absent, small_panels, themed

QUESTION = "How long does a trained cell hold a cue?"
PANELS = 4
BANDS = 6  # cells: of more, bands hide each other


@themed
def draw(study: StudyData) -> Figure:
    """Draw a panel a lag: recall of each cell within its interval, a dashed line at one half."""
    summary, shades = recall_summary(study), colours(study.cells)
    lags = recalling_lags(summary, PANELS)
    figure, places = small_panels(len(lags), row_height=2.4)
    for axes, lag in zip(places, lags, strict=True):
        at_lag = summary.loc[summary["lag"] == lag]
        axes.axhline(HALF, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        _mark_trained(axes, study, lag)
        for cell in study.cells:
            _draw_cell(axes, at_lag.loc[at_lag["cell"] == cell], shades[cell], has_band=len(study.cells) <= BANDS)
        axes.set_title(f"lag {lag} (n = {span_of(at_lag['n'])})", fontsize="medium")
        absent = [cell for cell in study.cells_at(lag) if not (at_lag["cell"] == cell).any()]
        if absent:
            say_absent(axes, "not measured", absent)
    _finish(places[0], summary.loc[summary["lag"].isin(lags)])
    figure.supxlabel("distance from a cue to its answer (steps)", fontsize="medium", color=INK)
    figure.supylabel("recall", fontsize="medium", color=INK)
    cell_legend(figure, study.cells, shades)
    return figure


def _mark_trained(axes: Axes, study: StudyData, lag: int) -> None:
    distance = next((trained_distance(job) for job in study.plan.jobs if job.lag == lag), None)
    if distance is not None:
        axes.axvline(distance, color=MUTED, linewidth=0.9, linestyle=(0, (1, 1.5)))


def _draw_cell(axes: Axes, summary: pd.DataFrame, shade: str, has_band: bool) -> None:
    ordered = summary.sort_values("distance")
    if has_band:
        axes.fill_between(ordered["distance"], ordered["low"], ordered["high"], color=shade, alpha=0.22, linewidth=0)
    axes.plot(ordered["distance"], ordered["middle"], color=shade, linewidth=1.8, marker="o", markersize=3)


def _finish(axes: Axes, shown: pd.DataFrame) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xlim(shown["distance"].min() / 1.15, shown["distance"].max() * 1.15)
    axes.set_ylim(min(0.0, shown["low"].min()) - 0.03, 1.03)  # an answer that is no letter at all is worse than chance
    axes.xaxis.set_major_locator(LogLocator(base=2, numticks=8))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda steps, _: f"{steps:,.0f}"))


def caption(study: StudyData) -> str:
    """Return the finding: each cell's half-life, and how it compares with the distance that it was trained at."""
    summary = recall_summary(study)
    if summary.empty:
        return "Forgetting was not measured." if was_trained(study) else NOTHING_TRAINED
    found = {cell: reach for cell in study.cells if (reach := estimate_of(study, cell, HALF_LIFE, FINAL))}
    told = listed([f"{cell} {_told(study, reach)}" for cell, reach in found.items()])
    return " ".join(
        filter(
            None,
            (f"Half of a cue is left after: {told}.", _timed(study, summary, found), _silent(summary), _how(study)),
        )
    )


def _told(study: StudyData, reach: HorizonEstimate) -> str:
    if reach.middle == 0:
        return f"none (at lag {reach.lag} most members recall less than half at every distance)"
    trained = next((trained_distance(job) for job in study.plan.jobs if job.lag == reach.lag), None)
    against = "" if trained is None or reach.censored else f", {times(reach.middle / trained)} the {trained} trained on"
    return f"{reach.text} steps (lag {reach.lag}{against})"


def _timed(study: StudyData, summary: pd.DataFrame, found: Mapping[str, HorizonEstimate]) -> str:
    """Tell the cells that do not recall at shorter distances what they recall at the one trained on."""
    timed = [cell for cell, reach in found.items() if reach.lag is not None and _is_timed(study, summary, cell, reach)]
    if not timed:
        return ""
    return (
        f"Below the distance trained on {listed(timed)} {'falls' if len(timed) == 1 else 'fall'} under one half too: "
        "what was learned is when to answer as much as what."
    )


def _is_timed(study: StudyData, summary: pd.DataFrame, cell: str, reach: HorizonEstimate) -> bool:
    trained = next((trained_distance(job) for job in study.plan.jobs if job.lag == reach.lag), None)
    own = summary.loc[(summary["cell"] == cell) & (summary["lag"] == reach.lag)].set_index("distance")["middle"]
    if trained is None or not own.get(trained, 0.0) >= HALF:
        return False
    return bool((own.loc[own.index < trained] < HALF).any())


def _silent(summary: pd.DataFrame) -> str:
    """Tell the lags that are not drawn since no cell recalls one half there."""
    silent = sorted(set(summary["lag"]) - set(summary.loc[summary["middle"] >= HALF, "lag"]))
    return f"At lag {listed(list(map(str, silent)))} no cell recalls one half at any distance." if silent else ""


def _how(study: StudyData) -> str:
    trained = trained_distance(study.plan.jobs[0])
    bands = ", bands 95% bootstrap intervals" if len(study.cells) <= BANDS else ""
    where = (
        "The dotted line is the distance of training; the others were never seen."
        if trained is not None
        else "Every distance was met in training."
    )
    return (
        f"Lines are interquartile means over members{bands}; half-lives are Kaplan-Meier medians "
        "with 95% intervals, each at the longest lag that most members of the cell solved, or else its shortest. "
        f"{where}"
    )


def alt(study: StudyData) -> str:
    """Return a description for who cannot see the figure."""
    lags = listed(list(map(str, recalling_lags(recall_summary(study), PANELS))))
    cells = listed(study.cells)
    return f"Recall of a cue against its distance on {study.task}, at lag {lags}, a line for each of {cells}."


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure, of all lags."""
    return recall_summary(study).assign(study=study.plan.study)
