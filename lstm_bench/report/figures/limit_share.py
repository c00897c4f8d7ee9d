"""How near our engine and the stock layers come to what the machine can do."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from lstm_bench.analysis.speed_benchmark import SpeedBenchmark
from lstm_bench.analysis.speed_headline import extremes, percent, where
from lstm_bench.analysis.wording import listed, span_of
from lstm_bench.records.schema import OURS, STOCK_THREADS, STOCK_WORKERS
from lstm_bench.report.figures.speed_panels import draw_panels, line_at
from lstm_bench.report.style import themed

QUESTION = "How much of the machine is used?"
SHOWN = (OURS, STOCK_WORKERS, STOCK_THREADS)


@themed
def draw(benchmark: SpeedBenchmark) -> Figure:
    """Draw the share of the limit, ours and the stock layers', from nothing to all of it."""
    shown = rows(benchmark)
    figure = draw_panels(shown, "limit_share", _implementations(benchmark), percent)
    for axes in figure.axes:
        axes.set_xlim(0, max(1.0, shown["limit_share_q75"].max()) * 1.15)  # room for the number beside the mark
        axes.xaxis.set_major_locator(MultipleLocator(0.25))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    line_at(figure, 1.0)
    figure.supxlabel("share of the machine's limit", fontsize="medium")
    return figure


def _implementations(benchmark: SpeedBenchmark) -> list[str]:
    return [name for name in benchmark.implementations if name in SHOWN]


def caption(benchmark: SpeedBenchmark) -> str:
    """Return the finding: the lowest and the highest share of each, and where."""
    shown = rows(benchmark)
    if shown.empty:
        was_timed = benchmark.rows["implementation"].isin(SHOWN).any()
        return _unknown(benchmark) if was_timed else "Neither the engine nor torch.nn was timed."
    told = [_told(name, shown.loc[shown["implementation"] == name]) for name in _implementations(benchmark)]
    how = (
        f"Medians and quartiles of {span_of(shown['rounds'])} rounds. The limit is what the cores would need if "
        "products and nonlinearities cost what they cost in registers and cache, and all else nothing."
    )
    return " ".join(filter(None, [*told, how, _unknown(benchmark)]))


def _unknown(benchmark: SpeedBenchmark) -> str:
    """Say for which cells no limit is known, which are those that are not of the package."""
    cells = dict.fromkeys(benchmark.rows.loc[benchmark.rows["limit_share"].isna(), "cell"])
    return f"No limit is known for {listed(list(cells))}." if cells else ""


def _told(name: str, shown: pd.DataFrame) -> str:
    least, most = extremes(shown, "limit_share")
    ends = [f"{percent(row['limit_share'])} ({row['cell']}, {where(row)})" for row in (least, most)]
    return f"{name}: {' to '.join(dict.fromkeys(ends))} of the limit."


def alt(benchmark: SpeedBenchmark) -> str:
    """Return a description for who cannot see the figure."""
    return (
        f"Share of the machine's limit that {'; '.join(_implementations(benchmark))} reach: a panel for each hidden "
        f"size and batch size, a row for each length of {listed(list(dict.fromkeys(rows(benchmark)['cell'])))}."
    )


def rows(benchmark: SpeedBenchmark) -> pd.DataFrame:
    """Return the rows behind the figure: those whose limit is known."""
    labels = [
        "task", "cell", "hidden_size", "batch_size", "lag", "length", "implementation", "rounds", "limit_share",
        "limit_share_q25", "limit_share_q75",
    ]  # fmt: skip
    shown = benchmark.rows["implementation"].isin(SHOWN) & benchmark.rows["limit_share"].notna()
    return benchmark.rows.loc[shown, labels].assign(study=benchmark.plan.study)
