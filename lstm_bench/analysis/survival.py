"""Right-censored times to solve: their median, and their mean up to a horizon."""

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from lstm_bench.analysis.statistics import CONFIDENCE, TAILS, UNKNOWN, Interval


class Times(NamedTuple):
    """Times to solve of the members that solved, and how long each of the others was observed."""

    solved_at: tuple[float, ...]
    unsolved_until: tuple[float, ...]

    @property
    def n(self) -> int:
        """The number of members."""
        return len(self.solved_at) + len(self.unsolved_until)

    def up_to(self, horizon: float) -> "Times":
        """Return the same members, censored at a horizon."""
        later = sum(time > horizon for time in self.solved_at)
        watched = (min(time, horizon) for time in self.unsolved_until)
        return Times(tuple(time for time in self.solved_at if time <= horizon), (*watched, *[horizon] * later))


def median_time(solved_at: Sequence[float], unsolved_until: Sequence[float]) -> Interval:
    """Return the Kaplan-Meier median of a time to solve, in the unit given, with its 95% log-log interval.

    The median is the first time at which the estimated share still unsolved is at most one half, inf where it stays
    above. The interval holds the times at which the pointwise interval of that share, symmetric in ln(-ln S), covers
    one half (Brookmeyer & Crowley 1982); its upper end is inf where the upper curve never comes down to one half,
    which is usual for few members. The lower end is NaN where all solve at one time, which leaves no curve to bound.

    Args:
        solved_at: times of the members that solved.
        unsolved_until: how long the others were observed; they count as at risk until then, and are never dropped.
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


def restricted_mean(solved_at: Sequence[float], unsolved_until: Sequence[float], horizon: float) -> Interval:
    """Return the mean time to solve counted up to a horizon, in the unit given, with a 95% interval.

    It is the area under the Kaplan-Meier curve S from 0 to the horizon: the mean of min(time, horizon). With d_i of
    the n_i members still at risk solving at t_i, and A_i the area from t_i to the horizon, its variance is
    n / (n - 1) * sum of A_i^2 d_i / (n_i (n_i - d_i)), a term without area being 0; the interval is that of Student's
    t with n - 1 degrees of freedom, cut off at 0 and at the horizon. Where no member is censored before the horizon, as
    within one budget, that is Student's interval of the n values of min(time, horizon). Beyond the longest time
    observed the curve stays where it is.

    The ends are NaN for fewer than 2 members, and where no member solved: the mean is then the horizon, whatever the
    members would have done later. If all solve at one time the interval has no width. Without members it is unknown.
    Simulated with exponential times it holds the true mean in 0.93 of samples of 5 and 0.95 of 10 where a third of all
    members does not solve, and in 0.90 and 0.92 where 60% do not.

    Source: Klein & Moeschberger 2003, Survival Analysis, section 4.5; n / (n - 1), and t in place of the normal
    distribution, are for few members.

    Args:
        solved_at: times of the members that solved.
        unsolved_until: how long the others were observed; they count as at risk until then, and are never dropped.
        horizon: the time up to which to count.
    """
    times = Times(tuple(solved_at), tuple(unsolved_until)).up_to(horizon)
    if not times.n:
        return UNKNOWN
    mean, variance = _mean_and_variance(times, horizon)
    if not times.solved_at or times.n == 1:
        return Interval(mean, math.nan, math.nan)
    half = stats.t.ppf(TAILS[1], times.n - 1) * math.sqrt(variance)
    return Interval(mean, float(max(0.0, mean - half)), float(min(horizon, mean + half)))


def _mean_and_variance(times: Times, horizon: float) -> tuple[float, float]:
    """Return the area under the curve up to a horizon, and its variance, which is 0 for a single member."""
    if not times.solved_at:
        return horizon, 0.0
    solved_at, solved = np.unique(times.solved_at, return_counts=True)
    at_risk = (np.array([*times.solved_at, *times.unsolved_until]) >= solved_at[:, None]).sum(axis=1)
    curve = np.cumprod(1 - solved / at_risk)
    pieces = curve * np.diff([*solved_at, horizon])
    after = np.cumsum(pieces[::-1])[::-1]
    has_others = at_risk > solved
    terms = (
        after[has_others] ** 2 * solved[has_others] / (at_risk[has_others] * (at_risk[has_others] - solved[has_others]))
    )
    return float(solved_at[0] + pieces.sum()), float(terms.sum()) * times.n / max(1, times.n - 1)


def restricted_mean_ratio(a: Times, b: Times, horizon: float) -> Interval:
    """Return the restricted mean of `a` over that of `b`, with a 95% interval.

    Welch's, on logarithms: with u and v the variance of each mean over its square, exp(ln ratio +- t sqrt(u + v)) with
    (u + v)^2 / (u^2 / (n_a - 1) + v^2 / (n_b - 1)) degrees of freedom. NaN for ends where either side has none. Where
    one side alone has unsolved members their time ends at the horizon, so the ratio of full times lies further from 1.
    """
    sides = [(times.up_to(horizon), restricted_mean(*times, horizon)) for times in (a, b)]
    means = [mean.middle for _, mean in sides]
    middle = means[0] / means[1] if means[1] > 0 else math.nan
    if not all(math.isfinite(mean.low) for _, mean in sides) or not middle > 0:
        return Interval(middle, math.nan, math.nan)
    u, v = (_mean_and_variance(times, horizon)[1] / mean.middle**2 for times, mean in sides)
    if u + v == 0:
        return Interval(middle, middle, middle)
    freedom = (u + v) ** 2 / (u**2 / (a.n - 1) + v**2 / (b.n - 1))
    half = float(stats.t.ppf(TAILS[1], freedom)) * math.sqrt(u + v)
    return Interval(middle, middle * math.exp(-half), middle * math.exp(half))
