"""The power law of times to solve: against least squares, against a plain likelihood, and against known exponents."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import optimize, stats

from lstm_bench.analysis.power_law import NO_LAW, Attempt, fit_power_law

LAGS = (2, 4, 8, 16, 32)


def drawn(exponent: float, sigma: float, members: int, budget: float, every: float, seed: int) -> list[Attempt]:
    """Draw members with a median of 100 lag^exponent steps, evaluated every so many steps up to the budget."""
    rng = np.random.default_rng(seed)
    attempts = []
    for lag in LAGS:
        times = 100 * lag**exponent * np.exp(sigma * rng.standard_normal(members))
        seen = np.ceil(times / every) * every
        attempts += [Attempt(lag, by - every, by) if by <= budget else Attempt(lag, budget, math.inf) for by in seen]
    return attempts


def test_times_that_are_all_known_give_least_squares_with_its_interval() -> None:
    rng = np.random.default_rng(0)
    lags = np.repeat(LAGS, 5).astype(float)
    times = np.exp(3 + 0.85 * np.log(lags) + 0.3 * rng.standard_normal(25))
    law = fit_power_law([Attempt(lag, t * 0.999, t * 1.001) for lag, t in zip(lags, times, strict=True)])
    line = stats.linregress(np.log(lags), np.log(times))
    half = stats.t.ppf(0.975, 23) * line.stderr
    assert law.exponent == pytest.approx((line.slope, line.slope - half, line.slope + half), abs=1e-3)
    assert law.median(8.0) == pytest.approx(math.exp(line.intercept + line.slope * math.log(8)), rel=1e-3)


def plain_likelihood(attempts: Sequence[Attempt], intercept: float, exponent: float, sigma: float) -> float:
    """Return ln of the likelihood, from the distribution function of scipy's log-normal."""
    shares = [
        np.diff(stats.lognorm.cdf([low, by], sigma, scale=math.exp(intercept) * lag**exponent))[0]
        for lag, low, by in attempts
    ]
    return float(np.log(np.maximum(shares, 1e-300)).sum())


def test_censored_members_are_fitted_as_by_a_general_search() -> None:
    attempts = drawn(1.0, 0.5, 5, budget=1500, every=100, seed=1)
    assert 0.2 < np.mean([math.isinf(by) for _, _, by in attempts]) < 0.6
    law = fit_power_law(attempts)
    found = optimize.minimize(
        lambda x: -plain_likelihood(attempts, x[0], x[1], math.exp(x[2])), (4.0, 0.5, 0.0), method="Nelder-Mead",
        options={"maxiter": 2000, "xatol": 1e-6, "fatol": 1e-8},
    )  # fmt: skip
    assert [law.intercept, law.exponent.middle, law.spread] == pytest.approx(
        [found.x[0], found.x[1], math.exp(found.x[2])], rel=2e-3
    )


def test_the_ends_are_where_the_profile_likelihood_has_fallen() -> None:
    attempts = drawn(1.0, 0.5, 5, budget=1500, every=100, seed=1)
    law = fit_power_law(attempts)
    m = sum(math.isfinite(by) for _, _, by in attempts)
    fall = m / 2 * math.log1p(stats.t.ppf(0.975, m - 2) ** 2 / (m - 2))
    best = plain_likelihood(attempts, law.intercept, law.exponent.middle, law.spread)
    for end in law.exponent[1:]:
        found = optimize.minimize(
            lambda x, end=end: -plain_likelihood(attempts, x[0], end, math.exp(x[1])),
            (law.intercept, math.log(law.spread)), method="Nelder-Mead",
        )  # fmt: skip
        assert best + found.fun == pytest.approx(fall, abs=0.01)


@pytest.mark.parametrize("exponent", [0.85, 2.0])
def test_known_exponents_are_found_though_a_third_did_not_solve(exponent: float) -> None:
    budget = 100 * 16**exponent
    laws = [fit_power_law(drawn(exponent, 0.5, 5, budget, budget / 40, seed)).exponent for seed in range(60)]
    middles, lows, highs = np.array(laws).T
    assert np.mean(middles) == pytest.approx(exponent, rel=0.04)
    assert 0.88 <= np.mean((lows <= exponent) & (highs >= exponent)) <= 1


def test_leaving_out_the_unsolved_would_bend_the_exponent() -> None:
    """What the censored fit is for: those that did solve at long lags are the fast ones."""
    budget = 100 * 16**0.85
    samples = [drawn(0.85, 0.8, 20, budget, budget / 40, seed) for seed in range(5)]
    whole = np.mean([fit_power_law(sample).exponent.middle for sample in samples])
    solved = np.mean([fit_power_law([a for a in sample if math.isfinite(a.by)]).exponent.middle for sample in samples])
    assert whole == pytest.approx(0.85, abs=0.08)
    assert solved < 0.75


def test_members_that_solved_at_one_lag_alone_give_no_exponent() -> None:
    assert fit_power_law([Attempt(2, 100, 200), Attempt(2, 200, 300), Attempt(4, 900, math.inf)]) == NO_LAW
    assert fit_power_law([]) == NO_LAW
    assert math.isnan(NO_LAW.exponent.middle)


def test_members_that_solve_at_once_or_never_give_no_exponent() -> None:
    """The steeper the law, the better it fits: all that is known is that times lie on both sides of 100 and 5000."""
    at_once = [Attempt(lag, 0, 100) for lag in (2, 4, 8) for _ in range(5)]
    assert fit_power_law(at_once + [Attempt(16, 5000, math.inf)] * 5) == NO_LAW


def test_two_members_that_solved_give_an_exponent_without_an_interval() -> None:
    law = fit_power_law([Attempt(2, 199, 201), Attempt(8, 799, 801), Attempt(8, 900, math.inf)])
    assert law.exponent.middle > 1
    assert math.isnan(law.exponent.low)


def test_times_on_one_line_are_no_trouble() -> None:
    law = fit_power_law([Attempt(lag, 100 * lag - 50, 100 * lag + 50) for lag in LAGS])
    assert law.exponent.middle == pytest.approx(1.0, abs=0.05)
    assert law.exponent.low < 1 < law.exponent.high
    assert 0 < law.spread < 0.2
