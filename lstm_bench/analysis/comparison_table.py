"""The cells side by side in a few columns with plain headings, for programs that show a table of names and values."""

import math
from collections.abc import Hashable, Mapping
from typing import Any

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.frames import StudyData

COLUMNS = {
    "cell": "cell",
    "span_distance_text": "holds for, steps (95%)",
    "span": "T50, lag (95%)",
    "score_iqm": "normalised loss",
    "steps_to_solve": "steps to solve",
    "steps_lag": "at lag",
    "n_parameters_core": "parameters, core",
    "n_parameters": "parameters",
    "sequences_per_s": "sequences/s",
    "horizon_initial": "gradient horizon",
    "decay_initial": "gradient decay",
    "half_life": "half-life",
    "capacity_final": "memory capacity",
}
WHERE = {"task": "task", "variant": "variant", "matching": "matched"}
SPANS = ("span_distance_text", "span")
SOLVED = "solved_at_"


def comparison_table(study: StudyData) -> dict[str, list[Any]]:
    """Return "columns", the headings, and "data", a list of values a cell; a column without any value is left out.

    Numbers have three significant digits, integers all; "" stands for a missing number. A span that the budget limits
    reads "at least". A cell whose gradient never falls to a thousandth has no horizon. See `comparison` for the values.
    """
    rows = comparison(study)
    solved = [name for name in rows.columns if name.startswith(SOLVED)]
    headings = COLUMNS | {name: f"solved at lag {name.removeprefix(SOLVED)}" for name in solved} | WHERE
    columns = {heading: [_value(row, name) for row in rows.to_dict("records")] for name, heading in headings.items()}
    kept = {heading: values for heading, values in columns.items() if any(value != "" for value in values)}
    return {"columns": list(kept), "data": [list(row) for row in zip(*kept.values(), strict=True)]}


def _value(row: Mapping[Hashable, Any], name: str) -> float | int | str:
    value = row[name]
    if name in SPANS and isinstance(value, str) and row["span_outcome"] == "fitted" and row["span_budget_limited"]:
        return f"at least {value}"
    if value is None or isinstance(value, str):
        return value or ""
    number = float(value)
    if row.get(f"{name}_censored") and math.isfinite(number):
        return f"{'>=' if row[f'{name}_censored'] == 'above' else '<'} {number:.3g}"
    if not math.isfinite(number):
        return ""
    return int(number) if number == int(number) else float(f"{number:.3g}")
