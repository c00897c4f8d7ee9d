"""The next lag to train at in a search for a cell's span, chosen from the packs of members that have ended.

Bayesian adaptive estimation of a psychometric function, as in QUEST (Watson & Pelli 1983) and Psi (Kontsevich & Tyler
1999), with the slope as a nuisance parameter and the information taken per unit of cost.

Simulated with the defaults, a shortest lag of 1, T50 log-uniform over 2 .. 512: how often the 95% interval that
`learned_span` gives at the end holds T50, and its median width in octaves; what a search costs, in members at T50 that
take the whole budget; its members. With 1, 2 and 4 packs in flight, of 1000, 300 and 200 searches.

       s  coverage             width             cost              members
    0.05  0.997 0.997 0.985    0.46 0.41 0.38    15.2 18.8 24.9    22 25 34
     0.1  0.986 0.987 0.995    0.50 0.45 0.41    18.3 20.7 25.9    25 28 35
     0.3  0.962 0.940 0.935    0.67 0.70 0.77    27.2 29.5 30.1    36 37 39
     0.6  0.933 0.930 0.940    1.26 1.26 1.38    30.3 31.3 29.2    39 39 40
     1.0  0.931 0.917 0.925    1.71 1.76 1.78    30.7 32.5 28.0    40 40 40
     1.5  0.882 0.897 0.855    1.96 2.03 2.02    29.7 29.9 24.4    40 40 40
     2.0  0.836 0.867 0.805    2.14 2.17 2.22    30.1 31.1 24.4    40 40 40

The prior gives s near 2 octaves little weight, and lags near T50 say little about s: so intervals are too narrow there.
A criterion that counts information about s too, costs taken to the power 0 or 0.5, and more members did not help. A
prior up to s = 3 octaves, here (`widest`) and in the report's posterior, does. With 1 pack in flight, of 500 searches:

       s  0.05   0.1    0.3    0.6    1.0    1.5    2.0
          0.996  0.994  0.952  0.916  0.938  0.914  0.920   coverage
          0.46   0.50   0.67   1.30   2.06   2.56   2.93    width
          15.3   18.6   27.7   30.1   33.9   34.2   36.1    cost

Coverage is above 0.99 at a steep slope, since the search ends while the lags on both sides of T50 are a quarter octave
or more apart, and the interval holds all between them. With a precision of 1.2 and 80 members it was 0.98, 0.96 and
0.92 at s = 0.05, 0.1 and 0.3, for widths of 0.24, 0.24 and 0.37.

Against grids of 5 members a lag, 1 pack in flight, 100 searches of each kind: the grid 1, 2, 3, 4, 8, 16, 24, 32 with
T50 in 2 .. 22, and 2, 4, 8 ... 512 with T50 in 3 .. 360. Widths are those of the grid, of the search, and of a search
that stops only at the cost of the grid or at 80 members; the cost is that of the search over that of the grid (median).

          1, 2, 3 ... 32                2, 4 ... 512
       s  width              cost       width              cost
    0.05  0.80  0.47  0.16   0.30       0.82  0.46  0.12   0.12
     0.1  0.80  0.49  0.17   0.36       0.82  0.49  0.15   0.13
     0.3  0.90  0.70  0.44   0.62       1.00  0.76  0.42   0.18
     0.6  1.28  1.26  0.93   0.66       1.49  1.34  0.84   0.22
     1.0  1.83  1.63  1.39   0.72       1.97  1.81  1.23   0.29
     1.5  2.16  1.86  1.56   0.75       2.30  2.04  1.56   0.22
     2.0  2.25  1.90  1.55   0.62       2.55  2.33  1.58   0.22

`python tests/analysis/span_search_coverage.py` reproduces all but the figures for a precision of 1.2, and describes the
model of how members solve.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from lstm_bench.analysis.memory_span import WIDTHS, prior_of
from lstm_bench.analysis.span_information import PACK, Array, Counts, Grid, information
from lstm_bench.lag_grid import first_lag, quarter_octaves

AHEAD = 4  # times the longest lag of a pack that has ended: how far a pack may go
AT_END = 4  # members at the shortest or longest lag before T50 is said to lie beyond it
SHARE_UNKNOWN = 0.5  # of the budget: what solving is assumed to take, until a member has solved
Reason = Literal["climb", "reach", "refine", "precision", "max_lag", "smallest lag", "members", "core_hours"]


@dataclass(frozen=True)
class Pack:
    """A pack that has ended.

    Attributes:
        lag: in steps.
        attempts: members that ran to their end, solved or not; failed members are not attempts.
        shares: the share of the budget that each member that solved took to solve.
        core_hours: core-hours that the pack took, its failed members and its tuning included.
    """

    lag: int
    attempts: int
    shares: tuple[float, ...]
    core_hours: float = 0.0


@dataclass(frozen=True)
class SpanSearch:
    """The range and the grid of a search, and when it stops.

    Attributes:
        smallest: the task's shortest lag, in steps.
        max_lag: the longest lag that may be tried.
        length: steps of a sequence at a lag, which the cost of a training step is proportional to.
        precision: stop where the 95% interval is narrower, from end to end, than this factor.
        members: stop where no further pack of two fits into this many members.
        core_hours: stop where the packs that have ended took this many core-hours.
        points_per_octave: cells an octave of the grid of log2 T50 that decisions are made on.
        widths: cells of the grid of ln s.
        widest: the largest s of the prior, in octaves.
    """

    smallest: int
    max_lag: int
    length: Callable[[int], float]
    precision: float = 1.5
    members: int = 40
    core_hours: float = math.inf
    points_per_octave: int = 16
    widths: int = 17
    widest: float = WIDTHS[1]

    @property
    def first_lag(self) -> int:
        """The lag of the first pack."""
        return first_lag(self.smallest, self.max_lag)


@dataclass(frozen=True)
class Decision:
    """The lag of the next pack and what it is for, or None and why the search stops.

    `median`, `low` and `high` are T50, in steps, and its central 95% interval, from the packs whose results it uses.
    The prior reaches half an octave beyond `max_lag`.
    """

    lag: int | None
    reason: Reason
    median: float
    low: float
    high: float


def next_pack(lags: Sequence[int], ended: Mapping[int, Pack], depth: int, search: SpanSearch) -> Decision | None:
    """Return the decision for the pack after those begun, or None while it waits for one of them to end.

    Packs are numbered in the order in which they begin. With `depth` packs in flight, pack j is chosen by the results
    of the packs 0 .. j - depth and the lags of those in between, whichever of these have ended. Where those results say
    to stop, it waits for the next pack in flight, until all have ended: so the sequence of lags is a function of the
    results alone, and not of their timing.

    Args:
        lags: of the packs begun, in order.
        ended: packs that have ended, by number.
        depth: packs in flight at a time, 1 or more; beyond 4 the climb uses up the members.
        search: what is searched.
    """
    for known in range(max(len(lags) - depth + 1, 0), len(lags) + 1):
        if any(number not in ended for number in range(known)):
            return None
        decision = next_lag([ended[number] for number in range(known)], lags[known:], search)
        if decision.lag is not None:
            break
    return decision


def next_lag(done: Sequence[Pack], pending: Sequence[int], search: SpanSearch) -> Decision:
    """Return where to train the next pack, or why to stop; the order of `done` and of `pending` does not matter.

    - *climb*: the first pack is at the task's shortest lag, or at 4 where that is shorter. While half or more solve at
      the longest lag known, the next is an octave above it.
    - *refine*: else the lag with the largest I(solved; T50) / expected cost, with I the mean over the outcomes of the
      packs in flight, among quarter octaves up to two octaves above the longest lag known. The cost is
      length(lag) x (P(unsolved) + P(solved) x the mean share of the budget that solving took so far).
    - *reach*: once half of the members have begun, a lag an octave outside all others where the 95% interval ends more
      than half an octave outside them, since `learned_span` allows no T50 there.

    It stops by *precision* where the 95% interval is narrow and lies between the shortest and the longest lag known,
    with more than half solving at the one and fewer than half at the other; by *max_lag* (*smallest lag*) where, of 4
    or more members at that lag, half or more (half or fewer) solve, and T50 lies beyond by its median, or its interval
    is narrow; by *members* or *core_hours* where these are used up.

    The cost of tuning a learning rate is left out. With tuning that costs as much as 5 or 20 whole members at every new
    octave, searches that counted it cost the same, within 2%, as those that did not: the climb visits the octaves
    anyway.
    """
    return _next_lag(tuple(done), tuple(pending), search)


@lru_cache(maxsize=512)  # whenever a pack ends, the search is replayed from its start
def _next_lag(done: tuple[Pack, ...], pending: tuple[int, ...], search: SpanSearch) -> Decision:
    counts = _counts(done)
    grid, candidates, p = _grid(search)
    posterior = grid.posterior(counts)
    low, median, high = grid.quantiles(posterior)

    def decision(lag: int | None, reason: Reason) -> Decision:
        return Decision(lag, reason, median, low, high)

    end = _end(counts, low, median, high, search) if counts else None
    if end:
        return decision(None, end)
    begun = PACK * (len(done) + len(pending))
    if begun + PACK > search.members:
        return decision(None, "members")
    if math.fsum(pack.core_hours for pack in done) >= search.core_hours:
        return decision(None, "core_hours")
    target = _climb(counts, pending, search)
    if target:
        return decision(_nearest(target, candidates), "climb")
    target = _reach(counts, pending, low, high, search) if 2 * begun >= search.members else None
    if target:
        return decision(_nearest(target, candidates), "reach")
    within = [i for i, lag in enumerate(candidates) if lag <= AHEAD * max(counts, default=search.first_lag)]
    gain = sum(weight * information(after, p[within]) for weight, after in grid.outcomes(posterior, sorted(pending)))
    cost = _cost([candidates[i] for i in within], (p[within] * posterior).sum(axis=(1, 2)), done, search)
    return decision(candidates[within[int(np.argmax(gain / cost))]], "refine")


def _counts(done: Sequence[Pack]) -> Counts:
    solved: Counter[int] = Counter()
    attempts: Counter[int] = Counter()
    for pack in done:
        solved[pack.lag] += len(pack.shares)
        attempts[pack.lag] += pack.attempts
    return {lag: (solved[lag], n) for lag, n in sorted(attempts.items()) if n > 0}


@lru_cache(maxsize=8)
def _grid(search: SpanSearch) -> tuple[Grid, list[int], Array]:
    """Return the grid, the candidate lags, ascending, and p at each of them in each cell of the grid, [lag, T50, s]."""
    grid = Grid.between(search.smallest, search.max_lag, search.points_per_octave, search.widths, search.widest)
    candidates = quarter_octaves(search.smallest, search.max_lag)
    return grid, candidates, grid.solve_probability(candidates)


def _end(counts: Counts, low: float, median: float, high: float, search: SpanSearch) -> Reason | None:
    """Return the reason to stop that the packs that have ended give, None where they give none."""
    (first, (k_first, n_first)), *_ = counts.items()
    *_, (last, (k_last, n_last)) = counts.items()
    narrow = high < search.precision * low
    above, below = 2 * k_last >= n_last, 2 * k_first <= n_first  # `cut_off` of `learned_span`
    if above and last == search.max_lag and n_last >= AT_END and (narrow or median >= last):
        return "max_lag"
    if below and first == search.smallest and n_first >= AT_END and (narrow or median <= first):
        return "smallest lag"
    inside = (first <= low or first == search.smallest) and (high <= last or last == search.max_lag)
    return "precision" if narrow and inside and not above and not below else None


def _climb(counts: Counts, pending: Sequence[int], search: SpanSearch) -> float | None:
    """Return the first lag, or twice the longest known if half or more solve it and no pack is beyond it, or None."""
    tried = {*counts, *pending}
    if not tried:
        return search.first_lag
    last, known = max(tried), max(counts, default=search.first_lag)
    solved, attempts = counts.get(known, (1, 1))
    return 2 * last if 2 * solved >= attempts and last <= known and last < search.max_lag else None


def _reach(counts: Counts, pending: Sequence[int], low: float, high: float, search: SpanSearch) -> float | None:
    """Return a lag an octave beyond all others if the interval ends outside the prior of `learned_span`, else None."""
    tried = {*counts, *pending}
    first, last = min(tried), max(tried)
    least, greatest = prior_of(first, last)
    if math.log2(high) > greatest and last not in pending and last < search.max_lag:
        return 2 * last
    if math.log2(low) < least and first not in pending and first > search.smallest:
        return first / 2
    return None


def _nearest(lag: float, candidates: Sequence[int]) -> int:
    return min(candidates, key=lambda candidate: abs(candidate - lag))


def _cost(lags: Sequence[int], solving: Array, done: Sequence[Pack], search: SpanSearch) -> Array:
    """Return the expected cost of a pack at each lag: members x length(lag) x expected share of the budget."""
    shares = [share for pack in done for share in pack.shares]
    share = math.fsum(shares) / len(shares) if shares else SHARE_UNKNOWN
    return PACK * np.array([search.length(lag) for lag in lags]) * (1 - solving * (1 - share))
