"""The ratio of a cell's span within the whole budget to its span within a part of it, for the same members."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from lstm_bench.analysis.memory_span import WIDTHS, SpanRatio, learned_span, prior_of, solve_probability
from lstm_bench.analysis.statistics import TAILS

RESAMPLES = 1000
GRID_T50, GRID_WIDTH = 161, 13  # of T50 and of s: coarser than `learned_span`'s, for all resamples at once
TRAPEZOID = np.array([0.5, *[1.0] * (GRID_WIDTH - 2), 0.5], dtype=np.float32)  # the rule's weights along s
Array = NDArray[np.float64]
Counts = NDArray[np.int64]


def span_growth(
    lags: Sequence[int], solved_early: Sequence[int], solved: Sequence[int], attempts: Sequence[int]
) -> SpanRatio:
    """Return T50 within the whole budget over T50 within a part of it, with a paired 95% interval.

    The middle is the ratio of the two posterior medians. The interval is the percentile bootstrap of that ratio over
    1,000 resamples: the members of each lag are drawn anew, with replacement, each with both of its outcomes, which is
    a multinomial draw of those that solved early, late and never. It is the same at every call. A resample in which
    every member solves has the longest lag for its T50, one in which none does the shortest, as in `learned_span`.

    Simulated with 5 (10) members at the lags 2, 3, 4, 6, 8, 12, ... 64, log-normal times with a median of lag^a and a
    spread of 0.25 to 1, an evaluation every 25th of the budget, 100 studies a figure. The growth is that of the last
    evaluation within the half. "Flagged" is the share of studies with a middle above 1.1 and the interval above 1.

           a  growth  interval holds it           flagged
        0.85    2.37  0.88-0.89 (0.89-0.94)  1.00      (1.00)
         1.5    1.63  0.83-0.92 (0.87-0.94)  0.90-0.99 (1.00)
           3    1.28  0.80-0.90 (0.93-0.94)  0.52-0.58 (0.96-0.97)
         7.3    1.11  0.67      (0.79)       0.18      (0.41)

    So the interval is too narrow for few members: it ignores that T50 may lie anywhere between two lags, and growth
    between two lags leaves the ratio at 1. Where members solve within a quarter of the budget or never, none of 600
    such studies was flagged.

    `bound` is ">=" where the lags only bound one of the spans, "?" where they bound both on the same side, or where one
    lag alone was tried.

    Args:
        lags: in steps, in any order, each once.
        solved_early: members that solved within the part.
        solved: members that solved within the whole, those of the part among them.
        attempts: members that ran to their end.
    """
    early, whole = learned_span(lags, solved_early, attempts), learned_span(lags, solved, attempts)
    is_known = whole.outcome in ("fitted", "above") and early.outcome in ("fitted", "below")
    if not is_known:
        return SpanRatio(math.nan, math.nan, math.nan, "?")
    ratio = whole.median / early.median
    low, high = _interval(*(np.array(counts) for counts in (lags, solved_early, solved, attempts)))
    if whole.outcome != "fitted" or early.outcome != "fitted":
        return SpanRatio(ratio, min(low, ratio), math.inf, ">=")
    return SpanRatio(ratio, min(low, ratio), max(high, ratio), "")


def _interval(lags: Counts, solved_early: Counts, solved: Counts, attempts: Counts) -> tuple[float, float]:
    """Return the central 95% of the ratio over resamples of the members."""
    order = np.argsort(lags)
    tried = order[attempts[order] > 0]
    drawn = _resamples(solved_early[tried], solved[tried], attempts[tried])
    log2_t50 = [_log2_t50(lags[tried], counts, attempts[tried]) for counts in drawn]
    low, high = np.exp2(np.quantile(log2_t50[1] - log2_t50[0], TAILS))
    return float(low), float(high)


def _resamples(solved_early: Counts, solved: Counts, attempts: Counts) -> tuple[Counts, Counts]:
    """Return how many members of each resample solved early, and how many at all, [RESAMPLES, lag]."""
    rng = np.random.default_rng(0)
    kinds = np.stack([solved_early, solved - solved_early, attempts - solved], axis=1)
    shares = kinds / attempts[:, None]
    drawn = np.stack([rng.multinomial(n, share, RESAMPLES) for n, share in zip(attempts, shares, strict=True)], axis=1)
    early = drawn[..., 0]
    return early, early + drawn[..., 1]


def _log2_t50(lags: Counts, solved: Counts, attempts: Counts) -> Array:
    """Return log2 of the median T50 of `learned_span` for each resample of counts [resample, lag], lags ascending.

    The log-likelihood is linear in the counts, so that one product of matrices has all resamples.
    """
    outcomes, outcome_of = np.unique(solved, axis=0, return_inverse=True)
    log2_t50 = np.linspace(*prior_of(int(lags[0]), int(lags[-1])), GRID_T50)
    p = solve_probability(lags[:, None, None].astype(float), log2_t50[:, None], np.geomspace(*WIDTHS, GRID_WIDTH))
    ln_odds, ln_unsolved = (ln.reshape(len(lags), -1).astype(np.float32) for ln in (logit(p), np.log1p(-p)))
    ln_likelihood = outcomes.astype(np.float32) @ ln_odds + attempts.astype(np.float32) @ ln_unsolved
    density = np.exp(ln_likelihood - ln_likelihood.max(axis=1, keepdims=True)).reshape(-1, *p.shape[1:])
    medians = _medians(density @ TRAPEZOID, log2_t50)
    medians[(outcomes == attempts).all(axis=1)] = math.log2(lags[-1])
    medians[(outcomes == 0).all(axis=1)] = math.log2(lags[0])
    return np.asarray(medians[outcome_of.reshape(-1)])


def _medians(density: NDArray[np.float32], grid: Array) -> Array:
    """Return the median of each density [resample, grid], interpolated linearly within a step of the grid."""
    pieces = (density[:, 1:] + density[:, :-1]).astype(float)
    below = np.cumsum(pieces, axis=1)
    half = below[:, -1:] / 2
    place = np.argmax(below >= half, axis=1)[:, None]
    beyond, piece = (np.take_along_axis(values, place, axis=1) for values in (below - half, pieces))
    share = 1 - beyond / piece
    return np.asarray(grid[0] + (place + share)[:, 0] * (grid[1] - grid[0]))
