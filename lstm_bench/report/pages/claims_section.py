"""The claims on a page: the table, what the numbers support of each claim, and the rows behind it."""

from collections.abc import Collection, Sequence

import pandas as pd

from lstm_bench.analysis.wording import counted, listed
from lstm_bench.claims.deciding import Ruling
from lstm_bench.report.document import (
    Block,
    Bullets,
    Details,
    Entry,
    FileLink,
    Link,
    Paragraph,
    Section,
    Table,
    Term,
    Terms,
    Text,
    Verdict,
)
from lstm_bench.report.figures import claim

VERDICTS = ("supported", "mixed", "refuted", "not tested")
HEADINGS = [("Claim", ""), ("Measured", "95% interval"), ("Verdict", ""), ("Because", "")]


def claims_section(rulings: Sequence[Ruling]) -> list[Block]:
    """Return the section of claims on the page of a study; empty for a study without claims.

    A file of claims that cannot be used does not count.
    """
    if not has_claims(rulings):
        return []
    tested = [ruling for ruling in rulings if is_tested(ruling)]
    untested = [f'"{ruling.text}" ({ruling.because.rstrip(".")})' for ruling in rulings if not is_tested(ruling)]
    blocks: list[Block] = [claims_table(tested, linked=())] if tested else []
    blocks += [Paragraph(f"Not tested: {'; '.join(untested)}.", "note")] if untested else []
    blocks += [
        Details(ruling.text, "What the numbers support, and the rule", claim_blocks(ruling)) for ruling in tested
    ]
    return [Section("Claims", [*blocks, claim_files()], "claims")]


def has_claims(rulings: Sequence[Ruling]) -> bool:
    """Return whether there is a claim among the rulings, and not only files that cannot be used."""
    return not all(ruling.problem for ruling in rulings)


def is_tested(ruling: Ruling) -> bool:
    """Return whether the numbers decide anything about a claim."""
    return ruling.verdict != "not tested"


def claims_table(rulings: Sequence[Ruling], linked: Collection[str]) -> Table:
    """Return a table with a row per claim; the names in `linked` have a section of their own at `claim_anchor`."""
    rows = [_row(place, ruling, ruling.name in linked) for place, ruling in enumerate(rulings, start=1)]
    return Table(HEADINGS, rows, "Claims", is_prose=True)


def _row(place: int, ruling: Ruling, is_linked: bool) -> list[Entry]:
    text: Text = (Link(ruling.text, f"#{claim_anchor(ruling)}"),) if is_linked else ruling.text
    first, *others = ruling.decisive or ruling.measured or [""]
    return [
        Entry(text, sort=place),
        Entry(first, tuple(others), sort=place),
        Entry((Verdict(ruling.verdict),), sort=ruling.verdict),
        Entry(ruling.because, sort=ruling.because),
    ]


def claim_anchor(ruling: Ruling) -> str:
    """Return the anchor of the section of a claim."""
    return f"claim-{ruling.name}"


def claim_blocks(ruling: Ruling) -> list[Block]:
    """Return a claim as its source words it, what the numbers support of it, its rule, and all that was measured."""
    terms = Terms(
        [
            Term("The claim", f"{ruling.text} ({ruling.source})"),
            Term("What the numbers support", ruling.refined or ruling.because),
            Term("The rule", ruling.rule),
        ]
    )
    return [terms, Details("All that was measured", "", [Bullets(ruling.measured)])]


def claim_files() -> Paragraph:
    """Return links to the rows behind claims."""
    files = FileLink("tables/claims.csv"), FileLink("tables/claim_numbers.csv")
    return Paragraph(("Rows: ", files[0], ", and every number: ", files[1], "."), "files")


def verdicts_in_a_sentence(rulings: Sequence[Ruling]) -> str:
    """Return "Of 7 claims, 3 are supported, 1 is mixed and 3 are refuted."."""
    counts = {verdict: sum(ruling.verdict == verdict for ruling in rulings) for verdict in VERDICTS}
    clauses = [f"{n} {'is' if n == 1 else 'are'} {verdict}" for verdict, n in counts.items() if n]
    return f"Of {counted(len(rulings), 'claim')}, {listed(clauses)}."


def claim_tables(rulings: Sequence[Ruling]) -> dict[str, pd.DataFrame]:
    """Return the tables of a page's claims by file name: a row per claim, and a row per number measured for one."""
    columns = ["name", "claim", "measured", "verdict", "because", "refined", "source", "rule"]
    rows = [(r.name, r.text, "; ".join(r.measured), r.verdict, r.because, r.refined, r.source, r.rule) for r in rulings]
    return {"claims": pd.DataFrame(rows, columns=columns), "claim_numbers": claim.measurement_rows(rulings)}
