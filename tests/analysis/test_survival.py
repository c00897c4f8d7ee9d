"""Times of which some are censored, against tables worked by hand and a published trial."""

import math

import numpy as np
import pytest
from scipy import stats

from lstm_bench.analysis.survival import Times, median_time, restricted_mean, restricted_mean_ratio

Z = 1.959963984540054
# Weeks in remission, Freireich et al. 1963, as in Klein & Moeschberger 2003, table 1.1: 6-mercaptopurine, and placebo.
TREATED = Times((6, 6, 6, 7, 10, 13, 16, 22, 23), (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35))
PLACEBO = Times((1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23), ())


def test_kaplan_meier_by_hand() -> None:
    """Solved at 1, 3, 4; watched until 2 and 5: S = 4/5, then 4/5 * 2/3 = 8/15, then 8/15 * 1/2 = 4/15.

    Greenwood sums are 1/20, 13/60 and 43/60. Lower limit after the first: (4/5)^exp(1.96 sqrt(1/20) / ln(5/4)) = 0.204;
    upper limit after the last: (4/15)^exp(-1.96 sqrt(43/60) / ln(15/4)) = 0.686, never down to a half.
    """
    assert median_time([1, 3, 4], [2, 5]) == (4, 1, math.inf)


def test_kaplan_meier_with_many_members_against_greenwood_and_log_log() -> None:
    solved = np.arange(100, 3100, 100.0)
    censored = np.full(12, 3000.0)
    at_risk, survival, greenwood, curves = 42.0, 1.0, 0.0, []
    for t in solved:
        survival *= 1 - 1 / at_risk
        greenwood += 1 / (at_risk * (at_risk - 1))
        at_risk -= 1
        spread = Z * math.sqrt(greenwood) / abs(math.log(survival))
        curves.append((t, survival, survival ** math.exp(spread), survival ** math.exp(-spread)))
    expected = [next(row[0] for row in curves if row[column] <= 0.5) for column in (1, 2, 3)]
    assert median_time(solved.tolist(), censored.tolist()) == tuple(expected)


def test_all_solved_median_without_censoring_is_the_middle_time() -> None:
    assert median_time([500, 100, 300, 200, 400], []).middle == 300


def test_members_that_solve_all_at_once_have_a_median_and_no_lower_end() -> None:
    middle, low, high = median_time([100, 100, 100], [])
    assert (middle, high) == (100, math.inf)
    assert math.isnan(low)


def test_members_that_never_solve_are_not_dropped() -> None:
    assert median_time([100, 200], [1000] * 5).middle == math.inf
    assert median_time([], [1000] * 5) == (math.inf, math.inf, math.inf)
    assert math.isnan(median_time([], []).middle)


def test_the_median_of_a_published_trial() -> None:
    assert median_time(*TREATED).middle == 23
    assert median_time(*PLACEBO).middle == 8


def test_restricted_mean_by_hand() -> None:
    """Solved at 1, 3, 4; watched until 2 and 5: S is 1, 4/5 from 1, 8/15 from 3 and 4/15 from 4 on.

    The areas from 1, 3 and 4 to 5 are 2.4, 0.8 and 4/15, at risk 5, 3 and 2.
    """
    variance = 2.4**2 / (5 * 4) + 0.8**2 / (3 * 2) + (4 / 15) ** 2 / (2 * 1)
    half = stats.t.ppf(0.975, 4) * math.sqrt(variance * 5 / 4)
    assert restricted_mean([1, 3, 4], [2, 5], 5) == pytest.approx((3.4, 3.4 - half, 5))
    assert 3.4 + half > 5  # cut off at the horizon
    assert restricted_mean([1, 3, 4], [2, 5], 4).middle == pytest.approx(1 + 1.6 + 8 / 15)


@pytest.mark.parametrize(("times", "mean", "error"), [(TREATED, 23.287, 2.827), (PLACEBO, 8.667, 1.377)])
def test_restricted_mean_of_a_published_trial(times: Times, mean: float, error: float) -> None:
    """Mean up to 35 weeks and standard error as R's survival package prints them, which has no n / (n - 1)."""
    half = stats.t.ppf(0.975, 20) * error * math.sqrt(21 / 20)
    assert restricted_mean(*times, 35) == pytest.approx((mean, mean - half, mean + half), abs=0.01)


def test_restricted_mean_within_one_budget_is_students_interval() -> None:
    solved, budget = [700.0, 1200.0, 900.0, 2400.0], 3000.0
    values = [*solved, budget, budget]
    ends = stats.t.interval(0.95, 5, loc=np.mean(values), scale=stats.sem(values))
    interval = restricted_mean(solved, [budget] * 2, budget)
    assert interval == pytest.approx((np.mean(values), ends[0], min(budget, ends[1])))
    assert restricted_mean([*solved, 4000.0], [5000.0], budget) == interval  # what happens later is not looked at


def test_restricted_mean_when_all_or_none_solve_and_of_few() -> None:
    assert restricted_mean([800.0] * 5, [], 5000) == (800, 800, 800)
    assert restricted_mean([], [5000.0] * 5, 5000).middle == 5000
    for interval in (restricted_mean([], [5000.0] * 5, 5000), restricted_mean([700.0], [], 5000)):
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)
    assert restricted_mean([700.0], [], 5000).middle == 700
    assert all(math.isnan(end) for end in restricted_mean([], [], 5000))


def test_restricted_mean_carries_the_curve_on_beyond_the_longest_time_watched() -> None:
    assert restricted_mean([2.0], [4.0], 10).middle == 2 + 0.5 * 8


@pytest.mark.parametrize(("unsolved", "n", "expected"), [(1 / 3, 5, 0.93), (1 / 3, 10, 0.945), (0.6, 10, 0.92)])
def test_coverage_of_the_restricted_mean(unsolved: float, n: int, expected: float) -> None:
    horizon = -math.log(unsolved)
    samples = np.random.default_rng(0).exponential(size=(1500, n))
    solved = [sample[sample < horizon].tolist() for sample in samples]
    intervals = [restricted_mean(times, [horizon] * (n - len(times)), horizon) for times in solved if times]
    assert np.mean([low <= 1 - unsolved <= high for _, low, high in intervals]) == pytest.approx(expected, abs=0.02)


def test_the_ratio_of_restricted_means_is_welchs_on_logarithms() -> None:
    x, y = np.array([900.0, 1100, 1600, 2000, 1400]), np.array([600.0, 800, 700, 900])
    shares = stats.ttest_ind(x / x.mean(), y / y.mean(), equal_var=False).confidence_interval()
    half = (shares.high - shares.low) / 2
    ratio = x.mean() / y.mean()
    of_means = restricted_mean_ratio(Times(tuple(x[x < 2000]), (2000.0,)), Times(tuple(y), ()), 2000)
    assert of_means == pytest.approx((ratio, ratio * math.exp(-half), ratio * math.exp(half)))


def test_the_ratio_of_restricted_means_with_nothing_to_bound_it() -> None:
    solved, unsolved = Times((500.0, 700.0), ()), Times((), (3000.0, 3000.0))
    for pair in ((unsolved, solved), (solved, unsolved), (Times((600.0,), ()), solved)):
        assert math.isnan(restricted_mean_ratio(*pair, 3000).low)
    assert restricted_mean_ratio(unsolved, solved, 3000).middle == 5
    assert restricted_mean_ratio(Times((800.0,) * 3, ()), Times((400.0,) * 4, ()), 3000) == (2, 2, 2)
    assert math.isnan(restricted_mean_ratio(Times((), ()), solved, 3000).middle)


def test_times_up_to_a_horizon_keep_every_member() -> None:
    times = Times((1.0, 3.0, 6.0), (2.0, 7.0))
    assert times.up_to(4) == Times((1.0, 3.0), (2.0, 4, 4))
    assert times.up_to(4).n == times.n == 5
