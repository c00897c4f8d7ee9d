"""How near our engine and the stock layers come to what the machine can do."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from lstm_bench.analysis.contest import Contest
from lstm_bench.analysis.contest_wording import extremes, percent, where
from lstm_bench.analysis.wording import listed, span_of
from lstm_bench.records.schema import OURS, STOCK_THREADS, STOCK_WORKERS
from lstm_bench.report.figures.contest_panels import draw_panels, line_at
from lstm_bench.report.style import themed

QUESTION = "How much of the machine is used?"
SHOWN = (OURS, STOCK_WORKERS, STOCK_THREADS)


@themed
def draw(contest: Contest) -> Figure:
    """Draw the share of the limit, ours and the stock layers', from nothing to all of it."""
    shown = rows(contest)
    figure = draw_panels(shown, "limit_share", _contenders(contest), percent)
    for axes in figure.axes:
        axes.set_xlim(0, max(1.0, shown["limit_share_q75"].max()) * 1.15)  # room for the number beside the mark
        axes.xaxis.set_major_locator(MultipleLocator(0.25))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    line_at(figure, 1.0)
    figure.supxlabel("share of the machine's limit", fontsize="medium")
    return figure


def _contenders(contest: Contest) -> list[str]:
    return [name for name in contest.contenders if name in SHOWN]


def caption(contest: Contest) -> str:
    """Return the finding: the lowest and the highest share of each, and where."""
    shown = rows(contest)
    if shown.empty:
        was_timed = contest.rows["contender"].isin(SHOWN).any()
        return _unknown(contest) if was_timed else "Neither the engine nor torch.nn was timed."
    told = [_told(name, shown.loc[shown["contender"] == name]) for name in _contenders(contest)]
    how = (
        f"Medians and quartiles of {span_of(shown['turns'])} turns. The limit is what the cores would need if products "
        "and nonlinearities cost what they cost in registers and cache, and all else nothing."
    )
    return " ".join(filter(None, [*told, how, _unknown(contest)]))


def _unknown(contest: Contest) -> str:
    """Say for which cells no limit is known, which are those that are not of the package."""
    cells = dict.fromkeys(contest.rows.loc[contest.rows["limit_share"].isna(), "cell"])
    return f"No limit is known for {listed(list(cells))}." if cells else ""


def _told(name: str, shown: pd.DataFrame) -> str:
    least, most = extremes(shown, "limit_share")
    ends = [f"{percent(row['limit_share'])} ({row['cell']}, {where(row)})" for row in (least, most)]
    return f"{name}: {' to '.join(dict.fromkeys(ends))} of the limit."


def alt(contest: Contest) -> str:
    """Return a description for who cannot see the figure."""
    return (
        f"Share of the machine's limit that {'; '.join(_contenders(contest))} reach: a panel for each hidden size and "
        f"batch size, a row for each length of {listed(list(dict.fromkeys(rows(contest)['cell'])))}."
    )


def rows(contest: Contest) -> pd.DataFrame:
    """Return the rows behind the figure: those whose limit is known."""
    labels = [
        "task", "cell", "hidden_size", "batch_size", "lag", "length", "contender", "turns", "limit_share",
        "limit_share_q25", "limit_share_q75",
    ]  # fmt: skip
    shown = contest.rows["contender"].isin(SHOWN) & contest.rows["limit_share"].notna()
    return contest.rows.loc[shown, labels].assign(study=contest.plan.study)
