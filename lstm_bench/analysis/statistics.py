"""Intervals: for a share, for a few numbers, and for times of which some are only known to be longer."""

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
SIGNIFICANT = 0.05
TAILS = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
RESAMPLES = 10_000


class Interval(NamedTuple):
    """A middle value and the ends of an interval around it; NaN where nothing is known, inf where it is open."""

    middle: float
    low: float
    high: float


UNKNOWN = Interval(math.nan, math.nan, math.nan)


def wilson(successes: int, n: int) -> Interval:
    """Return a share with its 95% Wilson score interval; unknown for n = 0.

    With p = successes / n and z = 1.96: (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).
    Source: Wilson 1927; Brown, Cai & DasGupta 2001 advise it for small n.
    """
    if n == 0:
        return UNKNOWN
    low, high = stats.binomtest(successes, n).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(successes / n, float(low), float(high))


def quartiles(values: Sequence[float]) -> Interval:
    """Return median, lower and upper quartile (linear between order statistics) of the finite values."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return UNKNOWN
    low, middle, high = np.quantile(finite, (0.25, 0.5, 0.75))
    return Interval(float(middle), float(low), float(high))


def geometric_mean(values: Sequence[float]) -> Interval:
    """Return the geometric mean of the finite values with its 95% interval from Student's t on their logarithms.

    With m and sd the mean and standard deviation of ln x over n values: exp(m +- t(0.975, n - 1) sd / sqrt(n)). An end
    beyond the range of a float is 0 or inf. One value has NaN for ends, none is unknown. A value of exactly 0 makes
    the mean 0 whatever the others are, with NaN for ends: its logarithm is -inf and has no spread.

    Raises:
        ValueError: a value is negative.
    """
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return UNKNOWN
    if finite.min() < 0:
        raise ValueError(f"a geometric mean takes no negative value: {finite.min():g}")
    if finite.min() == 0:
        return Interval(0.0, math.nan, math.nan)
    logarithms = np.log(finite)
    middle, n = logarithms.mean(), len(logarithms)
    if n == 1:
        return Interval(float(finite[0]), math.nan, math.nan)
    half = stats.t.ppf(TAILS[1], n - 1) * logarithms.std(ddof=1) / math.sqrt(n)
    with np.errstate(over="ignore", under="ignore"):
        return Interval(float(np.exp(middle)), float(np.exp(middle - half)), float(np.exp(middle + half)))


def interquartile_mean(values: Sequence[float], strata: Sequence[str | int] | None = None) -> Interval:
    """Return the mean of the middle half of all values with its 95% percentile bootstrap interval.

    A quarter of the n values, rounded down, is cut off at each end: for n = 5 one, for n < 4 none. NaN is ignored; inf
    is a value, which the cut may take away. The interval holds the middle 95% of 10,000 resamples, each of which draws
    every stratum anew from itself, with replacement. It is the same at every call and in every order of the values.
    NaN for ends where no stratum has two values.

    It is too narrow for few values: simulated with normal ones it holds the true mean in 0.89 of samples of 5, 0.93 of
    10, 0.95 of 40, and in 0.92 of 5 strata of 5 each.

    Source: Agarwal et al. 2021, Deep reinforcement learning at the edge of the statistical precipice.

    Args:
        values: one for each member.
        strata: the stratum that each value belongs to, such as its task or its lag; one stratum if left out.

    Raises:
        ValueError: not as many strata as values.
    """
    every = np.asarray(values, dtype=float)
    stratum = np.zeros(len(every), dtype=int) if strata is None else np.asarray(strata)
    if len(stratum) != len(every):
        raise ValueError(f"{len(every)} values, but {len(stratum)} strata")
    known = ~np.isnan(every)
    every, stratum = every[known], stratum[known]
    if not len(every):
        return UNKNOWN
    middle = float(stats.trim_mean(every, 0.25))
    groups = [np.sort(every[stratum == name]) for name in np.unique(stratum)]
    if max(map(len, groups)) == 1:
        return Interval(middle, math.nan, math.nan)
    rng = np.random.default_rng(0)
    resamples = np.hstack([rng.choice(group, (RESAMPLES, len(group))) for group in groups])
    means = stats.trim_mean(resamples, 0.25, axis=1)
    low, high = np.quantile(means, TAILS, method="inverted_cdf")  # no line is drawn between finite and inf
    return Interval(middle, float(low), float(high))


def median_time(solved_at: Sequence[float], unsolved_until: Sequence[float]) -> Interval:
    """Return the Kaplan-Meier median of a time to solve, in the unit given, with its 95% log-log interval.

    The median is the first time at which the estimated share still unsolved is at most one half, inf where it stays
    above. The interval holds the times at which the pointwise interval of that share, symmetric in ln(-ln S), covers
    one half (Brookmeyer & Crowley 1982); its upper end is inf where the upper curve never comes down to one half,
    which is usual for few members. The lower end is NaN where all solve at one time, which leaves no curve to bound.

    Args:
        solved_at: times of the members that solved.
        unsolved_until: how long the others were watched; they count as at risk until then, and are never dropped.
    """
    if not len(solved_at):
        return Interval(math.inf, math.inf, math.inf) if len(unsolved_until) else UNKNOWN
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the limits are undefined where S is 1 or 0
        survival = stats.ecdf(stats.CensoredData(uncensored=solved_at, right=unsolved_until)).sf
        limits: Any = survival.confidence_interval(CONFIDENCE, method="log-log")
        times = np.asarray(survival.quantiles, dtype=float)
        curves = (survival.probabilities, limits.low.probabilities, limits.high.probabilities)
    middle, low, high = (_first_at_half(times, np.asarray(curve)) for curve in curves)
    return Interval(middle, math.nan if low > middle else low, high)


def _first_at_half(times: np.ndarray, curve: np.ndarray) -> float:
    below = np.flatnonzero(curve <= 0.5)
    return float(times[below[0]]) if len(below) else math.inf


def smallest_p_value(n_a: int, n_b: int) -> float:
    """Return the smallest two-sided p that an exact rank test of so many members can reach: 2 / C(a + b, a)."""
    return min(1.0, 2 / math.comb(n_a + n_b, n_a))


def too_few_note(n_a: int, n_b: int) -> str:
    """Return a sentence where no difference could be significant whatever the members did, else nothing."""
    p = smallest_p_value(n_a, n_b)
    if p < SIGNIFICANT:
        return ""
    a_side = f"{n_a} members a side" if n_a == n_b else f"{n_a} against {n_b} members"
    return f"With {a_side} no difference at a single lag can be significant (the smallest possible p is {p:.2g})."
