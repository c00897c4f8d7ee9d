"""How much a cell's span depends on its learning rate: T50 at each fixed rate, and at the rates chosen."""

import pandas as pd

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.solving import spans
from lstm_bench.analysis.tuning import fixed_rate_spans
from lstm_bench.analysis.wording import counted
from lstm_bench.report.document import DASH, Block, Entry, Paragraph, Table
from lstm_bench.report.style import colours

NOTE = (
    "T50 of the tuning members at each learning rate, and of the reported members at the rates chosen lag by lag "
    "(Tuned). A member that was dropped half-way counts as one that did not solve."
)


def learning_rate_blocks(study: StudyData) -> list[Block]:
    """Return a table of T50 on one task, tuned and at each fixed rate; nothing where nothing was tuned."""
    table = fixed_rate_spans(study)
    if table.empty:
        return []
    rates = sorted(table["learning_rate"].unique())
    shades, tuned = colours(study.cells), spans(study)
    headings = [("Cell", ""), ("Tuned", "T50, steps"), *((f"{rate:g}", "T50, steps") for rate in rates)]
    rows = [
        [
            Entry(cell, sort=cell, colour=shades[cell]),
            Entry(tuned[cell].text, sort=tuned[cell].median),
            *(_entry(table.loc[(table["cell"] == cell) & (table["learning_rate"] == rate)]) for rate in rates),
        ]
        for cell in study.cells
        if cell in set(table["cell"])
    ]
    return [Table(headings, rows, "T50 at each learning rate"), Paragraph(NOTE, "note")]


def _entry(rows: pd.DataFrame) -> Entry:
    if rows.empty:
        return Entry(DASH, ("not tried",))
    row = rows.iloc[0]
    dropped = f", {row['dropped']} dropped" if row["dropped"] else ""
    members = f"{counted(int(row['members']), 'member')}{dropped}"
    return Entry(row["span"], (members, counted(int(row["lags"]), "lag")), row["span_median"])
