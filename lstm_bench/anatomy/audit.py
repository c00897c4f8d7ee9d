"""Check the printed numbers of a walk against the equations."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

import pandas as pd

from lstm_bench.analysis.wording import listed
from lstm_bench.anatomy.walk import GATES, STEP_EQUATIONS, Walk, recompute

Verdict = Literal["right", "rounding", "wrong"]
HALF_A_UNIT = 0.5 + 1e-9  # of the last printed place; of a tie both are right: 0.25 as 0.2 and as 0.3
COLUMNS = ("table", "quantity", "t", "word", "printed", "value", "right", "verdict")


def audit(walk: Walk) -> pd.DataFrame:
    """Return one row per printed value: table, quantity, t, word, printed, value, right, verdict.

    `value` is recomputed without rounding in between, and `right` is `value` to as many places as are printed. The
    verdict on a printed number is

    - "right" where it differs from `value` by at most half a unit of its last place,
    - "rounding" where it is not right, but what its equation gives for the right numbers printed next to it: they
      were rounded before they were used,
    - "wrong" otherwise.
    """
    recomputed = recompute(walk).to_dict("records")
    rows = [
        {"table": table, "quantity": quantity, "t": t, "word": walk.words[t - 1], "printed": printed}
        | _compare(printed, float(recomputed[t - 1][quantity]), from_print[t - 1][quantity])
        for table, columns in walk.printed.items()
        for from_print in [_from_print(columns, recomputed)]
        for quantity, values in columns.items()
        for t, printed in enumerate(values, start=1)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _from_print(
    columns: Mapping[str, Sequence[str]], recomputed: Sequence[Mapping[Any, Any]]
) -> list[dict[str, float]]:
    """Return by word what each equation gives for the right numbers of a table, or exact ones where it has none."""
    by_word, c = list[dict[str, float]](), 0.0
    for place, exact in enumerate(recomputed):
        right = {
            quantity: float(values[place])
            for quantity, values in columns.items()
            if _is_rounded(values[place], float(exact[quantity]))
        }
        gates = {gate: float(exact[gate]) for gate in GATES}
        operands = {"c before": c} | {gate: right.get(gate, value) for gate, value in gates.items()}
        results = dict(gates)
        for quantity, equation in STEP_EQUATIONS.items():
            results[quantity] = equation(operands)
            operands[quantity] = right.get(quantity, results[quantity])
        c = operands["c"]
        by_word.append(results)
    return by_word


def _compare(printed: str, value: float, from_print: float) -> dict[str, Any]:
    if _is_rounded(printed, value):
        return {"value": value, "right": printed, "verdict": "right"}
    verdict: Verdict = "rounding" if _is_rounded(printed, from_print) else "wrong"
    return {"value": value, "right": f"{value:.{_places(printed)}f}", "verdict": verdict}


def _is_rounded(printed: str, value: float) -> bool:
    """Return whether a printed number is a value, rounded to the places that are printed."""
    return abs(float(printed) - value) <= HALF_A_UNIT * 10.0 ** -_places(printed)


def _places(printed: str) -> int:
    return len(printed.partition(".")[2])


def findings(walk: Walk) -> list[str]:
    """Return the findings of the audit, one per line: how many numbers are not right, where, and the evidence."""
    audited = audit(walk)
    if audited.empty:
        return []
    return [
        _count(audited),
        *_column_findings(audited),
        *_rounded(audited),
        *_h_above_o(walk),
        *_products_of_printed(walk),
        *_contradictions(walk),
        *_keeps_nothing(walk),
    ]


def _count(audited: pd.DataFrame) -> str:
    wrong, rounded = (int((audited["verdict"] == verdict).sum()) for verdict in ("wrong", "rounding"))
    if not wrong + rounded:
        return f"All {len(audited)} printed numbers are what the equations give."
    count = f"{wrong + rounded} of the {len(audited)} printed numbers are not what the equations give."
    return f"{count} Of these, {_are(wrong)} wrong and {_are(rounded)} off by rounding alone." if rounded else count


def _are(count: int) -> str:
    return f"{count} is" if count == 1 else f"{count} are"


def _column_findings(audited: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence for each column of the printed tables, none where all are right."""
    if (audited["verdict"] == "right").all():
        return
    for (table, quantity), rows in audited.groupby(["table", "quantity"], sort=False):
        where = [_where(rows, "wrong", "wrong"), _where(rows, "rounding", "rounding alone")]
        yield f"{str(table).capitalize()}, {quantity}: {', '.join(filter(None, where)) or 'right throughout'}."


def _where(rows: pd.DataFrame, verdict: Verdict, words: str) -> str:
    steps = [str(t) for t in rows.loc[rows["verdict"] == verdict, "t"]]
    if not steps:
        return ""
    return f"{words} at {'every t' if len(steps) == len(rows) else f't = {listed(steps)}'}"


def _rounded(audited: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence for each number that is off by rounding alone."""
    for row in audited.loc[audited["verdict"] == "rounding"].itertuples(index=False):
        yield (
            f"Rounding alone: {row.table}, {row.quantity} at t = {row.t} is {row.printed} instead of "
            f"{row.right}, since it was computed from the rounded numbers next to it."
        )


def _h_above_o(walk: Walk) -> list[str]:
    """Return a sentence for each table with a printed h above its o, which no c gives, since |tanh(c)| < 1."""
    sentences = []
    for table, columns in walk.printed.items():
        pairs = zip(columns.get("h", ()), walk.gates["o"], strict=False)
        above = [str(t) for t, (printed, o) in enumerate(pairs, start=1) if abs(float(printed)) > o]
        if above:
            where = f"h at t = {listed(above)}"
            sentences.append(f"{table.capitalize()}: {where} is larger than o, although tanh(c) is below 1.")
    return sentences


def _products_of_printed(walk: Walk) -> list[str]:
    """Return a sentence for each table whose every h is the printed o times the printed tanh(c): one error, not two."""
    return [
        f"{table.capitalize()}: each h is o tanh(c) of the numbers next to it, with their errors and their rounding."
        for table, columns in walk.printed.items()
        if {"o", "tanh(c)", "h"} <= set(columns) and _is_product(columns["o"], columns["tanh(c)"], columns["h"])
    ]


def _is_product(o: Sequence[str], tanh_c: Sequence[str], h: Sequence[str]) -> bool:
    printed = zip(o, tanh_c, h, strict=True)
    return all(_is_rounded(product, float(left) * float(right)) for left, right, product in printed)


def _contradictions(walk: Walk) -> Iterator[str]:
    """Yield a sentence for each quantity that two tables print as different numbers."""
    for (first, columns), (second, other_columns) in combinations(walk.printed.items(), 2):
        for quantity in (quantity for quantity in columns if quantity in other_columns):
            pairs = enumerate(zip(columns[quantity], other_columns[quantity], strict=True), start=1)
            steps = [str(t) for t, pair in pairs if not _is_one_number(*pair)]
            if steps:
                yield (
                    f"{first.capitalize()} and {second} contradict each other in {quantity} at {len(steps)} of "
                    f"{len(walk.words)} words: t = {listed(steps)}."
                )


def _is_one_number(one: str, other: str) -> bool:
    """Return whether two numbers agree, the one with more places rounded to those of the other."""
    coarse, fine = sorted((one, other), key=_places)
    return float(one) == float(other) if _places(one) == _places(other) else _is_rounded(coarse, float(fine))


def _keeps_nothing(walk: Walk) -> Iterator[str]:
    """Yield a sentence where the first word's decision is to keep, although there is no memory yet."""
    keep = str(recompute(walk)["decision"].iloc[0]).partition(", ")[0]
    if keep.startswith("keep"):
        yield f'At t = 1, "{keep}" has nothing to keep: c starts at 0.'
