"""The page of a study of claims."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from lstm_bench.analysis.frames import StudyData
from lstm_bench.analysis.headline import headline
from lstm_bench.analysis.solving import was_trained
from lstm_bench.claims.deciding import Ruling
from lstm_bench.claims.evidence import Evidence
from lstm_bench.report.alt_text import alt_text
from lstm_bench.report.document import (
    Block,
    Code,
    Details,
    Document,
    FigureBlock,
    Paragraph,
    Section,
    Term,
    Terms,
    Verdict,
)
from lstm_bench.report.figures import claim
from lstm_bench.report.pages.claims_section import (
    claim_anchor,
    claim_blocks,
    claim_files,
    claims_table,
    is_tested,
    verdicts_in_a_sentence,
)
from lstm_bench.report.pages.comparison import comparison_section
from lstm_bench.report.pages.failure_summary import failure_blocks, failure_callout, failure_section, left_out
from lstm_bench.report.pages.protocol import DEFINITIONS, definitions_section, task_protocol
from lstm_bench.report.receipt import make_receipt, receipt_items, receipt_section
from lstm_bench.report.style import inline_svg, save

RULE = (
    "A claim holds in a setting where each of its numbers, with its whole 95% interval, lies in the range claimed. "
    "It is supported where it holds in every setting, refuted where it holds in none and fails in at least one, mixed "
    "otherwise. An interval is open where the lags end before T50 is bracketed, or where T50 still grows with the "
    "budget. A number decides nothing where, with the lags, members or budget of its study, it could not have been "
    "both inside and outside the range claimed. Members that two studies share count in both."
)
FIGURES = "The figure of a claim"
REPORTS = (
    "Each study has a report of its own, with a figure for each question: ",
    Code("python -m lstm_bench.report"),
    " and its name.",
)


def claims_page(
    evidence: Evidence, rulings: Sequence[Ruling], figures: Path, receipt: Sequence[tuple[str, str]]
) -> Document:
    """Return the page of a study of claims; its figures, one per tested claim, are drawn into a folder."""
    studies = evidence.studies
    problems = [*evidence.problems, *(ruling.problem for ruling in rulings if ruling.problem)]
    tested = [ruling for ruling in rulings if is_tested(ruling)]
    drawn = [_figure(ruling, figures) for ruling in tested]
    blocks = [
        *failure_callout(studies, problems),
        _claims(tested, [ruling for ruling in rulings if not is_tested(ruling)]),
        *(_claim(ruling, figure) for ruling, figure in zip(tested, drawn, strict=True)),
        comparison_section(_by_heading(studies)),
        failure_section(
            [*left_out(problems), *(Section(study.plan.study, failure_blocks(study)) for study in studies)]
        ),
        definitions_section(DEFINITIONS, [Term(FIGURES, claim.METHOD, figure.method_anchor) for figure in drawn[:1]]),
        Section("Protocol", [Paragraph(REPORTS), *map(_protocol, studies)], "protocol"),
        receipt_section(receipt),
    ]
    verdicts = verdicts_in_a_sentence(rulings)
    finding = [*_first_finding(studies), verdicts]
    return Document(evidence.plan.study, "claims", evidence.plan.started[:10], finding, blocks, in_short=verdicts)


def _first_finding(studies: Sequence[StudyData]) -> list[str]:
    """Return the headline of the first study that trained more than one cell."""
    compared = (study for study in studies if len(study.cells) > 1 and was_trained(study))
    return next((headline(study) for study in compared), [])


def _claims(tested: Sequence[Ruling], untested: Sequence[Ruling]) -> Section:
    """Return the table of all claims, those that were not tested last."""
    table = claims_table([*tested, *untested], linked=[ruling.name for ruling in tested])
    sorting = Paragraph("Click a heading to sort.", "screen")
    return Section("Claims", [table, Paragraph(RULE, "note"), claim_files(), sorting], "claims")


def _claim(ruling: Ruling, figure: FigureBlock) -> Section:
    title = f"{ruling.text} ", Verdict(ruling.verdict)
    first, *others = claim_blocks(ruling)
    return Section(title, [first, figure, *others], claim_anchor(ruling), ruling.text, "claim")


def _figure(ruling: Ruling, figures: Path) -> FigureBlock:
    name, figure, finding = f"claim_{ruling.name}", claim.draw(ruling), claim.finding(ruling)
    claimed = f"Claimed: {ruling.text}"
    alt = alt_text(figure, claimed, finding)
    svg = inline_svg(save(figure, figures, name), name, alt)
    return FigureBlock(claimed, finding, alt, "claim_numbers", name, svg, claim.METHOD)


def _by_heading(studies: Sequence[StudyData]) -> Iterator[tuple[str, StudyData]]:
    for study in studies:
        yield from ((f"{task.task}, study {study.plan.study}", task) for task in study.by_task())


def _protocol(study: StudyData) -> Details:
    """Return the protocol and the receipt of one study, folded away."""
    blocks: list[Block] = []
    for task in study.by_task():
        blocks += [Section(task.task, task_protocol(task))]
    receipt = Terms([Term(name, value) for name, value in receipt_items(make_receipt(study.plan, {}, None))], "receipt")
    return Details(study.plan.study, "", [*blocks, Section("Receipt", [receipt])])
