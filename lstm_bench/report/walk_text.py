"""A walk as plain text for the terminal: its tables, then the audit of printed numbers."""

from collections.abc import Sequence

import pandas as pd

from lstm_bench.analysis.walk_audit import audit, findings
from lstm_bench.analysis.walk_decision import thresholds
from lstm_bench.analysis.worked_example import Walk
from lstm_bench.report.text_table import text_table
from lstm_bench.report.walk_tables import title_of, walk_columns

WORDS = ("word", "decision", "table", "quantity")
NOT_AUDITED = "Audit: no numbers are printed for this walk."
LEGEND = "Audit: a ! stands before the value that the equations give, where the printed one is not it"


def walk_text(walk: Walk, unknown: Sequence[str] = ()) -> str:
    """Return four tables, the complete one, the thresholds of its decisions, and the audit. Same walk, same bytes."""
    told = [f"Walk: {' / '.join(' '.join(words) for words in walk.sentences)}"]
    if unknown:
        told[0] += f"\nNot in the walk, so left out: {', '.join(unknown)}"
    for table, columns in walk_columns(walk).items():
        told.append(f"{title_of(table)}\n{text_table(list(columns.items()), WORDS)}")
    told.append("\n".join(["Decisions", *(f"  {line}" for line in thresholds())]))
    return "\n\n".join([*told, _audit_text(walk)]) + "\n"


def _audit_text(walk: Walk) -> str:
    audited = audit(walk)
    if audited.empty:
        return NOT_AUDITED
    by_column = [rows for _, rows in audited.groupby(["table", "quantity"], sort=False)]
    columns = [(name, [str(rows[name].iloc[0]) for rows in by_column]) for name in ("table", "quantity")]
    for place, word in enumerate(walk.words):
        columns.append((f"{place + 1} {word}", [_held(rows.iloc[place]) for rows in by_column]))
    left = [heading for heading, _ in columns]
    return "\n".join([LEGEND, text_table(columns, left), *(f"- {finding}" for finding in findings(walk))])


def _held(row: pd.Series) -> str:
    return str(row["printed"]) if row["agrees"] else f"{row['printed']} !{row['right']}"
