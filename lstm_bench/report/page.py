"""All that a report says, before it takes the form of HTML or Markdown."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lstm_bench.analysis.comparison import comparison, matching
from lstm_bench.analysis.frames import Study
from lstm_bench.analysis.headline import headline
from lstm_bench.analysis.solving import members_a_lag, was_trained
from lstm_bench.analysis.walk import walk_from
from lstm_bench.analysis.wording import span_of
from lstm_bench.report import outcomes
from lstm_bench.report.anatomy_page import WalkPart, make_walk_part
from lstm_bench.report.exhibits import FIGURES, Exhibit, file_prefix, make_exhibits
from lstm_bench.report.protocol import DEFINITIONS, protocol, settings_table
from lstm_bench.report.tables import Table, comparison_table, solved_table


@dataclass(frozen=True)
class TaskPart:
    """What the page says of one task."""

    task: str
    anchor: str
    table_note: str
    comparison: Table
    solved: Table
    exhibits: list[Exhibit]
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
    walk: WalkPart | None = None


def make_page(study: Study, figures: Path, receipt: list[tuple[str, str]]) -> Page:
    """Return the content of a study's report; its figures are drawn into a folder."""
    narrowed = study.by_task()
    return Page(
        study=study.plan.study,
        experiment=study.plan.experiment,
        started=study.plan.started,
        headline=headline(study),
        outcome=outcomes.summary(study),
        notes=outcomes.notes(study),
        problems=study.problems,
        failures=outcomes.failures(study),
        parts=[_part(one, comparison(one), figures, len(narrowed) == 1) for one in narrowed],
        definitions=DEFINITIONS,
        receipt=receipt,
        walk=make_walk_part(walk_from(study.plan.walk)) if study.plan.walk else None,
    )


def _part(study: Study, compared: pd.DataFrame, figures: Path, is_only_task: bool) -> TaskPart:
    prefix = file_prefix(study, is_only_task)
    return TaskPart(
        task=study.task,
        anchor=prefix.strip("_") or "task",
        table_note=_table_note(study),
        comparison=comparison_table(study, compared),
        solved=solved_table(study),
        exhibits=make_exhibits(FIGURES, study, figures, prefix),
        protocol=protocol(study),
        settings=settings_table(study),
    )


def _table_note(study: Study) -> str:
    """Return how the cells are matched, how many members stand behind a number, and what ratios are over."""
    matched = matching(study)
    n = span_of(members_a_lag(study) if was_trained(study) else (len(job.seeds) for job in study.plan.jobs))
    ratios = f" Ratios are over {study.cells[0]}." if len(study.cells) > 1 else ""
    return f"{matched[0].upper()}{matched[1:]}; n = {n} members a cell and lag.{ratios}"
