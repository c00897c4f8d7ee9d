"""Our engine against every other implementation of a speed study, job by job."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from lstm_bench.analysis.speed_benchmark import SpeedBenchmark
from lstm_bench.analysis.speed_headline import extremes, where
from lstm_bench.analysis.wording import counted, significant, span_of, times
from lstm_bench.records.speed import OURS
from lstm_bench.report.figures.speed_panels import benchmark_rows, draw_panels
from lstm_bench.report.figures.table_rows import rows_where
from lstm_bench.report.panels import log_ticks, name_axes
from lstm_bench.report.style import themed
from lstm_bench.report.typography import typeset

QUESTION = "How much faster is the engine?"
METHOD = (
    "The ratio of two times in one round, the other's over the engine's: medians over the rounds, with quartiles as "
    "whiskers. Right of the dashed line the engine is faster."
)
MOST_TICKS = 12


@themed
def draw(benchmark: SpeedBenchmark) -> Figure:
    """Draw the speedup over each other implementation on a log axis, with a line where both are equally fast."""
    speedups = rows(benchmark)
    figure = draw_panels(speedups, "speedup", _others(benchmark), times_faster, line_at=1.0)
    low, high = min(1.0, speedups["speedup_q25"].min()), max(1.0, speedups["speedup_q75"].max())
    for axes in figure.axes:
        axes.set_xscale("log")
        axes.set_xlim(low / 1.25, high * (high / low) ** 0.2 * 1.1)  # a fifth more, for the number next to the mark
        log_ticks(axes.xaxis, LogLocator(subs=(1, 2, 5), numticks=MOST_TICKS), "{:g}\u00d7")
    rounds = typeset(span_of(speedups["rounds"]))
    name_axes(figure, x=f"training steps that the engine takes while the other takes one (n = {rounds} rounds)")
    return figure


def times_faster(ratio: float) -> str:
    """Return a speedup with three significant digits: "15.0x"."""
    return f"{significant(ratio)}x"


def _others(benchmark: SpeedBenchmark) -> list[str]:
    return [name for name in benchmark.implementations if name != OURS]


def finding(benchmark: SpeedBenchmark) -> str:
    """Return the least and the greatest speedup over each other implementation, and where they occur."""
    speedups = rows(benchmark)
    if speedups.empty:
        return "Only the engine was timed, so there is nothing to compare."
    texts = [_range(name, rows_where(speedups, implementation=name)) for name in _others(benchmark)]
    return f"Speedup of the engine, least to greatest: {'; '.join(texts)}."


def _range(name: str, speedups: pd.DataFrame) -> str:
    (least, most), slower = extremes(speedups, "speedup"), int((speedups["speedup"] < 1).sum())
    if len(speedups) == 1:
        return f"over {name}: {times(least['speedup'])} ({least['cell']}, {where(least)})"
    places = [f"{times(row['speedup'])} ({row['cell']}, {where(row)})" for row in (least, most)]
    n_jobs = len(speedups)
    outcome = f"slower at {slower} of {counted(n_jobs, 'job')}" if slower else f"faster at all {n_jobs} jobs"
    return f"over {name}: {places[0]} to {places[1]}, {outcome}"


def rows(benchmark: SpeedBenchmark) -> pd.DataFrame:
    """Return the rows behind the figure."""
    return benchmark_rows(benchmark, benchmark.rows["speedup"].notna(), "speedup")
