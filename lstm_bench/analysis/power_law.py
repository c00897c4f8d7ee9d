"""How the steps to solve grow with the lag: a power law, from members of which some are only known not to have solved."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import log_ndtr

from lstm_bench.analysis.statistics import TAILS, UNKNOWN, Interval

LEAST_SPREAD, MOST_SPREAD = 0.02, 20.0  # sigma, in ln steps
STEEPEST = 50.0  # an exponent beyond it is open
Array = NDArray[np.float64]


class Attempt(NamedTuple):
    """A member at a lag: it solved after `later_than` steps, and not after `by`, which is inf where it did not."""

    lag: float
    later_than: float
    by: float


class PowerLaw(NamedTuple):
    """Median time = exp(`intercept`) * lag^`exponent`; `spread` is the standard deviation of ln time around it."""

    exponent: Interval
    intercept: float
    spread: float

    def median(self, lag: float) -> float:
        """Return the median time at a lag."""
        return math.exp(self.intercept + self.exponent.middle * math.log(lag))


NO_LAW = PowerLaw(UNKNOWN, math.nan, math.nan)


def fit_power_law(attempts: Sequence[Attempt]) -> PowerLaw:
    """Return the exponent a of time ~ lag^a with its 95% interval; NO_LAW where fewer than two lags were solved.

    A log-normal model of accelerated failure time, by maximum likelihood:

        ln time = b + a ln lag + sigma e, e standard normal.

    A member that solved contributes the probability of its interval between two evaluations, one that did not that of
    the time beyond its budget: nobody is dropped.

    The interval holds the exponents whose profile likelihood, maximal over b and sigma, falls short of the best by at
    most m/2 ln(1 + t^2 / (m - 2)), with m the members that solved and t the 97.5% quantile of Student's t with m - 2
    degrees of freedom. Where all times are known this is the interval of least squares, and for many members the
    usual 3.84 / 2. Its ends are NaN for fewer than three members that solved.

    Source: Kalbfleisch & Prentice 2002, The statistical analysis of failure time data, chapter 3.
    """
    solved = [attempt for attempt in attempts if math.isfinite(attempt.by)]
    if len({attempt.lag for attempt in solved}) < 2:
        return NO_LAW
    return _fitted(tuple(sorted(attempts)))


@lru_cache(maxsize=64)
def _fitted(attempts: tuple[Attempt, ...]) -> PowerLaw:
    likelihood = _Likelihood(attempts)
    exponent, intercept, spread = likelihood.best()
    m = likelihood.solved
    if m < 3:
        return PowerLaw(Interval(exponent, math.nan, math.nan), intercept, spread)
    t = float(stats.t.ppf(TAILS[1], m - 2))
    least = likelihood.profile(exponent) - m / 2 * math.log1p(t**2 / (m - 2))
    low, high = (_end(likelihood, exponent, least, sign) for sign in (-1, 1))
    return PowerLaw(Interval(exponent, low, high), intercept, spread)


def _end(likelihood: "_Likelihood", exponent: float, least: float, sign: int) -> float:
    """Return the exponent below or above the best at which the profile likelihood comes down to the least."""
    inside, step = exponent, 0.1
    while likelihood.profile(outside := exponent + sign * step) > least:
        inside, step = outside, 2 * step
        if step > STEEPEST:
            return sign * math.inf
    return float(optimize.brentq(lambda a: likelihood.profile(a) - least, inside, outside, xtol=1e-3))


class _Likelihood:
    """ln of the likelihood in alpha = b / sigma, a and tau = 1 / sigma, with z = tau (ln time - a ln lag) - alpha.

    It is concave in (alpha, a tau, tau), so that a search from anywhere finds the maximum (Burridge 1981).
    """

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        lags, low, high = np.array(attempts, dtype=float).T
        self.ln_lag = np.log(lags)
        self.likely_tau = 1.0  # where a search begins
        self.solved = int(np.isfinite(high).sum())
        self.has_low, self.has_high = low > 0, np.isfinite(high)
        self.ln_low = np.log(np.where(self.has_low, low, 1.0))
        self.ln_high = np.log(np.where(self.has_high, high, 1.0))

    def best(self) -> tuple[float, float, float]:
        """Return the exponent, the intercept and the spread of the largest likelihood."""
        terms = -np.column_stack([np.ones_like(self.ln_lag), self.ln_lag])
        alpha, slope, tau = map(float, self._maximum(terms, 0.0).x)
        self.likely_tau = tau
        return slope / tau, alpha / tau, 1 / tau

    def profile(self, exponent: float) -> float:
        """Return the largest ln of the likelihood with this exponent."""
        return -float(self._maximum(-np.ones((len(self.ln_lag), 1)), exponent).fun)

    def _maximum(self, terms: Array, exponent: float) -> optimize.OptimizeResult:
        """Maximise over the factors of the terms [member, factor] and tau in z = terms @ factors + tau (ln time - a x)."""
        low, high = self.ln_low - exponent * self.ln_lag, self.ln_high - exponent * self.ln_lag

        def negative(parameters: Array) -> tuple[float, Array]:
            factors, tau = parameters[:-1], parameters[-1]
            base = terms @ factors
            ln_p, by_low, by_high = _ln_probability(
                np.where(self.has_low, base + tau * low, -np.inf), np.where(self.has_high, base + tau * high, np.inf)
            )
            gradient = [*(terms.T @ (by_low + by_high)), (by_low * low + by_high * high).sum()]
            return -float(ln_p.sum()), -np.array(gradient)

        typical = float(np.mean(np.where(self.has_high, high, low)))
        start = np.zeros(terms.shape[1] + 1)
        start[0], start[-1] = typical * self.likely_tau, self.likely_tau
        bounds = [(None, None)] * terms.shape[1] + [(1 / MOST_SPREAD, 1 / LEAST_SPREAD)]
        return optimize.minimize(negative, start, jac=True, bounds=bounds, method="L-BFGS-B")


def _ln_probability(low: Array, high: Array) -> tuple[Array, Array, Array]:
    """Return ln(Phi(high) - Phi(low)) and its derivatives by low and by high, exact far out in both tails."""
    is_right = low > 0  # there the same on the left, where the normal distribution is not rounded to 1
    left, right = np.where(is_right, -high, low), np.where(is_right, -low, high)
    ln_right = log_ndtr(right)
    ln_p = ln_right + np.log1p(-np.exp(np.minimum(log_ndtr(left) - ln_right, -1e-300)))
    by_low, by_high = (np.exp(-0.5 * z**2 - 0.5 * math.log(2 * math.pi) - ln_p) for z in (low, high))
    return ln_p, -by_low, by_high
