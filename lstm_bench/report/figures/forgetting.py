"""How much of a cue is still recalled, against how long ago it was seen."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from lstm_bench.analysis.forgetting import HALF, recall_summary, recalling_lags, trained_distance
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.memory_horizons import HALF_LIFE, HorizonEstimate, estimate_of
from lstm_bench.analysis.solving import was_trained
from lstm_bench.analysis.wording import NOTHING_TRAINED, listed, span_of, times
from lstm_bench.metrics import FINAL
from lstm_bench.report.figures.findings import by_cell, joined
from lstm_bench.report.figures.table_rows import rows_where
from lstm_bench.report.panels import (
    DOTTED,
    cell_entries,
    draw_band,
    legend,
    legend_entry,
    log_ticks,
    name_axes,
    note_absent,
    reference_line,
    small_panels,
)
from lstm_bench.report.style import MUTED, colours, themed

QUESTION = "How long does a trained cell hold a cue?"
PANELS = 4
BANDS = 6  # most cells with bands: more would hide each other
METHOD = (
    f"Lines are interquartile means over members; bands, for up to {BANDS} cells, are 95% bootstrap intervals; the "
    "dashed line is at one half. The half-life is given at the longest lag that most members of the cell solved, or "
    "else its shortest. A dotted line marks the only distance trained on; without one, every distance was trained on. "
    "On adding a distance is counted to the end of the sequence, a step more than in a span. A cell whose recall falls "
    "below one half also at distances shorter than that trained on has learned when to answer as much as what."
)
TRAINED_LINE = {"color": MUTED, "linewidth": 0.9, "linestyle": DOTTED}


@themed
def draw(study: StudyData) -> Figure:
    """Draw a panel per lag: recall of each cell within its interval, a dashed line at one half."""
    summary, shades = recall_summary(study), colours(study.cells)
    lags = recalling_lags(summary, PANELS)
    distances = {lag: _trained(study, lag) for lag in lags}
    figure, places = small_panels(len(lags), row_height=2.4)
    for axes, lag in zip(places, lags, strict=True):
        at_lag, distance = rows_where(summary, lag=lag), distances[lag]
        reference_line(axes, y=HALF)
        if distance is not None:
            axes.axvline(distance, **TRAINED_LINE)
        for cell in study.cells:
            recall = rows_where(at_lag, cell=cell).sort_values("distance")
            band = (recall["low"], recall["high"]) if len(study.cells) <= BANDS else None
            draw_band(axes, recall["distance"], recall["middle"], band, shades[cell], marker="o", markersize=3)
        axes.set_title(f"lag {lag} (n = {span_of(at_lag['n'])})", fontsize="medium")
        note_absent(axes, "not measured", [c for c in study.cells_at(lag) if not (at_lag["cell"] == c).any()])
    _finish(places[0], summary.loc[summary["lag"].isin(lags)])
    name_axes(figure, x="distance from a cue to its answer (steps)", y="recall")
    is_marked = any(distance is not None for distance in distances.values())
    trained = [legend_entry("distance trained on", **TRAINED_LINE)] if is_marked else []
    legend(figure, [*cell_entries(study.cells, shades), *trained])
    return figure


def _trained(study: StudyData, lag: int | None) -> int | None:
    """Return the distance that members were trained on at a lag, None where they met every distance."""
    return next((trained_distance(job) for job in study.plan.jobs if job.lag == lag), None)


def _finish(axes: Axes, drawn: pd.DataFrame) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xlim(drawn["distance"].min() / 1.15, drawn["distance"].max() * 1.15)
    axes.set_ylim(min(0.0, drawn["low"].min()) - 0.03, 1.03)  # an answer that is no letter at all is worse than chance
    log_ticks(axes.xaxis, LogLocator(base=2, numticks=6))


def finding(study: StudyData) -> str:
    """Return each cell's half-life, and how it compares with the distance that it was trained at."""
    summary = recall_summary(study)
    if summary.empty:
        return "Forgetting was not measured." if was_trained(study) else NOTHING_TRAINED
    half_lives = {cell: half for cell in study.cells if (half := estimate_of(study, cell, HALF_LIFE, FINAL))}
    texts = {cell: _half_life(study, half) for cell, half in half_lives.items()}
    timed = [cell for cell, half in half_lives.items() if _is_timed(study, summary, cell, half.lag)]
    fall = "falls" if len(timed) == 1 else "fall"
    falls = f"{listed(timed)} {fall} below one half also at distances shorter than that trained on."
    return joined(
        f"Half of a cue is left after: {listed(by_cell(texts, lambda cell: -half_lives[cell].middle))}.",
        falls if timed else "",
        _silent(summary),
    )


def _half_life(study: StudyData, half: HorizonEstimate) -> str:
    if half.middle == 0:
        return f"none (at lag {half.lag} most members recall less than half at every distance)"
    trained = _trained(study, half.lag)
    ratio = "" if trained is None or half.censored else f", {times(half.middle / trained)} the {trained} trained on"
    return f"{half.text} steps (lag {half.lag}{ratio})"


def _is_timed(study: StudyData, summary: pd.DataFrame, cell: str, lag: int | None) -> bool:
    """Return whether a cell recalls at the distance trained on, and less than half at a shorter one."""
    trained = _trained(study, lag)
    recall = rows_where(summary, cell=cell, lag=lag).set_index("distance")["middle"]
    if trained is None or not recall.get(trained, 0.0) >= HALF:
        return False
    return bool((recall.loc[recall.index < trained] < HALF).any())


def _silent(summary: pd.DataFrame) -> str:
    """Return the lags that are not drawn since no cell recalls one half there."""
    silent = sorted(set(summary["lag"]) - set(summary.loc[summary["middle"] >= HALF, "lag"]))
    return f"At lag {listed(list(map(str, silent)))} no cell recalls one half at any distance." if silent else ""


def rows(study: StudyData) -> pd.DataFrame:
    """Return the rows behind the figure, of all lags."""
    return recall_summary(study).assign(study=study.plan.study)
