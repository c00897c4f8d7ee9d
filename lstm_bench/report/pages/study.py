"""The page of a study that trains."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.headline import headline
from lstm_bench.anatomy.section import walk_sections
from lstm_bench.anatomy.walk import load_walk, seven_words
from lstm_bench.claims.deciding import Ruling
from lstm_bench.report.document import Block, Document, FigureBlock, Section
from lstm_bench.report.figure_registry import FIGURES, STUDY_FIGURES, file_prefix, make_figures
from lstm_bench.report.pages.claims_section import claims_section
from lstm_bench.report.pages.comparison import comparison_section
from lstm_bench.report.pages.cost import cost_section
from lstm_bench.report.pages.failure_summary import failure_blocks, failure_callout, failure_section, left_out
from lstm_bench.report.pages.figure import figure_section, method_terms
from lstm_bench.report.pages.learning_rates import learning_rate_blocks
from lstm_bench.report.pages.literature import literature_blocks
from lstm_bench.report.pages.protocol import DEFINITIONS, definitions_section, protocol_section
from lstm_bench.report.pages.side_by_side import side_by_side_section
from lstm_bench.report.pages.span_conditions import span_condition_blocks
from lstm_bench.report.pages.span_costs import span_cost_blocks
from lstm_bench.report.receipt import receipt_section


def study_page(
    study: StudyData, figures: Path, receipt: Sequence[tuple[str, str]], rulings: Sequence[Ruling]
) -> Document:
    """Return the page of a study: the answer first, then the figures, the claims and the protocol.

    Args:
        study: the records of the study.
        figures: the folder into which figures are drawn.
        receipt: the facts of the receipt as (name, value), see `receipt_items`.
        rulings: the claims that are ruled on from this study.
    """
    tasks = study.by_task()
    by_prefix = {file_prefix(task, len(tasks) == 1): task for task in tasks}
    drawn = make_figures(FIGURES, by_prefix, figures)
    of_all_tasks = make_figures(STUDY_FIGURES, {"": study}, figures)[""]
    problems = [*study.problems, *(ruling.problem for ruling in rulings if ruling.problem)]
    blocks = [
        *failure_callout([study], problems),
        *side_by_side_section(study),
        comparison_section((task.task, task) for task in tasks),
        *_span_and_cost(study, of_all_tasks),
        *_figures(by_prefix, drawn),
        *_walk(study),
        *claims_section(rulings),
        failure_section([*failure_blocks(study), *left_out(problems)]),
        definitions_section(DEFINITIONS, method_terms(chain(of_all_tasks, *drawn.values()))),
        protocol_section(tasks),
        *cost_section(study.plan.cost),
        receipt_section(receipt),
    ]
    return Document(study.plan.study, "study", study.plan.started[:10], headline(study), blocks)


def _span_and_cost(study: StudyData, figures: Sequence[FigureBlock]) -> list[Section]:
    """Return the section on what each cell's span costs, for all tasks; nothing where too few cells have a span."""
    table = span_cost_blocks(study)
    sections = [figure_section(figure, "study") for figure in figures]
    return [Section("Span and cost", [*table, *sections], "span-and-cost", style="part")] if table else []


def _figures(by_prefix: Mapping[str, StudyData], drawn: Mapping[str, Sequence[FigureBlock]]) -> Iterator[Section]:
    """Yield a section per figure, or, of several tasks, a part per task with its sections."""
    for prefix, task in by_prefix.items():
        anchor = prefix.strip("_") or "task"
        sections = [figure_section(figure, anchor, _tables_below(figure, task)) for figure in drawn[prefix]]
        yield from [Section(task.task, sections, anchor, style="part")] if len(by_prefix) > 1 else sections


def _tables_below(figure: FigureBlock, task: StudyData) -> list[Block]:
    """Return the tables that stand below a figure, such as that of published numbers below its figure."""
    blocks = {"published": literature_blocks, "span_budgets": span_condition_blocks, "tuning": learning_rate_blocks}
    return blocks[figure.table](task) if figure.table in blocks else []


def _walk(study: StudyData) -> list[Block]:
    """Return the walk through seven words, on the page of a study whose task has a sentence."""
    has_sentence = any(job.sentence for job in study.plan.jobs)
    return [*walk_sections(load_walk(seven_words()))] if has_sentence else []
