"""The tables of a walk, for a page and as plain text for the terminal."""

from collections.abc import Mapping, Sequence

import pandas as pd

from lstm_bench.anatomy.audit import audit, findings
from lstm_bench.anatomy.numerals import fixed, minus
from lstm_bench.anatomy.walk import GATES, Walk, decision_rules, recompute
from lstm_bench.report.document import Entry, Table
from lstm_bench.report.text_table import text_table

PLACES = 3  # of recomputed values; gate values keep their own places
TABLES: Mapping[str, Sequence[str]] = {
    "Forget gate": ("f", "c before", "keep"),
    "Input gate": ("i", "g", "written"),
    "Output gate": ("o", "tanh(c)", "h"),
    "Cell state": ("c before", "keep", "written", "c"),
    "Complete": ("f", "i", "g", "o", "keep", "written", "c", "tanh(c)", "h", "decision"),
}
EQUATIONS: Mapping[str, str] = {  # by table
    "Forget gate": "keep = f x c before",
    "Input gate": "written = i x g",
    "Output gate": "h = o x tanh(c)",
    "Cell state": "c = keep + written",
}
LEFT_ALIGNED = ("word", "decision", "table", "quantity")
REMARKS = "Remarks on the source of the printed numbers, read in it and not computed here"
NOT_AUDITED = "Audit: no numbers are printed for this walk."
LEGEND = "Audit: !x follows a wrong number, ~x one off by rounding alone; x is what the equations give"


def walk_columns(walk: Walk) -> dict[str, dict[str, list[str]]]:
    """Return the columns of each table, as texts by heading: t, word, and the quantities of TABLES."""
    recomputed = recompute(walk)
    texts = {str(quantity): _texts(str(quantity), recomputed[quantity]) for quantity in recomputed}
    return {table: {name: texts[name] for name in ("t", "word", *names)} for table, names in TABLES.items()}


def _texts(quantity: str, values: pd.Series) -> list[str]:
    if quantity in {"t", "word", "decision"}:
        return [str(value) for value in values]
    is_gate = quantity in GATES
    places = max(len(f"{value:.10g}".partition(".")[2]) for value in values) if is_gate else PLACES
    return [fixed(float(value), places) for value in values]


def title_of(table: str) -> str:
    """Return a table's title: its name and its equation."""
    return f"{table}: {EQUATIONS[table]}" if table in EQUATIONS else table


def page_table(name: str, columns: Mapping[str, list[str]]) -> Table:
    """Return the columns of a table of TABLES for a page, with a row per word."""
    quantities = [name for name in columns if name not in {"t", "word"}]
    headings = [("Word", ""), *((quantity, "") for quantity in quantities)]
    rows = [
        [Entry(f"{t}. {word}", sort=int(t)), *(_entry(columns[quantity][place]) for quantity in quantities)]
        for place, (t, word) in enumerate(zip(columns["t"], columns["word"], strict=True))
    ]
    return Table(headings, rows, name)


def _entry(text: str) -> Entry:
    try:
        return Entry(minus(text), sort=float(text))
    except ValueError:
        return Entry(text, sort=text)


def walk_text(walk: Walk, unknown: Sequence[str] = ()) -> str:
    """Return a walk as plain text: tables, the thresholds of decisions, the audit, and remarks on the source."""
    title = f"Walk: {' / '.join(' '.join(words) for words in walk.sentences)}"
    if unknown:
        title += f"\nNot in the walk, so left out: {', '.join(unknown)}"
    tables = [
        f"{title_of(table)}\n{text_table(list(columns.items()), LEFT_ALIGNED)}"
        for table, columns in walk_columns(walk).items()
    ]
    decisions = "\n".join(["Decisions", *(f"  {rule}" for rule in decision_rules())])
    remarks = ["\n".join([REMARKS, *(f"- {remark}" for remark in walk.remarks)])] if walk.remarks else []
    return "\n\n".join([title, *tables, decisions, _audit_text(walk), *remarks]) + "\n"


def _audit_text(walk: Walk) -> str:
    audited = audit(walk)
    if audited.empty:
        return NOT_AUDITED
    by_column = [rows for _, rows in audited.groupby(["table", "quantity"], sort=False)]
    columns = [(name, [str(rows[name].iloc[0]) for rows in by_column]) for name in ("table", "quantity")]
    for place, word in enumerate(walk.words):
        columns.append((f"{place + 1} {word}", [_printed_text(rows.iloc[place]) for rows in by_column]))
    left_aligned = [heading for heading, _ in columns]
    return "\n".join([LEGEND, text_table(columns, left_aligned), *(f"- {finding}" for finding in findings(walk))])


def _printed_text(row: pd.Series) -> str:
    marks = {"right": "", "rounding": f" ~{row['right']}", "wrong": f" !{row['right']}"}
    return f"{row['printed']}{marks[row['verdict']]}"
