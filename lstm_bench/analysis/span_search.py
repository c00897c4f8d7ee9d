"""Where to train next to learn a cell's span: lags chosen a pack of members at a time, from the packs that have ended.

Bayesian adaptive estimation of a psychometric function, as in QUEST (Watson & Pelli 1983) and Psi (Kontsevich & Tyler
1999), with the slope as a nuisance parameter and the information taken per unit of cost.
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

FIRST_LAG = 4  # shorter lags are left out at first: they cost little to come back to
LAGS_PER_OCTAVE = 4
AHEAD = 4  # times the longest lag of a pack that has ended: how far a pack may go
AT_END = 4  # members at the shortest or longest lag before T50 is said to lie beyond it
SHARE_UNKNOWN = 0.5  # of the budget, that solving takes, until a member has solved
Reason = Literal["climb", "reach", "refine", "precision", "max_lag", "smallest lag", "members", "core_hours"]


@dataclass(frozen=True)
class Pack:
    """A pack that has ended.

    Attributes:
        lag: in steps.
        attempts: members that ran to their end, solved or not; failed members are not attempts.
        shares: of the budget, that each member that solved took to solve.
        core_hours: that the pack took, its failed members and its tuning included.
    """

    lag: int
    attempts: int
    shares: tuple[float, ...]
    core_hours: float = 0.0


@dataclass(frozen=True)
class SpanSearch:
    """What is searched, and when to stop.

    Attributes:
        smallest: the task's shortest lag, in steps.
        max_lag: the longest lag that may be tried.
        length: steps of a sequence at a lag, which the cost of a training step is proportional to.
        precision: stop where the 95% interval is narrower, from end to end, than this factor.
        members: stop where no further pack of two fits into this many members.
        core_hours: stop where the packs that have ended took this long.
        points_per_octave: of the grid of log2 T50 that decisions are made on.
        widths: points of the grid of ln s.
        widest: the largest s that may be, in octaves.
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
        return min(max(self.smallest, FIRST_LAG), self.max_lag)


@dataclass(frozen=True)
class Decision:
    """The lag of the next pack and what it is for, or None and why the search stops.

    `median`, `low` and `high` are T50, in steps, and its central 95% interval, by the packs that the decision knows;
    the prior reaches half an octave beyond `max_lag`.
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
    stop, the next pack in flight is waited for, until all have ended: so the sequence of lags is a function of
    the results alone, and not of their timing.

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
    """Return where to train the next pack, or why to stop: a function of `done` and `pending` in any order.

    - *climb*: the first pack is at the task's shortest lag, or at 4 where that is shorter. While half or more solve at
      the longest lag known, the next is an octave above it.
    - *refine*: else the lag with the largest I(solved; T50) / expected cost, I the mean over the outcomes of the packs
      in flight, among quarter octaves up to two octaves above the longest lag known. The cost is
      length(lag) x (P(unsolved) + P(solved) x the mean share of the budget that solving took so far).
    - *reach*: once half of the members have begun, a lag an octave outside all others where the 95% interval ends more
      than half an octave outside them, since `learned_span` allows no T50 there.

    It stops by *precision* where the 95% interval is narrow and lies between the shortest and the longest lag known,
    with more than half solving at the one and fewer than half at the other; by *max_lag* (*smallest lag*) where, of 4
    or more members at that lag, half or more (half or fewer) solve, and T50 lies beyond by its median, or its interval
    is narrow; by *members* or *core_hours* where these are used up.

    The cost of tuning a learning rate is left out. With tuning as dear as 5 or 20 whole members at every new octave,
    searches that knew of it cost the same, within 2%, as those that did not: the climb visits the octaves anyway.
    """
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
    """Return the grid, the candidate lags, ascending, and p in each cell of the grid at each of them."""
    grid = Grid.between(search.smallest, search.max_lag, search.points_per_octave, search.widths, search.widest)
    down, up = (math.log2(end / search.first_lag) * LAGS_PER_OCTAVE for end in (search.smallest, search.max_lag))
    quarters = range(math.ceil(down), math.floor(up) + 1)
    inner = {round(search.first_lag * 2 ** (quarter / LAGS_PER_OCTAVE)) for quarter in quarters}
    candidates = sorted({search.smallest, search.max_lag, *inner})
    return grid, candidates, grid.solve_probability(candidates)


def _end(counts: Counts, low: float, median: float, high: float, search: SpanSearch) -> Reason | None:
    """Return why the packs that have ended are enough, if they are."""
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
    """Return an octave above all lags, where half or more solve at the longest one known and nothing is beyond it."""
    tried = {*counts, *pending}
    if not tried:
        return search.first_lag
    last, known = max(tried), max(counts, default=search.first_lag)
    solved, attempts = counts.get(known, (1, 1))
    return 2 * last if 2 * solved >= attempts and last <= known and last < search.max_lag else None


def _reach(counts: Counts, pending: Sequence[int], low: float, high: float, search: SpanSearch) -> float | None:
    """Return an octave beyond all lags on the side where the interval ends outside the prior of `learned_span`."""
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
    """Return what a pack is expected to cost at each lag, in the steps of a member that takes the whole budget."""
    shares = [share for pack in done for share in pack.shares]
    share = math.fsum(shares) / len(shares) if shares else SHARE_UNKNOWN
    return PACK * np.array([search.length(lag) for lag in lags]) * (1 - solving * (1 - share))
