"""All that the report of a speed study says, before it takes the form of HTML or Markdown."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lstm_bench.analysis.speed_benchmark import SpeedBenchmark
from lstm_bench.analysis.speed_headline import speed_headline
from lstm_bench.report.document import FigureBlock, Table
from lstm_bench.report.figure_registry import SPEED_FIGURES, make_figures
from lstm_bench.report.speed_protocol import DEFINITIONS, missing, speed_protocol
from lstm_bench.report.speed_tables import benchmark_table, whole_studies, whole_study_table


@dataclass(frozen=True)
class SpeedPage:
    """A speed study's report, top to bottom. `whole_study` has no rows where nothing can be summed."""

    study: str
    experiment: str
    started: str
    headline: list[str]
    missing: list[str]
    exhibits: list[FigureBlock]
    whole_study: Table
    rows: Table
    protocol: list[tuple[str, str]]
    definitions: dict[str, str]
    receipt: list[tuple[str, str]]


def make_speed_page(benchmark: SpeedBenchmark, figures: Path, receipt: list[tuple[str, str]]) -> SpeedPage:
    """Return the content of a speed study's report; its figures are drawn into a folder."""
    return SpeedPage(
        study=benchmark.plan.study,
        experiment=benchmark.plan.experiment,
        started=benchmark.plan.started,
        headline=speed_headline(benchmark),
        missing=missing(benchmark),
        exhibits=make_figures(SPEED_FIGURES, {"": benchmark}, figures)[""],
        whole_study=whole_study_table(benchmark, whole_studies(benchmark)),
        rows=benchmark_table(benchmark),
        protocol=speed_protocol(benchmark),
        definitions=DEFINITIONS,
        receipt=receipt,
    )


def speed_csv_tables(benchmark: SpeedBenchmark) -> dict[str, pd.DataFrame]:
    """Return what goes to tables/: the rows behind every figure and table of the page."""
    study = {"study": benchmark.plan.study}
    tables = {name: figure.rows(benchmark) for name, figure in SPEED_FIGURES.items()}
    return tables | {
        "speed_benchmark": benchmark.rows.assign(**study),
        "whole_study": whole_studies(benchmark).assign(**study),
    }
