"""All that the report of a study of claims says, before it takes the form of HTML or Markdown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.headline import headline
from lstm_bench.analysis.solving import was_trained
from lstm_bench.claims.deciding import Ruling
from lstm_bench.claims.evidence import Evidence
from lstm_bench.report import outcomes
from lstm_bench.report.claims_part import ClaimsPart, make_claims_part, verdicts_in_a_sentence
from lstm_bench.report.page import TaskPart, task_part
from lstm_bench.report.protocol import DEFINITIONS
from lstm_bench.report.receipt import make_receipt, receipt_items


@dataclass(frozen=True)
class StudyPart:
    """What the page says of one study that the claims rest on."""

    study: str
    receipt: list[tuple[str, str]]
    headline: list[str]
    tasks: list[TaskPart]
    outcome: str
    notes: list[str]
    failures: list[outcomes.Failure]


@dataclass(frozen=True)
class ClaimsPage:
    """A report on claims, top to bottom."""

    study: str
    experiment: str
    started: str
    headline: list[str]
    claims: ClaimsPart
    studies: list[StudyPart]
    problems: list[str]
    definitions: dict[str, str]
    receipt: list[tuple[str, str]]


def make_claims_page(
    evidence: Evidence, rulings: Sequence[Ruling], figures: Path, receipt: list[tuple[str, str]]
) -> ClaimsPage:
    """Return the content of a report on claims; its figures, one a claim, are drawn into a folder."""
    return ClaimsPage(
        study=evidence.plan.study,
        experiment=evidence.plan.experiment,
        started=evidence.plan.started,
        headline=[*_first_finding(evidence.studies), verdicts_in_a_sentence(rulings)],
        claims=make_claims_part(rulings, figures),
        studies=[_study_part(study) for study in evidence.studies],
        problems=[*evidence.problems, *(ruling.problem for ruling in rulings if ruling.problem)],
        definitions=DEFINITIONS,
        receipt=receipt,
    )


def _first_finding(studies: Sequence[StudyData]) -> list[str]:
    """Return the headline of the first study that trained more than one cell."""
    compared = (study for study in studies if len(study.cells) > 1 and was_trained(study))
    return next((headline(study) for study in compared), [])


def _study_part(study: StudyData) -> StudyPart:
    return StudyPart(
        study=study.plan.study,
        receipt=receipt_items(make_receipt(study.plan, {}, None)),
        headline=headline(study),
        tasks=[task_part(one, _anchor(one), []) for one in study.by_task()],
        outcome=outcomes.summary(study),
        notes=outcomes.notes(study),
        failures=outcomes.failures(study),
    )


def _anchor(study: StudyData) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{study.plan.study} {study.task}".lower()).strip("-")
