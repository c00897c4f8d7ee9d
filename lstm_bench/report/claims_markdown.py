"""Claims as Markdown: those of any report, and the page of a study of claims."""

from collections.abc import Iterator, Sequence

from lstm_bench.claims.deciding import Ruling
from lstm_bench.report.claims_page import ClaimsPage, StudyPart
from lstm_bench.report.claims_part import ClaimsPart
from lstm_bench.report.markdown_blocks import (
    bullets,
    file_links,
    grid,
    image,
    items,
    plain,
    receipt_blocks,
    receipt_list,
    said,
    table_block,
)
from lstm_bench.report.markdown_sections import comparison_blocks, failure_blocks

CLAIM_FILES = ("tables/claims.csv", "tables/claim_numbers.csv")


def render_claims_markdown(page: ClaimsPage) -> str:
    """Return report.md: what the HTML page says, in the same order."""
    return "\n\n".join(_blocks(page)) + "\n"


def _blocks(page: ClaimsPage) -> Iterator[str]:
    yield f"# {plain(page.study)}"
    yield from (f"**{said(paragraph)}**" for paragraph in page.headline)
    yield "## Claims"
    yield claims_block([*page.claims.tested, *page.claims.untested])
    yield f"Rows: {file_links(CLAIM_FILES)}."
    for ruling in page.claims.tested:
        yield from _claim(page.claims, ruling)
    yield "## Comparison"
    for study in page.studies:
        yield from _comparison(study)
    yield f"Rows: {file_links(['tables/comparison.csv', 'tables/members.csv', 'results.csv'])}."
    yield "## Failures and censoring"
    if page.problems:
        yield bullets(f"Left out: {plain(problem)}" for problem in page.problems)
    for study in page.studies:
        yield from _outcome(study)
    yield "## Protocol"
    for study in page.studies:
        yield from _protocol(study)
    yield "### What the numbers mean"
    yield items(page.definitions.items(), plain)
    yield from receipt_blocks(page.receipt)


def claims_block(rulings: Sequence[Ruling]) -> str:
    """Return the table of claims: claim, measured, verdict, because."""
    rows = [[said(r.text), "<br>".join(map(said, r.measured)), f"**{r.verdict}**", said(r.because)] for r in rulings]
    return grid(["Claim", "Measured<br>95% interval", "Verdict", "Because"], rows, others="---")


def wordings(rulings: Sequence[Ruling]) -> str:
    """Return each claim as it is told, beside what the numbers support of it and the rule of its verdict."""
    return bullets(f"{said(r.text)} ({plain(r.source)})<br>{_supported(r)}<br>{_rule(r)}" for r in rulings)


def _supported(ruling: Ruling) -> str:
    return f"What the numbers support: {said(ruling.refined or ruling.because)}"


def _rule(ruling: Ruling) -> str:
    return f"The rule: {said(ruling.rule)}"


def _claim(part: ClaimsPart, ruling: Ruling) -> Iterator[str]:
    exhibit = part.exhibits[ruling.name]
    yield f"## {said(ruling.text)} ({ruling.verdict})"
    yield _supported(ruling)
    yield image(exhibit.alt, f"figures/{exhibit.figure}.png")
    yield said(exhibit.caption)
    yield f"{_rule(ruling)} Source: {plain(ruling.source)}"


def _comparison(study: StudyPart) -> Iterator[str]:
    for part in study.tasks:
        yield f"### {plain(part.task)}, study {plain(study.study)}"
        yield from comparison_blocks(part)


def _outcome(study: StudyPart) -> Iterator[str]:
    yield f"### {plain(study.study)}"
    yield plain(study.outcome)
    if study.notes:
        yield bullets(map(said, study.notes))
    yield from (block for failure in study.failures for block in failure_blocks(failure))


def _protocol(study: StudyPart) -> Iterator[str]:
    yield f"### {plain(study.study)}"
    for part in study.tasks:
        if len(study.tasks) > 1:
            yield f"#### {plain(part.task)}"
        yield items(part.protocol)
        yield table_block(part.settings)
    yield receipt_list(study.receipt)
