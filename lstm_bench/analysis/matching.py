"""Which cells of a study may be compared: those of equal hidden size, or with matched parameters."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from lstm_bench.analysis.wording import listed, span_of
from lstm_bench.records.plan import JobPlan

MATCHED_WITHIN = 0.01  # of one number of parameters


@dataclass(frozen=True)
class Matching:
    """Cells that are compared with each other, in the plan's order, and what they have in common.

    `kind` is "nothing" where they have neither hidden size nor parameters in common. `n_parameters` counts the
    read-out. Both are those at the longest lag.
    """

    kind: Literal["hidden size", "parameters", "nothing"]
    hidden_sizes: Mapping[str, int]
    n_parameters: Mapping[str, int]

    @property
    def cells(self) -> list[str]:
        """The cells that are compared."""
        return list(self.hidden_sizes)

    @property
    def mismatch(self) -> float:
        """How many more parameters the largest has than the smallest, as a share."""
        return max(self.n_parameters.values()) / min(self.n_parameters.values()) - 1

    @property
    def text(self) -> str:
        """What is matched: "matched hidden size (H = 64)", "matched parameters (20,106 to 20,168, within 0.31%)"."""
        sizes = span_of(self.hidden_sizes.values())
        if len(self.cells) == 1:
            return f"one cell, hidden size H = {sizes}"
        if self.kind == "hidden size":
            return f"matched hidden size (H = {sizes})"
        smallest, largest = (f"{end(self.n_parameters.values()):,}" for end in (min, max))
        if self.kind == "parameters":
            counts = smallest if smallest == largest else f"{smallest} to {largest}"
            return f"matched parameters ({counts}, within {100 * self.mismatch:.2f}%)"
        return f"neither hidden size (H = {sizes}) nor parameters ({smallest}-{largest}) matched"


def matchings(jobs: Sequence[JobPlan]) -> list[Matching]:
    """Return the comparisons that the cells of one task allow: by hidden size first, then by parameters.

    A comparison has at least two cells; one whose cells are all in another is left out. Where a cell is in none, a
    comparison of all cells, matched in nothing, follows: so every cell is in at least one.
    """
    longest = {job.cell: job for job in sorted(jobs, key=lambda job: job.lag)}
    sizes = {job.cell: longest[job.cell].hidden_size for job in jobs}
    totals = {cell: longest[cell].n_parameters for cell in sizes}

    def matching(kind: Literal["hidden size", "parameters", "nothing"], cells: Collection[str]) -> Matching:
        return Matching(kind, *({cell: n for cell, n in counts.items() if cell in cells} for counts in (sizes, totals)))

    by_size = [{cell for cell in sizes if sizes[cell] == size} for size in dict.fromkeys(sizes.values())]
    alike = [matching("hidden size", cells) for cells in by_size if len(cells) > 1]
    alike += [matching("parameters", cells) for cells in _alike(totals) if len({sizes[cell] for cell in cells}) > 1]
    whole = [match for match in alike if not any(set(match.cells) < set(other.cells) for other in alike)]
    is_complete = {cell for match in whole for cell in match.cells} == set(sizes)
    return whole if is_complete else [*whole, matching("nothing", sizes)]


def _alike(totals: Mapping[str, int]) -> Iterator[set[str]]:
    """Yield sets of cells whose parameters are within 1% of one number, the largest set first.

    The number is that of one of the cells, to which the others were matched, or lies midway between those of two, where
    all were matched to a requested number.
    """
    unassigned = dict(totals)
    while unassigned:
        counts = list(unassigned.values())
        centres = [*counts, *((a + b) / 2 for a, b in combinations(counts, 2))]
        near = [{cell for cell, n in unassigned.items() if abs(n / c - 1) <= MATCHED_WITHIN} for c in centres]
        most = max(near, key=len)
        yield most
        unassigned = {cell: n for cell, n in unassigned.items() if cell not in most}


def matched_parameters(jobs: Sequence[JobPlan]) -> str:
    """Return a sentence on which cells have matched parameters, and how far they differ; "" where none were matched."""
    sentences = [_misses(match) for match in matchings(jobs) if match.kind == "parameters"]
    return f"Matched parameters: {'; '.join(sentences)}." if sentences else ""


def _misses(matching: Matching) -> str:
    first = matching.cells[0]
    n_first = matching.n_parameters[first]
    missed: dict[str, list[str]] = defaultdict(list)
    for cell, n in matching.n_parameters.items():
        if matching.hidden_sizes[cell] != matching.hidden_sizes[first]:
            missed[f"{100 * abs(n / n_first - 1):.2f}% {'more' if n >= n_first else 'fewer'}"].append(cell)
    clauses = [f"{listed(cells)} {'has' if len(cells) == 1 else 'have'} {share}" for share, cells in missed.items()]
    return f"{listed(clauses)} than {first} ({n_first:,})"
