"""The cells side by side in a few columns with plain headings, for programs that show a table of names and values."""

import math
from typing import Any

import pandas as pd

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.frames import StudyData

TEXTS = {
    "task": "task",
    "variant": "variant",
    "cell": "cell",
    "matching": "matched",
    "span_distance_text": "holds for, steps (95%)",
    "span": "T50, lag (95%)",
}
NUMBERS = {
    "n_parameters_core": "parameters, core",
    "n_parameters": "parameters",
    "sequences_per_s": "sequences/s",
    "steps_to_solve": "steps to solve",
    "steps_lag": "at lag",
    "score_iqm": "normalised loss",
    "horizon_initial": "gradient horizon",
    "decay_initial": "gradient decay",
    "half_life": "half-life",
    "capacity_final": "memory capacity",
}
SOLVED = "solved_at_"


def comparison_table(study: StudyData) -> dict[str, list[Any]]:
    """Return "columns", their headings, and "data", a list a cell; a column without any value is left out.

    Numbers have three digits that count; "" stands for what has no number. A span that the budget limits is told as "at
    least", one whose gradient never falls to a thousandth has no horizon. See `comparison` for what each is.
    """
    rows = comparison(study)
    columns: dict[str, list[Any]] = {}
    for name, heading in TEXTS.items():
        limited = rows["span_budget_limited"] if name.startswith("span") else [False] * len(rows)
        columns[heading] = [_text(value, bool(at_least)) for value, at_least in zip(rows[name], limited, strict=True)]
    for name, heading in NUMBERS.items():
        columns[heading] = [_number(value) for value in rows[name]]
    for name in rows.columns[rows.columns.str.startswith(SOLVED)]:
        columns[f"solved at lag {name.removeprefix(SOLVED)}"] = [_text(value) for value in rows[name]]
    kept = {heading: values for heading, values in columns.items() if any(value != "" for value in values)}
    return {"columns": list(kept), "data": [list(row) for row in zip(*kept.values(), strict=True)]}


def _text(value: Any, at_least: bool = False) -> str:
    return "" if value is None or pd.isna(value) else f"{'at least ' if at_least else ''}{value}"


def _number(value: Any) -> float | int | str:
    if value is None or not math.isfinite(float(value)):
        return ""
    number = float(value)
    return int(number) if number == int(number) else float(f"{number:.3g}")
