"""The table of what each cell's span costs, with a row per task and cell."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.span_costs import span_costs
from lstm_bench.analysis.wording import NOT_AVAILABLE, listed, range_of, significant, span_of
from lstm_bench.report.document import DASH, Block, Entry, FileLink, Paragraph, Table
from lstm_bench.report.style import colours_of_kinds

HEADINGS = (
    ("Cell", ""),
    ("Task", ""),
    ("Holds for", "steps, 95%"),
    ("T50", "lag, rate tuned"),
    ("T50", "lag, one rate for all"),
    ("Steps to solve", "median, 95%"),
    ("FLOPs to solve", "of one member"),
    ("State", "numbers a sequence"),
    ("Parameters", "all"),
    ("ms a step", "one member"),
    ("Gradient horizon", "steps: start, trained"),
    ("Capacity", "inputs: start, trained"),
)
NOTE = (
    "One row a task and cell. A span begins with >= or < where it is a bound, and with 'at least' where it still grows "
    "with the budget."
)


def span_cost_blocks(study: StudyData) -> list[Block]:
    """Return the table of a whole study; nothing where no task has enough cells with a span."""
    table = span_costs(study)
    if table.empty:
        return []
    shades = colours_of_kinds([task.cells for task in study.by_task()])
    rows = [_entries(row, shades) for row in _rows(table)]
    notes = [NOTE, _cost_note(table), _rate_note(table), *_missing(table)]
    files = Paragraph(("Rows: ", FileLink("tables/span_costs.csv"), "."), "files")
    return [Table(list(HEADINGS), rows, "Span and cost"), *(Paragraph(note, "note") for note in notes if note), files]


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _entries(row: Mapping[str, Any], shades: Mapping[str, str]) -> list[Entry]:
    cell = str(row["cell"])
    return [
        Entry(cell, sort=cell, colour=shades[cell]),
        Entry(str(row["task"]), sort=str(row["task"])),
        _span(row["distance_text"], row["distance"], row["budget_limited"]),
        _span(row["span"], row["span_median"], row["budget_limited"]),
        _fixed_rate(row),
        _cost(row, "steps"),
        _cost(row, "flops"),
        _number(row["state_size"]),
        Entry(f"{row['n_parameters']:,}", (f"H {row['hidden_size']}",), float(row["n_parameters"])),
        _number(row["ms_per_time_step"], row["speed_kernel"]),
        _before_and_after(row, "horizon"),
        _before_and_after(row, "capacity"),
    ]


def _span(text: str, middle: float, is_limited: bool) -> Entry:
    return Entry(f"at least {text}" if is_limited and text[:1].isdigit() else text, sort=middle)


def _fixed_rate(row: Mapping[str, Any]) -> Entry:
    if row["fixed_rate_span"] is None or pd.isna(row["fixed_rate_span"]):
        return Entry(DASH, sort=math.nan)
    return Entry(row["fixed_rate_span"], (f"rate {row['fixed_rate']:g}",), row["fixed_rate_span_median"])


def _cost(row: Mapping[str, Any], cost: str) -> Entry:
    middle, low, high, budget = (float(row[name]) for name in (cost, f"{cost}_low", f"{cost}_high", f"{cost}_budget"))
    if math.isnan(middle):
        return Entry(DASH, sort=math.nan)
    if math.isinf(middle):
        return Entry(f"> {significant(budget)}", sort=math.inf)
    is_at_most = row["solved_lag"] > row["cost_lag"]
    below = (range_of(low, high), f"lag {row['solved_lag']:.0f}" if is_at_most else "")
    return Entry(f"{'<= ' if is_at_most else ''}{significant(middle)}", tuple(filter(None, below)), middle)


def _number(value: Any, *below: Any) -> Entry:
    if value is None or pd.isna(value):
        return Entry(DASH, sort=math.nan)
    return Entry(significant(float(value)), tuple(str(line) for line in below), float(value))


def _before_and_after(row: Mapping[str, Any], name: str) -> Entry:
    texts = [row[f"{name}_{moment}_text"] for moment in ("initial", "final")]
    initial, final = (DASH if text is None or pd.isna(text) else text for text in texts)
    return Entry(initial, (final,), row[f"{name}_initial"])


def _cost_note(table: pd.DataFrame) -> str:
    """Return a note on the lags at which each task's cost is counted and a time step is timed."""
    lags = _by_task(table, "cost_lag")
    known = [f"{lag:.0f} of {task}" for task, lag in lags.items() if pd.notna(lag)]
    speeds = span_of(table["speed_lag"].dropna().astype(float))
    solving = f"Cost of solving is at lag {listed(known)}, which most cells solve." if known else ""
    if (table["solved_lag"].astype(float) > table["cost_lag"].astype(float)).any():
        solving += " For a cell that was not trained there it is at most that of the longer lag given below it."
    timing = "" if speeds == NOT_AVAILABLE else f"A time step is timed at lag {speeds}."
    return " ".join(filter(None, (solving, timing)))


def _rate_note(table: pd.DataFrame) -> str:
    """Return a note on the one rate of each task that is compared with the tuned ones."""
    known = [f"{rate:g} on {task}" for task, rate in _by_task(table, "fixed_rate").items() if pd.notna(rate)]
    how = "that with the highest geometric mean of T50 over the cells, by the tuning members"
    return f"The one rate is {listed(known)}: {how}." if known else ""


def _by_task(table: pd.DataFrame, column: str) -> dict[str, Any]:
    """Return the value of a column that a task's rows share, by task."""
    return {str(task): rows[column].iloc[0] for task, rows in table.groupby("task", sort=False)}


def _missing(table: pd.DataFrame) -> list[str]:
    """Return what was not measured, one sentence per reason."""
    cells: dict[str, list[str]] = {}
    for row in _rows(table):
        for reason in filter(None, row["not_measured"].split("; ")):
            cells.setdefault(reason, []).append(f"{row['cell']} on {row['task']}")
    return [f"Not measured: {reason} ({_named(places, len(table))})." for reason, places in cells.items()]


def _named(places: list[str], n_rows: int) -> str:
    return "every row" if len(places) == n_rows else listed(places) if len(places) <= 4 else f"{len(places)} rows"
