"""The sections of a page on a walk: its steps with their diagrams, its tables, and the audit."""

from lstm_bench.anatomy.audit import audit, findings
from lstm_bench.anatomy.player import printed_entry, walk_player
from lstm_bench.anatomy.tables import page_table, title_of, walk_columns
from lstm_bench.anatomy.walk import Walk, decision_rules
from lstm_bench.report.document import Block, Bullets, Entry, Paragraph, Section, Table

LEGEND = (
    "✗ marks each printed number that is wrong at its printed places, with the right one below. A number is off by "
    "rounding alone where its equation gives it from the right numbers next to it, rounded as they are printed."
)
REMARKS = "Read in the source, not computed here."


def walk_sections(walk: Walk) -> list[Section]:
    """Return the sections on a walk: each step, all numbers, the audit of printed ones, remarks on their source."""
    tables = walk_columns(walk)
    complete = page_table("Complete", tables.pop("Complete"))
    decisions = Paragraph(f"A decision is read off the values: {'; '.join(decision_rules())}.", "note")
    by_gate = [Section(_title(name), [page_table(name, columns)]) for name, columns in tables.items()]
    numbers = Section("All numbers", [complete, decisions, *by_gate], "numbers", style="pair")
    return [Section("Step by step", [walk_player(walk)], "walk"), numbers, *_audit(walk), *_remarks(walk)]


def _title(table: str) -> str:
    return title_of(table).replace(" x ", " × ")


def _audit(walk: Walk) -> list[Section]:
    audited = audit(walk)
    if audited.empty:
        return []
    headings = [("Printed", ""), *((f"{t}. {word}", "") for t, word in enumerate(walk.words, start=1))]
    by_column = audited.groupby(["table", "quantity"], sort=False)
    rows: list[list[Entry]] = [
        [Entry(str(quantity), (str(table),), str(quantity)), *map(printed_entry, column.to_dict("records"))]
        for (table, quantity), column in ((key, group) for key, group in by_column)
    ]
    table = Table(headings, rows, "Audit")
    blocks: list[Block] = [Paragraph(LEGEND, "note"), table, Bullets(findings(walk))]
    return [Section("Errors in the printed numbers", blocks, "audit")]


def _remarks(walk: Walk) -> list[Section]:
    if not walk.remarks:
        return []
    return [Section("Remarks on the printed source", [Paragraph(REMARKS, "note"), Bullets(walk.remarks)], "remarks")]
