"""Simulated searches for a span, without training: draws the tables of `next_lag` anew.

    python tests/analysis/span_search_coverage.py [draws [1 | 2 | 4 | wide | grids] ...]

Members solve with probability p(T) of `solve_probability`. Those that do not take the whole budget; those that do a
share of sqrt(T / T50) x U(0.5, 1), between 0.05 and 1. A cost is share x (lag + 6), the length of a copy sequence.
T50 is log-uniform. The interval is that of `learned_span`, on a coarser grid; an open one counts as it stands.
"""

import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lstm_bench.analysis.memory_span import WIDTHS, solve_probability
from lstm_bench.analysis.span_information import PACK, Counts, Grid
from lstm_bench.analysis.span_search import Decision, Pack, SpanSearch, next_pack

SLOPES = (0.05, 0.1, 0.3, 0.6, 1.0, 1.5, 2.0)
COPY_TASK = (1, 2, 3, 4, 8, 16, 24, 32)
DOUBLING = (2, 4, 8, 16, 32, 64, 128, 256, 512)
MEMBERS = 5  # of a fixed grid, at each lag


def length(lag: int) -> float:
    return lag + 6.0


SEARCH = SpanSearch(smallest=1, max_lag=2048, length=length)


@dataclass(frozen=True)
class Study:
    """One simulated study: its T50, the interval that the report gives, its cost, its members, why it ended."""

    t50: float
    low: float
    high: float
    cost: float
    members: int
    reason: str = "grid"

    @property
    def covered(self) -> bool:
        return self.low <= self.t50 <= self.high

    @property
    def octaves(self) -> float:
        return math.log2(self.high / self.low) if self.low > 0 else math.inf


def reported_interval(counts: Counts, widest: float = WIDTHS[1]) -> tuple[float, float]:
    """Return the ends of the interval of `learned_span`, within 2%."""
    first, last = min(counts), max(counts)
    if all(solved == attempts for solved, attempts in counts.values()):
        return last, math.inf
    if all(solved == 0 for solved, _ in counts.values()):
        return 0.0, first
    grid = Grid.between(first, last, 32, 33, widest)
    low, _, high = grid.quantiles(grid.posterior(counts))
    return low, high


def trained(lag: int, members: int, t50: float, s: float, rng: np.random.Generator) -> Pack:
    p = float(solve_probability(np.array(float(lag)), np.array(math.log2(t50)), np.array(s)))
    solved = rng.binomial(members, p)
    shares = np.clip(math.sqrt(lag / t50) * rng.uniform(0.5, 1, solved), 0.05, 1).tolist()
    return Pack(lag, members, tuple(shares), core_hours=length(lag) * (members - solved + sum(shares)))


def study_of(packs: Sequence[Pack], t50: float, reason: str, widest: float = WIDTHS[1]) -> Study:
    solved: Counter[int] = Counter()
    attempts: Counter[int] = Counter()
    for pack in packs:
        solved[pack.lag] += len(pack.shares)
        attempts[pack.lag] += pack.attempts
    low, high = reported_interval({lag: (solved[lag], attempts[lag]) for lag in sorted(attempts)}, widest)
    return Study(t50, low, high, sum(pack.core_hours for pack in packs), attempts.total(), reason)


def searched(t50: float, s: float, depth: int, search: SpanSearch, rng: np.random.Generator) -> Study:
    """Return the study of a search that keeps `depth` packs in flight, each pack as long as the others."""
    packs: list[Pack] = []
    known = 0
    while True:
        decision: Decision | None = next_pack(
            [pack.lag for pack in packs], dict(enumerate(packs[:known])), depth, search
        )
        if decision is None:
            known += 1
        elif decision.lag is None:
            return study_of(packs, t50, decision.reason, search.widest)
        else:
            packs.append(trained(decision.lag, PACK, t50, s, rng))


def on_a_grid(t50: float, s: float, lags: Sequence[int], rng: np.random.Generator) -> Study:
    return study_of([trained(lag, MEMBERS, t50, s, rng) for lag in lags], t50, "grid")


def t50s(low: float, high: float, draws: int, rng: np.random.Generator) -> list[float]:
    return np.exp2(rng.uniform(math.log2(low), math.log2(high), draws)).tolist()


def simulated(s: float, depth: int, draws: int, search: SpanSearch = SEARCH) -> list[Study]:
    """Return searches for spans from 2 to 512 steps."""
    rng = np.random.default_rng([round(100 * s), depth])
    return [searched(t50, s, depth, search, rng) for t50 in t50s(2, 512, draws, rng)]


def summary(studies: Sequence[Study]) -> tuple[float, float, float, float]:
    """Return coverage, median width in octaves, mean cost in members at T50 with the whole budget, mean members."""
    return (
        float(np.mean([study.covered for study in studies])),
        float(np.median([study.octaves for study in studies])),
        float(np.mean([study.cost / length(round(study.t50)) for study in studies])),
        float(np.mean([study.members for study in studies])),
    )


def print_depths(draws: int, depths: Sequence[int], search: SpanSearch = SEARCH) -> None:
    print("   s  depth  coverage  octaves   cost  members  ended by")
    for s in SLOPES:
        for depth in depths:
            studies = simulated(s, depth, draws, search)
            reasons = ", ".join(f"{reason} {n}" for reason, n in Counter(each.reason for each in studies).most_common())
            numbers = "{:8.3f}  {:7.2f}  {:5.1f}  {:7.1f}".format(*summary(studies))
            print(f"{s:4}  {depth:5}  {numbers}  {reasons}", flush=True)


def print_grids(draws: int) -> None:
    print("grid            s   coverage        octaves         cost, search / grid")
    print("                    grid   search   grid   search, and at the cost of the grid")
    for name, lags, low, high in (("copy_task", COPY_TASK, 2, 22), ("doubling", DOUBLING, 3, 360)):
        for s in SLOPES:
            rng = np.random.default_rng(round(100 * s))
            spans = t50s(low, high, draws, rng)
            fixed = [on_a_grid(t50, s, lags, rng) for t50 in spans]
            auto = [searched(t50, s, 1, SEARCH, rng) for t50 in spans]
            equal = [
                searched(t50, s, 1, SpanSearch(1, 2048, length, 1.0, 80, grid.cost), rng)
                for t50, grid in zip(spans, fixed, strict=True)
            ]
            ratio = float(np.median([a.cost / f.cost for a, f in zip(auto, fixed, strict=True)]))
            (c1, w1, *_), (c2, w2, *_), (_, w3, *_) = summary(fixed), summary(auto), summary(equal)
            print(f"{name:12} {s:4}   {c1:.3f}  {c2:.3f}    {w1:.2f}   {w2:.2f}   {w3:.2f}    {ratio:.2f}", flush=True)


TABLES = {
    "1": lambda draws: print_depths(draws, [1]),
    "2": lambda draws: print_depths(draws, [2]),
    "4": lambda draws: print_depths(draws, [4]),
    "wide": lambda draws: print_depths(draws, [1], replace(SEARCH, widest=3.0)),
    "grids": print_grids,
}

if __name__ == "__main__":
    draws, *names = int(sys.argv[1]) if len(sys.argv) > 1 else 400, *sys.argv[2:]
    for name in names or TABLES:
        TABLES[name](draws)
