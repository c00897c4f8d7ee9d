"""The tables of a walk: what they are called, by which equation, and their numbers as text."""

from collections.abc import Mapping

import pandas as pd

from lstm_bench.analysis.worked_example import GATES, TABLES, Walk, recompute
from lstm_bench.report.numerals import fixed, minus
from lstm_bench.report.tables import Entry, Table

PLACES = 3  # of what is computed; given values keep the places that they came with
EQUATIONS: Mapping[str, str] = {  # by the table that is about it
    "Forget gate": "keep = f x c before",
    "Input gate": "written = i x g",
    "Output gate": "h = o x tanh(c)",
    "Cell state": "c = keep + written",
}


def walk_columns(walk: Walk) -> dict[str, dict[str, list[str]]]:
    """Return each table as its columns, texts by heading: t and word before those of TABLES."""
    frame = recompute(walk)
    texts = {str(name): _texts(str(name), frame[name]) for name in frame}
    return {table: {name: texts[name] for name in ("t", "word", *names)} for table, names in TABLES.items()}


def _texts(name: str, values: pd.Series) -> list[str]:
    if name in {"t", "word", "decision"}:
        return [str(value) for value in values]
    places = max(len(f"{value:.10g}".partition(".")[2]) for value in values) if name in GATES else PLACES
    return [fixed(float(value), places) for value in values]


def title_of(table: str) -> str:
    """Return a table's name, with the equation that it is about."""
    return f"{table}: {EQUATIONS[table]}" if table in EQUATIONS else table


def page_table(columns: Mapping[str, list[str]]) -> Table:
    """Return a table for the page, a row a word."""
    names = [name for name in columns if name not in {"t", "word"}]
    headings = [("Word", ""), *((name, "") for name in names)]
    rows = [
        [Entry(f"{t}. {word}", sort=int(t)), *(_entry(columns[name][place]) for name in names)]
        for place, (t, word) in enumerate(zip(columns["t"], columns["word"], strict=True))
    ]
    return Table(headings, rows)


def _entry(text: str) -> Entry:
    try:
        return Entry(minus(text), sort=float(text))
    except ValueError:
        return Entry(text, sort=text)
