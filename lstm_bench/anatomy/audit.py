"""Check the printed numbers of a walk against the equations."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from lstm_bench.analysis.wording import listed
from lstm_bench.anatomy.walk import Walk, recompute

HALF_A_UNIT = 0.5 + 1e-9  # of the last printed place; a tie such as 0.65 printed 0.6 is rounding, not an error
COLUMNS = ("table", "quantity", "t", "word", "printed", "value", "right", "agrees")


def audit(walk: Walk) -> pd.DataFrame:
    """Return one row a printed value: table, quantity, t, word, printed, value, right, agrees.

    `value` is recomputed without rounding in between, and `right` is `value` to as many places as are printed. A
    printed number agrees where it differs from `value` by at most half a unit of its last place.
    """
    recomputed = recompute(walk)
    rows = [
        {"table": table, "quantity": quantity, "t": t, "word": walk.words[t - 1], "printed": printed}
        | _compare(printed, float(recomputed[quantity].iloc[t - 1]))
        for table, columns in walk.printed.items()
        for quantity, values in columns.items()
        for t, printed in enumerate(values, start=1)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _compare(printed: str, value: float) -> dict[str, Any]:
    places = len(printed.partition(".")[2])
    agrees = abs(float(printed) - value) <= HALF_A_UNIT * 10.0**-places
    return {"value": value, "right": printed if agrees else f"{value:.{places}f}", "agrees": agrees}


def findings(walk: Walk) -> list[str]:
    """Return the findings of the audit, one sentence each: how many numbers are wrong, where, and the evidence."""
    audited = audit(walk)
    if audited.empty:
        return []
    wrong = audited.loc[~audited["agrees"]]
    if wrong.empty:
        return [f"All {len(audited)} printed numbers are what the equations give."]
    by_column = audited.groupby(["table", "quantity"], sort=False)
    return [
        f"{len(wrong)} of the {len(audited)} printed numbers are not what the equations give.",
        *(_column_finding(str(table), str(quantity), rows) for (table, quantity), rows in by_column),
        *_h_above_o(walk),
        *_products_of_printed(walk),
    ]


def _column_finding(table: str, quantity: str, rows: pd.DataFrame) -> str:
    wrong = [str(t) for t in rows.loc[~rows["agrees"], "t"]]
    if not wrong:
        return f"{table.capitalize()}, {quantity}: right throughout."
    where = "every t" if len(wrong) == len(rows) else f"t = {listed(wrong)}"
    return f"{table.capitalize()}, {quantity}: wrong at {where}."


def _h_above_o(walk: Walk) -> list[str]:
    """Return a sentence for each table with a printed h above its o: since |tanh(c)| < 1, no c gives that."""
    sentences = []
    for table, columns in walk.printed.items():
        pairs = zip(columns.get("h", ()), walk.gates["o"], strict=False)
        above = [str(t) for t, (printed, o) in enumerate(pairs, start=1) if abs(float(printed)) > o]
        if above:
            where = f"h at t = {listed(above)}"
            sentences.append(f"{table.capitalize()}: {where} is larger than o, and tanh(c) is below 1.")
    return sentences


def _products_of_printed(walk: Walk) -> list[str]:
    """Return a sentence for each table whose every h is the printed o times the printed tanh(c): one error, not two."""
    return [
        f"{table.capitalize()}: each h is o tanh(c) of the numbers beside it, their errors and their rounding included."
        for table, columns in walk.printed.items()
        if {"o", "tanh(c)", "h"} <= set(columns) and _is_product(columns["o"], columns["tanh(c)"], columns["h"])
    ]


def _is_product(o: Sequence[str], tanh_c: Sequence[str], h: Sequence[str]) -> bool:
    printed = zip(o, tanh_c, h, strict=True)
    return all(_compare(product, float(left) * float(right))["agrees"] for left, right, product in printed)
