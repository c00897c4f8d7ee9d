"""What a page says of claims."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lstm_bench.analysis.wording import counted, listed
from lstm_bench.claims.deciding import Ruling
from lstm_bench.report.alt_text import alt_text
from lstm_bench.report.document import FigureBlock
from lstm_bench.report.figures import claim
from lstm_bench.report.style import inline_svg, save

VERDICTS = ("supported", "mixed", "refuted", "not tested")
TABLE = "claim_numbers"


@dataclass(frozen=True)
class ClaimsPart:
    """Claims with their verdicts: those that were tested, and those that were not.

    `exhibits` has the figure of each tested claim by its name, where figures were asked for.
    """

    tested: list[Ruling]
    untested: list[Ruling]
    exhibits: dict[str, FigureBlock]

    @property
    def is_told(self) -> bool:
        """Whether there is any claim, files that cannot be used aside: a study made for none says nothing of claims."""
        return any(not ruling.problem for ruling in (*self.tested, *self.untested))

    @property
    def missing(self) -> str:
        """The claims that were not tested, and what would test them; "" where all were."""
        told = [f'"{ruling.text}" ({ruling.because.rstrip(".")})' for ruling in self.untested]
        return f"Not tested: {'; '.join(told)}." if told else ""


def make_claims_part(rulings: Sequence[Ruling], figures: Path | None = None) -> ClaimsPart:
    """Return what a page says of some rulings; figures are drawn into a folder, if one is given."""
    tested = [ruling for ruling in rulings if ruling.verdict != "not tested"]
    exhibits = {} if figures is None else {ruling.name: _exhibit(ruling, figures) for ruling in tested}
    return ClaimsPart(tested, [ruling for ruling in rulings if ruling not in tested], exhibits)


def _exhibit(ruling: Ruling, figures: Path) -> FigureBlock:
    name, figure, finding = f"claim_{ruling.name}", claim.draw(ruling), claim.finding(ruling)
    alt = alt_text(figure, ruling.text, finding)
    svg = inline_svg(save(figure, figures, name), name, alt)
    return FigureBlock(ruling.text, finding, alt, TABLE, name, svg, claim.METHOD)


def verdicts_in_a_sentence(rulings: Sequence[Ruling]) -> str:
    """Return "Of 7 claims 3 are supported, 1 is mixed and 3 are refuted."."""
    counts = {verdict: sum(ruling.verdict == verdict for ruling in rulings) for verdict in VERDICTS}
    told = [f"{n} {'is' if n == 1 else 'are'} {verdict}" for verdict, n in counts.items() if n]
    return f"Of {counted(len(rulings), 'claim')} {listed(told)}."


def claim_tables(rulings: Sequence[Ruling]) -> dict[str, pd.DataFrame]:
    """Return what goes to tables/: a row a claim, and a row a number that was measured of one."""
    columns = ["name", "claim", "measured", "verdict", "because", "refined", "source", "rule"]
    rows = [(r.name, r.text, "; ".join(r.measured), r.verdict, r.because, r.refined, r.source, r.rule) for r in rulings]
    return {"claims": pd.DataFrame(rows, columns=columns), "claim_numbers": claim.measurement_rows(rulings)}
