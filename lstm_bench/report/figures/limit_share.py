"""How near our engine and the stock layers come to the machine's limit."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from lstm_bench.analysis.speed_benchmark import SpeedBenchmark
from lstm_bench.analysis.speed_headline import extremes, percent, where
from lstm_bench.analysis.wording import listed, span_of
from lstm_bench.records.speed import OURS, STOCK_THREADS, STOCK_WORKERS
from lstm_bench.report.figures.findings import joined
from lstm_bench.report.figures.speed_panels import benchmark_rows, draw_panels
from lstm_bench.report.figures.table_rows import rows_where
from lstm_bench.report.panels import name_axes, percent_ticks
from lstm_bench.report.style import themed
from lstm_bench.report.typography import typeset

QUESTION = "How much of the machine is used?"
METHOD = (
    "Medians and quartiles over the rounds. The limit is the time that the cores would need if products "
    "ran in registers, nonlinearities in cache, and all else took no time; it is known for the cells of the package."
)
SHOWN = (OURS, STOCK_WORKERS, STOCK_THREADS)


@themed
def draw(benchmark: SpeedBenchmark) -> Figure:
    """Draw the share of the limit, ours and the stock layers', from nothing to all of it."""
    shares = rows(benchmark)
    figure = draw_panels(shares, "limit_share", _implementations(benchmark), percent, line_at=1.0)
    for axes in figure.axes:
        axes.set_xlim(0, max(1.0, shares["limit_share_q75"].max()) * 1.15)  # room for the number next to the mark
        axes.xaxis.set_major_locator(MultipleLocator(0.25))
        percent_ticks(axes.xaxis)
    name_axes(figure, x=f"share of the machine's limit (n = {typeset(span_of(shares['rounds']))} rounds)")
    return figure


def _implementations(benchmark: SpeedBenchmark) -> list[str]:
    return [name for name in benchmark.implementations if name in SHOWN]


def finding(benchmark: SpeedBenchmark) -> str:
    """Return the lowest and the highest share of each implementation, and where they occur."""
    shares = rows(benchmark)
    if shares.empty:
        was_timed = benchmark.rows["implementation"].isin(SHOWN).any()
        return _unknown(benchmark) if was_timed else "Neither the engine nor torch.nn was timed."
    texts = [_range(name, rows_where(shares, implementation=name)) for name in _implementations(benchmark)]
    return joined(f"Share of the limit, lowest to highest: {'; '.join(texts)}.", _unknown(benchmark))


def _unknown(benchmark: SpeedBenchmark) -> str:
    """Return the cells without a known limit, which are those that are not of the package."""
    cells = dict.fromkeys(benchmark.rows.loc[benchmark.rows["limit_share"].isna(), "cell"])
    return f"No limit is known for {listed(list(cells))}." if cells else ""


def _range(name: str, shares: pd.DataFrame) -> str:
    least, most = extremes(shares, "limit_share")
    ends = [f"{percent(row['limit_share'])} ({row['cell']}, {where(row)})" for row in (least, most)]
    return f"{name}: {' to '.join(dict.fromkeys(ends))}"


def rows(benchmark: SpeedBenchmark) -> pd.DataFrame:
    """Return the rows behind the figure: those whose limit is known."""
    is_shown = benchmark.rows["implementation"].isin(SHOWN) & benchmark.rows["limit_share"].notna()
    return benchmark_rows(benchmark, is_shown, "limit_share")
