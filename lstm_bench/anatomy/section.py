"""What a page says of a walk: its steps with their diagrams, its tables, and the audit."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from lstm_bench.anatomy.audit import audit, findings
from lstm_bench.anatomy.diagram import alt, draw_cell
from lstm_bench.anatomy.numerals import minus, short
from lstm_bench.anatomy.tables import page_table, title_of, walk_columns
from lstm_bench.anatomy.walk import Walk, decision_rules, recompute
from lstm_bench.report.document import (
    Block,
    Bullets,
    Correction,
    Entry,
    Paragraph,
    Player,
    PlayerStep,
    Section,
    Table,
    Text,
)
from lstm_bench.report.style import inline_svg, lettered_svg

WIRES = {"h_before": "h before", "c_before": "c before", "tanh_c": "tanh(c)"}
LEGEND = (
    "Printed numbers; ✗ marks each that is wrong to its printed places, with the right one below. A number is off by "
    "rounding alone where its equation gives it of the right numbers beside it, which were rounded first."
)
REMARKS = "Read in the source, and not computed here."
NUMBERS = ("h_before", "c_before", "f", "i", "g", "o", "keep", "written", "c", "tanh_c", "h")


def walk_sections(walk: Walk) -> list[Section]:
    """Return what a page says of a walk: each step, all numbers, the audit of printed ones, remarks on their source."""
    tables = walk_columns(walk)
    complete = page_table("Complete", tables.pop("Complete"))
    decisions = Paragraph(f"A decision is read off the values: {'; '.join(decision_rules())}.", "note")
    by_gate = [Section(_title(name), [page_table(name, columns)]) for name, columns in tables.items()]
    numbers = Section("All numbers", [complete, decisions, *by_gate], "numbers", style="pair")
    return [Section("Step by step", [Player(_steps(walk))], "walk"), numbers, *_audit(walk), *_remarks(walk)]


def _title(table: str) -> str:
    return title_of(table).replace(" x ", " × ")


def _steps(walk: Walk) -> list[PlayerStep]:
    audited, recomputed = audit(walk), recompute(walk)
    largest = max(float(recomputed["c"].abs().max()), 1e-9)
    rows = [{str(k): v for k, v in row.items()} for row in recomputed.to_dict("records")]
    return [
        _step(row, audited.loc[audited["t"] == row["t"]], row["t"] in walk.boundaries, abs(row["c"]) / largest)
        for row in rows
    ]


def _step(row: Mapping[str, Any], audited: pd.DataFrame, begins: bool, share: float) -> PlayerStep:
    on_wires: dict[str, list[float] | str] = {name: [float(row[WIRES.get(name, name)])] for name in NUMBERS}
    on_wires["x"] = str(row["word"])
    decision = str(row["decision"])
    return PlayerStep(
        word=str(row["word"]),
        begins=begins,
        value=minus(short(float(row["c"]))),
        share=share,
        svg=inline_svg(lettered_svg(draw_cell(on_wires)), f"step-{row['t']}", alt(on_wires)),
        decision=f"{decision.capitalize()}.",
        blocks=[_sums_table(row), *_corrections(audited)],
        description=_description(row),
    )


def _corrections(audited: pd.DataFrame) -> list[Block]:
    wrong, rounded = (_printed_lines(audited.loc[audited["verdict"] == verdict]) for verdict in ("wrong", "rounding"))
    blocks: list[Block] = [Paragraph("Wrong in print at this step:", "note"), Bullets(wrong)] if wrong else []
    return [*blocks, *(Paragraph(f"Off by rounding alone at this step: {line}.", "note") for line in rounded)]


def _printed_lines(audited: pd.DataFrame) -> list[str]:
    rows = audited.itertuples(index=False)
    return [f"{row.table}: {row.quantity} = {row.printed}, right is {row.right}" for row in rows]


def _sums_table(row: Mapping[str, Any]) -> Table:
    rows = [[Entry(part, sort=place) for part in line] for place, line in enumerate(_sums(row))]
    return Table([("What", ""), ("How", ""), ("Result", "")], rows, "Sums", is_prose=True)


def _sums(row: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    n = _numerals(row)
    return [
        ("keep = f × cₜ₋₁", f"{n['f']} × {n['c before']}", n["keep"]),
        ("write = i × g", f"{n['i']} × {_in_brackets(n['g'])}", n["written"]),
        ("cₜ = keep + write", f"{n['keep']} + {_in_brackets(n['written'])}", n["c"]),
        ("hₜ = o × tanh cₜ", f"{n['o']} × {_in_brackets(n['tanh(c)'])}", n["h"]),
    ]


def _in_brackets(numeral: str) -> str:
    return f"({numeral})" if numeral.startswith("−") else numeral


def _description(row: Mapping[str, Any]) -> str:
    n = _numerals(row)
    return (
        f"t = {row['t']}, “{row['word']}”. The forget gate, {n['f']}, keeps {n['keep']} of the memory {n['c before']}. "
        f"Input gate times candidate, {n['i']} × {_in_brackets(n['g'])}, writes {n['written']}. The memory becomes "
        f"{n['c']}. The output gate, {n['o']}, shows {n['h']} of its tanh, {n['tanh(c)']}. "
        f"In short: {row['decision']}."
    )


def _numerals(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: minus(short(value)) for name, value in row.items() if isinstance(value, float)}


def _audit(walk: Walk) -> list[Section]:
    audited = audit(walk)
    if audited.empty:
        return []
    headings = [("Printed", ""), *((f"{t}. {word}", "") for t, word in enumerate(walk.words, start=1))]
    by_column = audited.groupby(["table", "quantity"], sort=False)
    rows: list[list[Entry]] = [
        [Entry(str(quantity), (str(table),), str(quantity)), *map(_printed, column.to_dict("records"))]
        for (table, quantity), column in ((key, group) for key, group in by_column)
    ]
    table = Table(headings, rows, "Audit")
    blocks: list[Block] = [Paragraph(LEGEND, "note"), table, Bullets(findings(walk))]
    return [Section("What print has wrong", blocks, "audit")]


def _printed(row: Mapping[Any, Any]) -> Entry:
    printed, right = str(row["printed"]), str(row["right"])
    text: Text = (Correction(printed, right),) if row["verdict"] == "wrong" else printed
    below = (f"rounding: {right}",) if row["verdict"] == "rounding" else ()
    return Entry(text, below, sort=float(printed))


def _remarks(walk: Walk) -> list[Section]:
    if not walk.remarks:
        return []
    return [Section("Remarks on the printed source", [Paragraph(REMARKS, "note"), Bullets(walk.remarks)], "remarks")]
