"""Our engine against every other implementation of a speed study, job by job."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from lstm_bench.analysis.speed_benchmark import SpeedBenchmark
from lstm_bench.analysis.speed_headline import extremes, where
from lstm_bench.analysis.wording import counted, listed, significant, span_of, times
from lstm_bench.records.schema import OURS
from lstm_bench.report.figures.speed_panels import draw_panels, line_at
from lstm_bench.report.style import themed
from lstm_bench.report.typography import typeset

QUESTION = "How much faster is the engine?"
MOST_TICKS = 12


@themed
def draw(benchmark: SpeedBenchmark) -> Figure:
    """Draw the speedup over each other implementation on a log axis, with a line where both are equally fast."""
    shown = rows(benchmark)
    figure = draw_panels(shown, "speedup", _others(benchmark), lambda ratio: f"{significant(ratio)}x")
    low, high = min(1.0, shown["speedup_q25"].min()), max(1.0, shown["speedup_q75"].max())
    for axes in figure.axes:
        axes.set_xscale("log")
        axes.set_xlim(low / 1.25, high * (high / low) ** 0.2 * 1.1)  # a fifth more, for the number beside the mark
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=MOST_TICKS))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: typeset(f"{ratio:g}x")))
    line_at(figure, 1.0)
    figure.supxlabel("training steps that the engine takes while the other takes one", fontsize="medium")
    return figure


def _others(benchmark: SpeedBenchmark) -> list[str]:
    return [name for name in benchmark.implementations if name != OURS]


def caption(benchmark: SpeedBenchmark) -> str:
    """Return the finding: against each other implementation the least and the greatest speedup, and where."""
    shown = rows(benchmark)
    if shown.empty:
        return "Nothing was timed beside the engine, so there is nothing to compare."
    told = [_told(name, shown.loc[shown["implementation"] == name]) for name in _others(benchmark)]
    how = (
        f"Medians, and quartiles as whiskers, over {span_of(shown['rounds'])} rounds of the ratio of two times of one "
        "round; right of the dashed line the engine is faster."
    )
    return " ".join(["Speedup of the engine over each.", *told, how])


def _told(name: str, shown: pd.DataFrame) -> str:
    (least, most), slower = extremes(shown, "speedup"), int((shown["speedup"] < 1).sum())
    if len(shown) == 1:
        return f"{name}: {times(least['speedup'])} ({least['cell']}, {where(least)})."
    places = [f"{times(row['speedup'])} ({row['cell']}, {where(row)})" for row in (least, most)]
    behind = f"slower at {slower} of {counted(len(shown), 'job')}" if slower else f"faster at all {len(shown)} jobs"
    return f"{name}: {places[0]} to {places[1]}, {behind}."


def alt(benchmark: SpeedBenchmark) -> str:
    """Return a description for who cannot see the figure."""
    return (
        f"Speedup of the engine over {'; '.join(_others(benchmark))}; on a log axis: a panel for each hidden size and "
        f"batch size, a row for each length of {listed(benchmark.cells)}."
    )


def rows(benchmark: SpeedBenchmark) -> pd.DataFrame:
    """Return the rows behind the figure."""
    labels = [
        "task", "cell", "hidden_size", "batch_size", "lag", "length", "implementation", "rounds", "speedup",
        "speedup_q25", "speedup_q75",
    ]  # fmt: skip
    known = benchmark.rows["speedup"].notna()
    return benchmark.rows.loc[known, labels].assign(study=benchmark.plan.study)
