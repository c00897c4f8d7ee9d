"""The finding of a speed study in a few sentences, each with its numbers and quartiles."""

import math
from typing import Any

import pandas as pd

from lstm_bench.analysis.speed_benchmark import SpeedBenchmark, cell_sets, reference_rows, whole_study
from lstm_bench.analysis.wording import NOT_AVAILABLE, listed, significant, with_range
from lstm_bench.records.speed import OURS, PLAIN_LOOP, STOCK_THREADS, STOCK_WORKERS

NORMS = "the gradient norms of every time step included"
Row = dict[str, Any]


def speed_headline(benchmark: SpeedBenchmark) -> list[str]:
    """Return the finding: the first cell in full, the others after it, and what a whole study gains.

    It reports the rows of `reference_rows`.
    """
    if not len(benchmark.rows):
        return ["Nothing was timed."]
    cells = [_records(group) for _, group in reference_rows(benchmark.rows).groupby(["task", "cell"], sort=False)]
    timed = [rows for rows in cells if rows[0]["implementation"] == OURS]
    if not timed:
        return ["The engine itself was not timed."]
    first, *others = timed
    more = [*(_other(rows, benchmark) for rows in others), whole_study_sentence(benchmark)]
    return [paragraph for paragraph in (_first(first, benchmark), " ".join(filter(None, more))) if paragraph]


def _records(rows: pd.DataFrame) -> list[Row]:
    records = [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]
    return sorted(records, key=lambda row: row["implementation"] != OURS)


def where(row: Row) -> str:
    """Return "H = 128, T = 400, B = 32"."""
    return f"H = {row['hidden_size']}, T = {row['length']}, B = {row['batch_size']}"


def percent(middle: float, low: float | None = None, high: float | None = None) -> str:
    """Return a share as "91% (90-92%)", or "91%" without quartiles and where they round to the same."""
    if not math.isfinite(middle):
        return NOT_AVAILABLE
    low, high = middle if low is None else low, middle if high is None else high
    median, lower, upper = (significant(100 * value, 2) for value in (middle, low, high))
    return f"{median}%" if median == lower == upper else f"{median}% ({lower}-{upper}%)"


def _ranged(row: Row, name: str) -> tuple[float, float, float]:
    return row[name], row[f"{name}_q25"], row[f"{name}_q75"]


def _first(rows: list[Row], benchmark: SpeedBenchmark) -> str:
    ours, *others = rows
    cell, end = _cell(ours, benchmark), f"{NORMS}; {_of_the_limit(ours)}."
    if not others:
        speed = with_range(*_ranged(ours, "steps_per_s"))
        return f"At {where(ours)} the engine takes {speed} {cell} training steps a second, {end}"
    (ratio, who), *rest = [(with_range(*_ranged(row, "speedup")), _takes_one(row)) for row in others]
    ratios = listed([f"{ratio} {cell} training steps while {who}", *(f"{more} while {other}" for more, other in rest)])
    return f"At {where(ours)} the engine takes {ratios}, {end}"


def _other(rows: list[Row], benchmark: SpeedBenchmark) -> str:
    ours, *others = rows
    ratios = [f"{with_range(*_ranged(row, 'speedup'))} steps while {_takes_one(row)}" for row in others]
    speed = listed(ratios) if ratios else f"{with_range(*_ranged(ours, 'steps_per_s'))} steps a second"
    return f"For {_cell(ours, benchmark)} it takes {speed}, {_share_of_the_limit(ours)}."


def _of_the_limit(ours: Row) -> str:
    if math.isnan(ours["limit_share"]):
        return "the limit of these cores is not known for this cell"
    return f"it runs at {percent(*_ranged(ours, 'limit_share'))} of what these cores can do"


def _share_of_the_limit(ours: Row) -> str:
    if math.isnan(ours["limit_share"]):
        return "and its limit is not known"
    return f"at {percent(*_ranged(ours, 'limit_share'))} of the limit"


def _cell(row: Row, benchmark: SpeedBenchmark) -> str:
    return str(row["cell"]) if benchmark.rows["task"].nunique() == 1 else f"{row['cell']} ({row['task']})"


def _takes_one(row: Row) -> str:
    verb = "take" if row["implementation"] == STOCK_WORKERS and row["processes"] > 1 else "takes"
    return f"{_who(row)} {verb} one"


def _who(row: Row) -> str:
    """Return an implementation in words, with the number of processes or threads of those of torch.nn."""
    processes, threads = int(row["processes"]), int(row["threads"])
    words = {
        STOCK_WORKERS: f"{processes} single-thread torch.nn worker{'s' * (processes > 1)}",
        STOCK_THREADS: f"one torch.nn process of {threads} thread{'s' * (threads > 1)}",
        PLAIN_LOOP: "the plain loop",
    }
    return words.get(row["implementation"], str(row["implementation"]))


def whole_study_sentence(benchmark: SpeedBenchmark) -> str:
    """Return what a whole study gains over the slowest implementation, at the sizes of `reference_rows`."""
    first = reference_rows(benchmark.rows).iloc[0]
    tables = [whole_study(benchmark.rounds, cells) for cells in cell_sets(benchmark.cells)]
    sizes = ["task", "batch_size", "hidden_size"]
    at_these_sizes = [table.loc[(table[sizes] == first[sizes]).all(axis=1)] for table in tables]
    rows = _records(next((table for table in at_these_sizes if len(table)), pd.DataFrame()))
    if not rows or not _is_many(rows[0]):
        return ""
    row = max(rows, key=lambda record: float(record["speedup"]))
    lags = [str(lag) for lag in row["lags"]]
    return (
        f"A study of {listed(row['cells'])} over the lag{'s' * (len(lags) > 1)} {listed(lags)} at "
        f"H = {row['hidden_size']}, B = {row['batch_size']}, as many steps of each, would take "
        f"{_who_in(benchmark.rows, row['implementation'])} {with_range(*_ranged(row, 'speedup'))} times as long as the "
        "engine."
    )


def _is_many(row: Row) -> bool:
    return len(row["cells"]) > 1 or len(row["lags"]) > 1


def _who_in(rows: pd.DataFrame, implementation: str) -> str:
    return _who(_records(rows.loc[rows["implementation"] == implementation])[0])


def extremes(rows: pd.DataFrame, name: str) -> tuple[Row, Row]:
    """Return the rows with the lowest and the highest median of a value."""
    ordered = sorted(_records(rows), key=lambda row: float(row[name]))
    return ordered[0], ordered[-1]
