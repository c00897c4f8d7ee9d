"""All that the report of a speed study says, before it takes the form of HTML or Markdown."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lstm_bench.analysis.contest import Contest
from lstm_bench.analysis.contest_wording import contest_headline
from lstm_bench.report.document import Table
from lstm_bench.report.figure_registry import CONTEST_FIGURES, Exhibit, make_exhibits
from lstm_bench.report.speed_protocol import DEFINITIONS, missing, speed_protocol
from lstm_bench.report.speed_tables import contest_table, whole_studies, whole_study_table


@dataclass(frozen=True)
class SpeedPage:
    """A speed study's report, top to bottom. `whole_study` has no rows where nothing can be summed."""

    study: str
    experiment: str
    started: str
    headline: list[str]
    missing: list[str]
    exhibits: list[Exhibit]
    whole_study: Table
    rows: Table
    protocol: list[tuple[str, str]]
    definitions: dict[str, str]
    receipt: list[tuple[str, str]]


def make_speed_page(contest: Contest, figures: Path, receipt: list[tuple[str, str]]) -> SpeedPage:
    """Return the content of a speed study's report; its figures are drawn into a folder."""
    return SpeedPage(
        study=contest.plan.study,
        experiment=contest.plan.experiment,
        started=contest.plan.started,
        headline=contest_headline(contest),
        missing=missing(contest),
        exhibits=make_exhibits(CONTEST_FIGURES, {"": contest}, figures)[""],
        whole_study=whole_study_table(contest, whole_studies(contest)),
        rows=contest_table(contest),
        protocol=speed_protocol(contest),
        definitions=DEFINITIONS,
        receipt=receipt,
    )


def speed_csv_tables(contest: Contest) -> dict[str, pd.DataFrame]:
    """Return what goes to tables/: the rows behind every figure and table of the page."""
    study = {"study": contest.plan.study}
    tables = {name: figure.rows(contest) for name, figure in CONTEST_FIGURES.items()}
    return tables | {"contest": contest.rows.assign(**study), "whole_study": whole_studies(contest).assign(**study)}
