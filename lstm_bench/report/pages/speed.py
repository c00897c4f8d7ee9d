"""The page of a speed study."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lstm_bench.analysis.speed_benchmark import SpeedBenchmark
from lstm_bench.analysis.speed_headline import speed_headline
from lstm_bench.report.document import Block, Bullets, Document, FileLink, Paragraph, Section, Table, Term, Terms
from lstm_bench.report.figure_registry import SPEED_FIGURES, make_figures
from lstm_bench.report.pages.figure import figure_section, method_terms
from lstm_bench.report.pages.protocol import definitions_section
from lstm_bench.report.pages.speed_protocol import DEFINITIONS, missing, speed_protocol
from lstm_bench.report.pages.speed_tables import benchmark_table, whole_studies, whole_study_table
from lstm_bench.report.receipt import receipt_section


def speed_page(benchmark: SpeedBenchmark, figures: Path, receipt: Sequence[tuple[str, str]]) -> Document:
    """Return the page of a speed study; its figures are drawn into a folder."""
    drawn = make_figures(SPEED_FIGURES, {"": benchmark}, figures)[""]
    blocks = [
        *(figure_section(block, "speed") for block in drawn),
        *_whole_study(whole_study_table(benchmark, whole_studies(benchmark))),
        rows_section(benchmark_table(benchmark)),
        definitions_section(DEFINITIONS, method_terms(drawn)),
        _protocol(benchmark),
        receipt_section(receipt),
    ]
    return Document(benchmark.plan.study, "speed", benchmark.plan.started[:10], speed_headline(benchmark), blocks)


def _whole_study(table: Table) -> list[Block]:
    """Return how the implementations compare over a whole study; nothing where nothing can be summed."""
    if not table.rows:
        return []
    note = "Time for as many training steps of each cell at each lag, theirs over ours."
    files = Paragraph(("Rows: ", FileLink("tables/whole_study.csv"), "."), "files")
    question = "How much longer would others take for a whole study?"
    return [Section(question, [Paragraph(note, "note"), table, files], "whole-study", "A whole study")]


def rows_section(table: Table) -> Section:
    """Return the section with every row of a benchmark, and links to its files."""
    rounds = FileLink("results.csv")
    files = Paragraph(("Rows: ", FileLink("tables/speed_benchmark.csv"), "; every round: ", rounds, "."), "files")
    return Section("All rows", [table, files, Paragraph("Click a heading to sort.", "screen")], "rows")


def _protocol(benchmark: SpeedBenchmark) -> Section:
    terms = Terms([Term(name, text) for name, text in speed_protocol(benchmark)])
    absent = missing(benchmark)
    blocks: list[Block] = [terms, *([Section("What is missing", [Bullets(absent)])] if absent else [])]
    return Section("How it is measured", blocks, "protocol")


def speed_csv_tables(benchmark: SpeedBenchmark) -> dict[str, pd.DataFrame]:
    """Return the frames for tables/ by file name: the rows behind every figure and table of the page."""
    study = {"study": benchmark.plan.study}
    tables = {name: figure.rows(benchmark) for name, figure in SPEED_FIGURES.items()}
    whole = whole_studies(benchmark)
    lists = {name: [", ".join(map(str, values)) for values in whole[name]] for name in ("cells", "lags")}
    return tables | {
        "speed_benchmark": benchmark.rows.assign(**study),
        "whole_study": whole.assign(**lists, **study),
    }
