"""The tables of a speed study's page."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lstm_bench.analysis.speed_benchmark import SpeedBenchmark, cell_sets, whole_study
from lstm_bench.analysis.wording import NOT_AVAILABLE, counted, significant
from lstm_bench.records.speed import OURS
from lstm_bench.report.document import DASH, Entry, Table
from lstm_bench.report.figures.speed_panels import Look, looks

Row = Mapping[str, Any]


def benchmark_table(benchmark: SpeedBenchmark) -> Table:
    """Return a table with every row of a benchmark."""
    style, rows = looks(benchmark.implementations), benchmark.rows.to_dict("records")
    has_tasks = benchmark.rows["task"].nunique() > 1
    headings = [
        ("Cell", ""),
        ("H", ""),
        ("T", ""),
        ("B", ""),
        ("Implementation", "kernel; processes x threads"),
        ("Steps/s", "quartiles"),
        ("Speedup", "of ours"),
        ("Of the limit", "quartiles"),
        ("GFLOP/s", ""),
        ("Sequences/s", ""),
        ("Time step", "ms"),
        ("Memory", "MiB"),
    ]
    entries = [_entries({str(k): v for k, v in row.items()}, style, has_tasks) for row in rows]
    return Table(headings, entries, "All rows")


def _entries(row: Row, style: Mapping[str, Look], has_tasks: bool) -> list[Entry]:
    sizes = [Entry(f"{row[name]:,}", sort=float(row[name])) for name in ("hidden_size", "length", "batch_size")]
    percent = {name: 100 * row[name] for name in ("limit_share", "limit_share_q25", "limit_share_q75")}
    numbers = [
        _number(row, name) for name in ("gflops_per_s", "sequences_per_s", "ms_per_time_step", "peak_memory_mib")
    ]
    return [
        Entry(row["cell"], (row["task"],) if has_tasks else (), sort=row["cell"]),
        *sizes,
        Entry(row["implementation"], (_how(row),), row["implementation"], style[row["implementation"]].colour),
        _ranged(row, "steps_per_s"),
        Entry(DASH) if row["implementation"] == OURS else _ranged(row, "speedup", "x"),
        _ranged(percent, "limit_share", "%"),
        *numbers,
    ]


def _how(row: Row) -> str:
    together = f", {counted(int(row['members']), 'model')} each" if row["members"] > 1 else ""
    return f"{row['kernel']}; {row['processes']} x {row['threads']}{together}"


def _number(row: Row, name: str) -> Entry:
    return Entry(significant(row[name]), sort=float(row[name]))


def _ranged(row: Row, name: str, unit: str = "") -> Entry:
    middle, low, high = (significant(float(row[f"{name}{end}"])) for end in ("", "_q25", "_q75"))
    if middle == NOT_AVAILABLE:
        return Entry(middle)
    return Entry(f"{middle}{unit}", (f"{low}-{high}",), float(row[name]))


def whole_studies(benchmark: SpeedBenchmark) -> pd.DataFrame:
    """Return the rows of `whole_study` for each of the `cell_sets`."""
    tables = [whole_study(benchmark.rounds, cells) for cells in cell_sets(benchmark.cells)]
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else whole_study(benchmark.rounds, ())


def whole_study_table(benchmark: SpeedBenchmark, whole: pd.DataFrame) -> Table:
    """Return how many times as long as ours each implementation takes for a study, a row per set of cells, H and B."""
    others = [name for name in benchmark.implementations if name != OURS]
    keys = ["task", "cells", "lags", "hidden_size", "batch_size"]
    rows = [
        [
            _listed(cells, (str(task),) if benchmark.rows["task"].nunique() > 1 else ()),
            _listed(lags),
            *(Entry(str(size), sort=float(str(size))) for size in (hidden, batch)),
            *_by_implementation(group, others),
        ]
        for (task, cells, lags, hidden, batch), group in ((key, part) for key, part in whole.groupby(keys, sort=False))
    ]
    headings = [("Cells", ""), ("Lags", ""), ("H", ""), ("B", ""), *((name, "quartiles") for name in others)]
    return Table(headings, rows, "Whole study")


def _listed(values: Any, below: tuple[str, ...] = ()) -> Entry:
    words = ", ".join(map(str, values))
    return Entry(words, below, words)


def _by_implementation(rows: pd.DataFrame, others: list[str]) -> list[Entry]:
    by_name = {str(row["implementation"]): {str(k): v for k, v in row.items()} for row in rows.to_dict("records")}
    return [_ranged(by_name[name], "speedup", "x") if name in by_name else Entry(DASH) for name in others]
