"""The section about a walk as Markdown."""

from collections.abc import Iterator

from lstm_bench.anatomy.section import AuditCell, Step, WalkSection
from lstm_bench.report.markdown_blocks import bullets, grid, said, table_block


def walk_blocks(walk: WalkSection) -> Iterator[str]:
    """Yield the content of the HTML page's section, without the diagrams."""
    yield "## Step by step"
    for step in walk.steps:
        yield from _step(step)
    yield "## All numbers"
    yield table_block(walk.complete)
    yield f"A decision is read off the values: {said('; '.join(walk.thresholds))}."
    for title, table in walk.tables:
        yield f"### {said(title.replace(' x ', ' × '))}"
        yield table_block(table)
    if walk.audit:
        yield from _audit(walk)


def _step(step: Step) -> Iterator[str]:
    yield f"### t = {step.t}: {said(step.word)}"
    yield f"{said(step.decision).capitalize()}."
    yield grid(["What", "How", "Result"], [[said(part) for part in line] for line in step.sums])
    if step.corrections:
        yield "Wrong in print at this step:"
        yield bullets(map(said, step.corrections))
    yield said(step.description)


def _audit(walk: WalkSection) -> Iterator[str]:
    yield "## What print has wrong"
    yield "Printed numbers; ✗ marks each that the equations do not give to its places, with the right one below."
    headings = ["Printed", *(f"{word.t}. {said(word.word)}" for word in walk.words)]
    yield grid(headings, [[f"{said(row.quantity)}<br>{row.table}", *map(_printed, row.cells)] for row in walk.audit])
    yield bullets(map(said, walk.findings))


def _printed(cell: AuditCell) -> str:
    return cell.printed if cell.agrees else f"~~{cell.printed}~~ ✗<br>**{cell.right}**"
