"""Printed numbers of a walk held against the equations."""

from typing import Any

import pandas as pd

from lstm_bench.analysis.wording import listed
from lstm_bench.analysis.worked_example import Walk, recompute

HALF_A_UNIT = 0.5 + 1e-9  # of the last printed place; a tie such as 0.65 printed 0.6 is rounding, not an error
COLUMNS = ("table", "quantity", "t", "word", "printed", "value", "right", "agrees")


def audit(walk: Walk) -> pd.DataFrame:
    """Return one row a printed value: table, quantity, t, word, printed, value, right, agrees.

    `value` is recomputed without rounding in between, `right` is it to as many places as were printed, and a
    printed number agrees where it differs from `value` by at most half a unit of its last place.
    """
    truth = recompute(walk)
    rows = [
        {"table": table, "quantity": quantity, "t": t, "word": walk.words[t - 1], "printed": printed}
        | _verdict(printed, float(truth[quantity].iloc[t - 1]))
        for table, quantities in walk.printed.items()
        for quantity, values in quantities.items()
        for t, printed in enumerate(values, start=1)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _verdict(printed: str, value: float) -> dict[str, Any]:
    places = len(printed.partition(".")[2])
    agrees = abs(float(printed) - value) <= HALF_A_UNIT * 10.0**-places
    return {"value": value, "right": printed if agrees else f"{value:.{places}f}", "agrees": agrees}


def findings(walk: Walk) -> list[str]:
    """Return what the audit found, in sentences: how many are wrong, where, and what gives the error away."""
    audited = audit(walk)
    if audited.empty:
        return []
    wrong = audited.loc[~audited["agrees"]]
    if wrong.empty:
        return [f"All {len(audited)} printed numbers are what the equations give."]
    told = [f"{len(wrong)} of the {len(audited)} printed numbers are not what the equations give."]
    by_column = audited.groupby(["table", "quantity"], sort=False)
    told += [_column(str(table), str(name), rows) for (table, name), rows in by_column]
    return [*told, *_too_large(walk), *_own_rows(walk)]


def _column(table: str, quantity: str, rows: pd.DataFrame) -> str:
    wrong = [str(t) for t in rows.loc[~rows["agrees"], "t"]]
    if not wrong:
        return f"{table.capitalize()}, {quantity}: right throughout."
    where = "every t" if len(wrong) == len(rows) else f"t = {listed(wrong)}"
    return f"{table.capitalize()}, {quantity}: wrong at {where}."


def _too_large(walk: Walk) -> list[str]:
    """Tell of every printed h that is larger than its o: since |tanh(c)| < 1, no c gives that."""
    told = []
    for table, quantities in walk.printed.items():
        above = [
            str(t)
            for t, (printed, o) in enumerate(zip(quantities.get("h", ()), walk.gates["o"], strict=False), start=1)
            if abs(float(printed)) > o
        ]
        if above:
            at = f"h at t = {listed(above)}"
            told.append(f"{table.capitalize()}: {at} is larger than o, and tanh(c) is below 1.")
    return told


def _own_rows(walk: Walk) -> list[str]:
    """Tell of tables whose every h is the product of the o and the tanh(c) printed beside it: one error, not two."""
    return [
        f"{table.capitalize()}: each h is o tanh(c) of the numbers beside it, their errors and their rounding included."
        for table, rows in walk.printed.items()
        if {"o", "tanh(c)", "h"} <= set(rows) and _is_product(rows["o"], rows["tanh(c)"], rows["h"])
    ]


def _is_product(o: Any, tanh_c: Any, h: Any) -> bool:
    return all(_verdict(p, float(a) * float(b))["agrees"] for a, b, p in zip(o, tanh_c, h, strict=True))
