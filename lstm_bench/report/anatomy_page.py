"""All that the anatomy's page says, before it takes the form of HTML."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lstm_bench.analysis.walk_audit import audit, findings
from lstm_bench.analysis.walk_decision import thresholds
from lstm_bench.analysis.wording import listed
from lstm_bench.analysis.worked_example import Walk
from lstm_bench.report.figure_registry import Exhibit
from lstm_bench.report.receipt import receipt_items, report_packages
from lstm_bench.report.tables import Table
from lstm_bench.report.walk_steps import Step, Word, make_steps, make_words
from lstm_bench.report.walk_tables import page_table, title_of, walk_columns


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
class WalkPart:
    """A walk: words, steps, tables of its numbers, thresholds of its decisions, and the audit of printed ones."""

    words: list[Word]
    steps: list[Step]
    complete: Table
    tables: list[tuple[str, Table]]
    thresholds: list[str]
    audit: list[AuditRow]
    findings: list[str]


@dataclass(frozen=True)
class AnatomyPage:
    """The page's content, top to bottom. Exhibits are questions answered by figures, for who has measured some."""

    study: str
    started: str
    headline: list[str]
    walk: WalkPart
    exhibits: list[Exhibit] = field(default_factory=list)
    receipt: list[tuple[str, str]] = field(default_factory=list)


def make_anatomy_page(walk: Walk, command: str, source: Path, unknown: list[str]) -> AnatomyPage:
    """Return the page of a walk.

    Args:
        walk: the walk.
        command: what was typed.
        source: the yaml file of the walk.
        unknown: words that were asked for and are not in it.
    """
    made = {"command": command, "walk": source.name, "report_packages": report_packages()}
    return AnatomyPage(
        study="One LSTM step after another",
        started="",
        headline=_headline(walk, unknown),
        walk=make_walk_part(walk),
        receipt=receipt_items(made),
    )


def make_walk_part(walk: Walk) -> WalkPart:
    """Return what the page says of a walk."""
    tables = walk_columns(walk)
    return WalkPart(
        words=make_words(walk),
        steps=make_steps(walk),
        complete=page_table(tables.pop("Complete")),
        tables=[(title_of(name), page_table(columns)) for name, columns in tables.items()],
        thresholds=thresholds(),
        audit=_audit_rows(walk),
        findings=findings(walk),
    )


def _audit_rows(walk: Walk) -> list[AuditRow]:
    by_column = audit(walk).groupby(["table", "quantity"], sort=False)
    return [AuditRow(str(table), str(quantity), _cells(rows)) for (table, quantity), rows in by_column]


def _cells(rows: pd.DataFrame) -> list[AuditCell]:
    columns = zip(rows["printed"], rows["right"], rows["agrees"], strict=True)
    return [AuditCell(str(printed), str(right), bool(agrees)) for printed, right, agrees in columns]


def _headline(walk: Walk, unknown: list[str]) -> list[str]:
    said = [f"“{' '.join(words)}”" for words in walk.sentences]
    told = f"{listed(said)}, word by word through an LSTM of one unit with given gates."
    found = findings(walk)[:1]
    left_out = [f"Not in the walk, so left out: {', '.join(unknown)}."] if unknown else []
    return [" ".join([told, *found]), *left_out]
