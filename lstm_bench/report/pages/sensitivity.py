"""The page of a sensitivity study: T50 against its settings."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lstm_bench.analysis.frames import StudyData, of_all_tasks
from lstm_bench.analysis.sensitivity import FACTORS, size_exponents, variations
from lstm_bench.analysis.settings_in_words import value_in_words
from lstm_bench.report.document import Document, Entry, FileLink, Paragraph, Section, Table
from lstm_bench.report.figure_registry import SENSITIVITY_FIGURES, file_prefix, make_figures
from lstm_bench.report.pages.cost import cost_section
from lstm_bench.report.pages.failure_summary import failure_blocks, failure_callout, failure_section, left_out
from lstm_bench.report.pages.figure import figure_section, method_terms
from lstm_bench.report.pages.protocol import DEFINITIONS, definitions_section, protocol_section
from lstm_bench.report.receipt import receipt_section


def sensitivity_page(study: StudyData, figures: Path, receipt: Sequence[tuple[str, str]]) -> Document:
    """Return the page of a study that varies settings; its figures are drawn into a folder."""
    tasks = study.by_task()
    by_prefix = {file_prefix(task, len(tasks) == 1): task for task in tasks}
    drawn = make_figures(SENSITIVITY_FIGURES, by_prefix, figures)
    all_figures = [figure for task_figures in drawn.values() for figure in task_figures]
    blocks = [
        *failure_callout([study], study.problems),
        *(figure_section(figure, prefix.strip("_") or "task") for prefix in by_prefix for figure in drawn[prefix]),
        *(variations_section(task, prefix) for prefix, task in by_prefix.items()),
        failure_section([*failure_blocks(study), *left_out(study.problems)]),
        definitions_section(DEFINITIONS, method_terms(all_figures)),
        protocol_section(tasks),
        *cost_section(study.plan.cost),
        receipt_section(receipt),
    ]
    headline = [figure.caption for figure in all_figures]
    return Document(study.plan.study, "sensitivity", study.plan.started[:10], headline, blocks)


def variations_section(study: StudyData, prefix: str) -> Section:
    """Return the section with T50 of every variation of one task; `prefix` begins its anchor."""
    table = variations(study)
    names = [name for name in FACTORS if table[name].nunique(dropna=False) > 1]
    headings = [("Cell", ""), *((FACTORS[name], "") for name in names), ("T50", "95%, steps")]
    rows = [
        [
            Entry(str(row["cell_yaml"]), sort=str(row["cell_yaml"])),
            *(Entry("tuned" if pd.isna(row[name]) else value_in_words(row[name]), sort=row[name]) for name in names),
            Entry(row["span"], sort=row["span_median"]),
        ]
        for row in table.to_dict("records")
    ]
    files = Paragraph(("Rows: ", FileLink("tables/variations.csv"), "."), "files")
    title = f"Every setting on {study.task}"
    return Section(title, [Table(headings, rows, "Variations"), files], f"{prefix}variations")


def sensitivity_tables(study: StudyData) -> dict[str, pd.DataFrame]:
    """Return the frames for tables/ by file name: the rows behind every figure and table of the page."""
    summaries = {name: figure.rows for name, figure in SENSITIVITY_FIGURES.items()}
    summaries |= {"variations": variations, "size_exponents": size_exponents}
    return {name: of_all_tasks(study, summary) for name, summary in summaries.items()}
