"""The section of a page about a walk: its words, its steps with their diagrams, its tables, and the audit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lstm_bench.anatomy.audit import audit, findings
from lstm_bench.anatomy.diagram import alt, draw_cell
from lstm_bench.anatomy.numerals import minus, short
from lstm_bench.anatomy.tables import page_table, title_of, walk_columns
from lstm_bench.anatomy.walk import Walk, decision_rules, recompute
from lstm_bench.report.document import Table
from lstm_bench.report.style import inline_svg, lettered_svg

WIRES = {"h_before": "h before", "c_before": "c before", "tanh_c": "tanh(c)"}
NUMBERS = ("h_before", "c_before", "f", "i", "g", "o", "keep", "written", "c", "tanh_c", "h")


@dataclass(frozen=True)
class Word:
    """A word of the walk: whether a further sentence begins with it, c after it, and |c| as a share of the largest."""

    t: int
    word: str
    begins: bool
    c: str
    share: float


@dataclass(frozen=True)
class Step:
    """One step: its diagram, sums (what, how, result), decision, description, and corrections of printed numbers."""

    t: int
    word: str
    svg: str
    sums: list[tuple[str, str, str]]
    decision: str
    description: str
    corrections: list[str]


@dataclass(frozen=True)
class AuditCell:
    """A printed number, and the right one."""

    printed: str
    right: str
    agrees: bool


@dataclass(frozen=True)
class AuditRow:
    """A printed column, one cell a word."""

    table: str
    quantity: str
    cells: list[AuditCell]


@dataclass(frozen=True)
class WalkSection:
    """A walk: words, steps, tables, the thresholds of decisions, and the audit with its findings."""

    words: list[Word]
    steps: list[Step]
    complete: Table
    tables: list[tuple[str, Table]]
    thresholds: list[str]
    audit: list[AuditRow]
    findings: list[str]


def make_walk_section(walk: Walk) -> WalkSection:
    """Return the content of the section."""
    columns_by_table = walk_columns(walk)
    return WalkSection(
        words=_words(walk),
        steps=_steps(walk),
        complete=page_table(columns_by_table.pop("Complete")),
        tables=[(title_of(table), page_table(columns)) for table, columns in columns_by_table.items()],
        thresholds=decision_rules(),
        audit=_audit_rows(walk),
        findings=findings(walk),
    )


def _words(walk: Walk) -> list[Word]:
    recomputed = recompute(walk)
    largest = max(float(recomputed["c"].abs().max()), 1e-9)
    return [
        Word(t, word, t in walk.boundaries, minus(short(c)), abs(c) / largest)
        for t, (word, c) in enumerate(zip(recomputed["word"], recomputed["c"].astype(float), strict=True), start=1)
    ]


def _steps(walk: Walk) -> list[Step]:
    audited = audit(walk)
    rows = recompute(walk).to_dict("records")
    return [_step({str(k): v for k, v in row.items()}, audited.loc[audited["t"] == row["t"]]) for row in rows]


def _step(row: Mapping[str, Any], audited: pd.DataFrame) -> Step:
    t, word = int(row["t"]), str(row["word"])
    on_wires: dict[str, list[float] | str] = {name: [float(row[WIRES.get(name, name)])] for name in NUMBERS}
    on_wires["x"] = word
    svg = inline_svg(lettered_svg(draw_cell(on_wires)), f"step-{t}", alt(on_wires))
    wrong = audited.loc[~audited["agrees"]]
    corrections = [
        f"{row.table}: {row.quantity} = {row.printed}, right is {row.right}" for row in wrong.itertuples(index=False)
    ]
    return Step(t, word, svg, _sums(row), str(row["decision"]), _description(row), corrections)


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


def _audit_rows(walk: Walk) -> list[AuditRow]:
    by_column = audit(walk).groupby(["table", "quantity"], sort=False)
    return [AuditRow(str(table), str(quantity), _audit_cells(rows)) for (table, quantity), rows in by_column]


def _audit_cells(rows: pd.DataFrame) -> list[AuditCell]:
    columns = zip(rows["printed"], rows["right"], rows["agrees"], strict=True)
    return [AuditCell(str(printed), str(right), bool(agrees)) for printed, right, agrees in columns]
