"""How the time to solve grows with the lag: a power law fitted to censored times."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import log_ndtr

from lstm_bench.analysis.statistics import TAILS, UNKNOWN, Interval

RIDGE = 1e-4  # on 1 / sigma: 0.0002 of ln likelihood where sigma is a half
LEAST_SPREAD = 0.1  # the smallest sigma that a fit starts from
MOST_STEPS, SMALL_GAIN = 100, 1e-9  # of Newton's method
LN_2PI = math.log(2 * math.pi)
STEEPEST = 50.0  # beyond it a fitted exponent is discarded, and an end of an interval is inf
Array = NDArray[np.float64]


class Attempt(NamedTuple):
    """A member at a lag: it solved later than `later_than` and by `by` at the latest, which is inf where it did not."""

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

    NO_LAW as well where the likelihood has no maximum below an exponent of 50: with members that solve at once or
    never, a steeper law always fits better.

    A log-normal model of accelerated failure time, by maximum likelihood:

        ln time = b + a ln lag + sigma e, e standard normal.

    A member that solved contributes the probability of its interval between two evaluations, one that did not that of
    the time beyond its budget: no member is dropped.

    The interval holds the exponents whose profile likelihood, maximal over b and sigma, falls short of the best by at
    most m/2 ln(1 + t^2 / (m - 2)), with m the members that solved and t the 97.5% quantile of Student's t with m - 2
    degrees of freedom. Where all times are known this is the interval of least squares, and for many members the
    usual 3.84 / 2. Its ends are NaN for fewer than three members that solved.

    Simulated with 5 and 10 members at 8 to 11 lags, exponents from 0.85 to 7.3 and sigma from 0.25 to 1, it holds the
    exponent in 0.92 to 0.98 of 100 studies each, with up to two thirds of the members unsolved.

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
    if abs(exponent) > STEEPEST:
        return NO_LAW
    m = likelihood.solved
    if m < 3:
        return PowerLaw(Interval(exponent, math.nan, math.nan), intercept, spread)
    t = float(stats.t.ppf(TAILS[1], m - 2))
    least = likelihood.profile(exponent) - m / 2 * math.log1p(t**2 / (m - 2))
    low, high = (_end(likelihood, exponent, least, sign) for sign in (-1, 1))
    return PowerLaw(Interval(exponent, low, high), intercept, spread)


def _end(likelihood: "_Likelihood", exponent: float, least: float, sign: int) -> float:
    """Return the exponent below (sign -1) or above (1) the best at which the profile likelihood is `least`."""
    inside, step = exponent, 0.1
    while likelihood.profile(outside := exponent + sign * step) > least:
        inside, step = outside, 2 * step
        if step > STEEPEST:
            return sign * math.inf
    return float(optimize.brentq(lambda a: likelihood.profile(a) - least, inside, outside, xtol=1e-3))


class _Likelihood:
    """ln of the likelihood, with z = tau (ln time - a ln lag) - alpha, tau = 1 / sigma and alpha = b / sigma.

    It is concave in (alpha, a tau, tau), so that Newton's steps find the maximum from anywhere (Burridge 1981). Where
    all times lie on one power law it grows with tau without bound, which RIDGE prevents.
    """

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        lags, low, high = np.array(attempts, dtype=float).T
        self.ln_lag = np.log(lags)
        self.has_low, self.has_high = low > 0, np.isfinite(high)
        self.ln_low = np.log(np.where(self.has_low, low, 1.0))
        self.ln_high = np.log(np.where(self.has_high, high, 1.0))
        self.solved = int(self.has_high.sum())

    def best(self) -> tuple[float, float, float]:
        """Return the exponent, the intercept and the spread of the largest likelihood."""
        (alpha, slope, tau), _ = self._maximum(np.column_stack([np.ones_like(self.ln_lag), self.ln_lag]), 0.0)
        return float(slope / tau), float(alpha / tau), float(1 / tau)

    def profile(self, exponent: float) -> float:
        """Return the largest ln of the likelihood with this exponent."""
        return self._maximum(np.ones((len(self.ln_lag), 1)), exponent)[1]

    def _maximum(self, terms: Array, exponent: float) -> tuple[Array, float]:
        """Return the coefficients of the columns of `terms` [member, column], followed by tau, and the maximum.

        z = tau (ln time - exponent * ln lag) - terms @ coefficients.
        """
        low, high = (ln_time - exponent * self.ln_lag for ln_time in (self.ln_low, self.ln_high))
        design = np.stack([np.column_stack([-terms, low]), np.column_stack([-terms, high])])
        known = np.where(self.has_high, high, low)
        place = np.zeros(design.shape[-1])
        place[-1] = 1 / max(LEAST_SPREAD, float(known.std()))  # so that no z is far out
        place[0] = place[-1] * known.mean()
        value = self._value(design, place)
        for _ in range(MOST_STEPS):
            gradient, curvature = self._derivatives(design, place)
            step = np.linalg.lstsq(curvature, gradient)[0]
            if gradient @ step < SMALL_GAIN:
                break
            while not (ahead := self._value(design, place + step)) >= value:
                step = step / 2
            place, value = place + step, ahead
        return place, value

    def _value(self, design: Array, place: Array) -> float:
        if place[-1] <= 0:
            return -math.inf
        return float(_ln_probability(*self._ends(design, place)).sum() - RIDGE / 2 * place[-1] ** 2)

    def _ends(self, design: Array, place: Array) -> tuple[Array, Array]:
        low, high = design @ place
        return np.where(self.has_low, low, -np.inf), np.where(self.has_high, high, np.inf)

    def _derivatives(self, design: Array, place: Array) -> tuple[Array, Array]:
        """Return the gradient and the negative Hessian."""
        low, high = self._ends(design, place)
        ln_p = _ln_probability(low, high)
        by_low, by_high = (sign * np.exp(-0.5 * (z**2 + LN_2PI) - ln_p) for sign, z in ((-1, low), (1, high)))
        gradient = design[0].T @ by_low + design[1].T @ by_high
        low, high = np.where(self.has_low, low, 0.0), np.where(self.has_high, high, 0.0)  # where the density is 0
        cross = design[0].T @ (by_low * by_high * design[1].T).T
        curvature = cross + cross.T
        for matrix, by, z in ((design[0], by_low, low), (design[1], by_high, high)):
            curvature += matrix.T @ ((z + by) * by * matrix.T).T
        gradient[-1] -= RIDGE * place[-1]
        curvature[-1, -1] += RIDGE
        return gradient, curvature


def _ln_probability(low: Array, high: Array) -> Array:
    """Return ln(Phi(high) - Phi(low)), exact far out in both tails."""
    is_right = low > 0  # then mirrored into the left tail, where Phi is not rounded to 1
    left, right = np.where(is_right, -high, low), np.where(is_right, -low, high)
    ln_right = log_ndtr(right)
    return np.asarray(ln_right + np.log1p(-np.exp(np.minimum(log_ndtr(left) - ln_right, -1e-300))))
