"""All that a report says, before it takes the form of HTML or Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lstm_bench.analysis.comparison import comparison
from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.headline import headline
from lstm_bench.analysis.matching import Matching, matched_studies
from lstm_bench.analysis.solving import members_a_lag, was_trained
from lstm_bench.analysis.wording import span_of
from lstm_bench.anatomy.section import WalkSection, make_walk_section
from lstm_bench.anatomy.walk import load_walk, seven_words
from lstm_bench.claims.deciding import Ruling
from lstm_bench.report import outcomes
from lstm_bench.report.claims_part import ClaimsPart, make_claims_part
from lstm_bench.report.document import FigureBlock, Table
from lstm_bench.report.figure_registry import FIGURES, file_prefix, make_figures
from lstm_bench.report.literature import Literature, make_literature
from lstm_bench.report.protocol import DEFINITIONS, protocol, settings_table
from lstm_bench.report.side_by_side import SideBySide, make_side_by_side
from lstm_bench.report.tables import comparison_table, solved_table


@dataclass(frozen=True)
class Comparison:
    """Cells side by side: what they have in common, and their table."""

    note: str
    table: Table


@dataclass(frozen=True)
class TaskPart:
    """What the page says of one task."""

    task: str
    anchor: str
    comparisons: list[Comparison]
    solved: Table
    exhibits: list[FigureBlock]
    protocol: list[tuple[str, str]]
    settings: Table


@dataclass(frozen=True)
class Page:
    """A report's content, top to bottom."""

    study: str
    experiment: str
    started: str
    headline: list[str]
    outcome: str
    notes: list[str]
    problems: list[str]
    failures: list[outcomes.Failure]
    parts: list[TaskPart]
    definitions: dict[str, str]
    receipt: list[tuple[str, str]]
    claims: ClaimsPart
    literature: Literature | None = None
    walk: WalkSection | None = None
    beside: SideBySide | None = None


def make_page(study: StudyData, figures: Path, receipt: list[tuple[str, str]], rulings: Sequence[Ruling]) -> Page:
    """Return the content of a study's report, with what it says to claims; its figures are drawn into a folder."""
    narrowed = study.by_task()
    by_prefix = {file_prefix(one, len(narrowed) == 1): one for one in narrowed}
    exhibits = make_figures(FIGURES, by_prefix, figures)
    return Page(
        study=study.plan.study,
        experiment=study.plan.experiment,
        started=study.plan.started,
        headline=headline(study),
        outcome=outcomes.summary(study),
        notes=outcomes.notes(study),
        problems=[*study.problems, *(ruling.problem for ruling in rulings if ruling.problem)],
        failures=outcomes.failures(study),
        parts=[task_part(one, prefix.strip("_") or "task", exhibits[prefix]) for prefix, one in by_prefix.items()],
        definitions=DEFINITIONS,
        receipt=receipt,
        literature=make_literature(study),
        walk=make_walk_section(load_walk(seven_words())) if any(job.sentence for job in study.plan.jobs) else None,
        beside=make_side_by_side(study),
        claims=make_claims_part(rulings),
    )


def task_part(study: StudyData, anchor: str, exhibits: list[FigureBlock]) -> TaskPart:
    """Return what a page says of one task, with these figures.

    Args:
        study: narrowed to the task.
        anchor: what links to it are named after.
        exhibits: its figures.
    """
    return TaskPart(
        task=study.task,
        anchor=anchor,
        comparisons=[
            Comparison(_table_note(matching, compared), comparison_table(study, comparison(compared)))
            for matching, compared in matched_studies(study)
        ],
        solved=solved_table(study),
        exhibits=exhibits,
        protocol=protocol(study),
        settings=settings_table(study),
    )


def _table_note(matching: Matching, study: StudyData) -> str:
    """Return how the cells are matched, how many members stand behind a number, and what ratios are over."""
    n = span_of(members_a_lag(study) if was_trained(study) else (len(job.seeds) for job in study.plan.jobs))
    ratios = f" Ratios are over {study.cells[0]}." if len(study.cells) > 1 else ""
    return f"{matching.text[0].upper()}{matching.text[1:]}; n = {n} members a cell and lag.{ratios}"
