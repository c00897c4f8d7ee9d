"""Intervals against closed formulas and tables worked by hand."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from lstm_bench.analysis import statistics
from lstm_bench.analysis.statistics import (
    geometric_mean,
    interquartile_mean,
    median_time,
    quartiles,
    smallest_p_value,
    too_few_note,
    wilson,
)

Z = 1.959963984540054


@pytest.mark.parametrize(("k", "n"), [(0, 5), (3, 5), (5, 5), (9, 10), (40, 100)])
def test_wilson_is_the_closed_formula(k: int, n: int) -> None:
    p = k / n
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    assert wilson(k, n) == pytest.approx((p, max(0, centre - half), min(1, centre + half)), abs=1e-12)


def test_wilson_of_nothing_is_unknown() -> None:
    assert all(math.isnan(end) for end in wilson(0, 0))


def test_quartiles_leave_out_what_is_not_finite() -> None:
    assert quartiles([4, 1, 3, 2, 5, math.nan, math.inf]) == (3, 2, 4)
    assert quartiles([1.0, 2.0]) == (1.5, 1.25, 1.75)
    assert math.isnan(quartiles([]).middle)


def test_geometric_mean_by_hand() -> None:
    """ln 1/2 and ln 2 have mean 0 and standard deviation sqrt(2) ln 2, so half of the interval is t ln 2."""
    t = math.tan(math.pi * 0.475)  # Student's t with one degree of freedom is Cauchy's
    assert geometric_mean([0.5, 2.0]) == pytest.approx((1, 2**-t, 2**t))
    assert geometric_mean([0.25, 0.25, 0.25]) == pytest.approx((0.25, 0.25, 0.25))


def test_geometric_mean_is_that_of_scipy_over_logarithms() -> None:
    values = [0.57, 0.61, 0.83, 0.99, 1.02, 0.4]
    ends = stats.t.interval(0.95, 5, loc=np.mean(np.log(values)), scale=stats.sem(np.log(values)))
    assert geometric_mean([*values, math.nan, math.inf]) == pytest.approx((stats.gmean(values), *np.exp(ends)))


def test_geometric_mean_of_little_or_of_nothing() -> None:
    assert geometric_mean([0.7]).middle == 0.7
    assert all(math.isnan(end) for end in geometric_mean([0.7])[1:])
    assert all(math.isnan(end) for end in geometric_mean([math.nan]))
    assert geometric_mean([0.9, 0.0, 0.8]).middle == 0
    assert all(math.isnan(end) for end in geometric_mean([0.9, 0.0, 0.8])[1:])
    assert geometric_mean([1e-300, 1.0]) == (pytest.approx(1e-150), 0, math.inf)
    with pytest.raises(ValueError, match="no negative value: -1"):
        geometric_mean([2.0, -1.0])


@pytest.mark.parametrize("n", [2, 5, 10])
def test_geometric_mean_covers_that_of_a_lognormal(n: int) -> None:
    samples = np.random.default_rng(0).lognormal(math.log(0.6), 0.3, (2000, n))
    intervals = [geometric_mean(sample.tolist()) for sample in samples]
    assert np.mean([low <= 0.6 <= high for _, low, high in intervals]) == pytest.approx(0.95, abs=0.015)


def test_interquartile_mean_by_hand() -> None:
    assert interquartile_mean([8, 1, 7, 2, 6, 3, 5, 400]).middle == (3 + 5 + 6 + 7) / 4
    assert interquartile_mean([10, 0, 2, 3, 7]).middle == 4  # one of five at each end
    assert interquartile_mean([1, 2, 6]).middle == 3
    assert interquartile_mean([1, 2, 3, 4, math.inf]).middle == 3
    assert interquartile_mean([5, 5, 5, 5]) == (5, 5, 5)


def test_interquartile_mean_of_little_or_of_nothing() -> None:
    for values, strata in [([3.0], None), ([3.0, math.nan], ["a", "b"]), ([2.0, 4.0], ["a", "b"])]:
        found = interquartile_mean(values, strata)
        assert found.middle == 3
        assert math.isnan(found.low)
        assert math.isnan(found.high)
    assert all(math.isnan(end) for end in interquartile_mean([math.nan]))
    with pytest.raises(ValueError, match="2 values, but 1 strata"):
        interquartile_mean([1.0, 2.0], ["a"])


def test_interquartile_mean_has_the_interval_of_all_possible_resamples() -> None:
    values = [0.3, 1.1, 2.9, 4.2, 9.0]
    means = [sum(sorted(drawn)[1:4]) / 3 for drawn in itertools.product(values, repeat=5)]
    assert interquartile_mean(values)[1:] == pytest.approx(np.quantile(means, (0.025, 0.975)), abs=0.1)


def test_interquartile_mean_resamples_each_stratum_from_itself() -> None:
    a, b = [0.1, 0.9, 2.3], [10.2, 11.4, 14.0]
    drawn = itertools.product(itertools.product(a, repeat=3), itertools.product(b, repeat=3))
    means = [sum(sorted(x + y)[1:5]) / 4 for x, y in drawn]
    found = interquartile_mean([*a, *b], ["a"] * 3 + ["b"] * 3)
    assert found[1:] == pytest.approx(np.quantile(means, (0.025, 0.975)), abs=0.1)
    pooled = interquartile_mean([*a, *b])
    assert found.high - found.low < 0.5 * (pooled.high - pooled.low)


def test_interquartile_mean_agrees_with_the_bootstrap_of_scipy() -> None:
    rng = np.random.default_rng(4)
    groups = [rng.normal(centre, 1, 10) for centre in (0, 1, 3)]

    def pooled(*samples: np.ndarray, axis: int) -> np.ndarray:
        return np.asarray(stats.trim_mean(np.concatenate(samples, axis=axis), 0.25, axis=axis))

    ends = stats.bootstrap(groups, pooled, method="percentile", rng=rng).confidence_interval
    found = interquartile_mean(np.concatenate(groups).tolist(), np.repeat([2, 1, 0], 10).tolist())
    assert found[1:] == pytest.approx((ends.low, ends.high), abs=0.02)


def test_interquartile_mean_is_the_same_at_every_call_and_in_every_order() -> None:
    values, strata = [0.5, 2.0, 1.0, math.nan, 4.0, 3.0], ["x", "y", "x", "x", "y", "y"]
    assert interquartile_mean(values, strata) == interquartile_mean(values, strata)
    assert interquartile_mean(values, strata) == interquartile_mean(values[::-1], strata[::-1])


@pytest.mark.parametrize(("strata", "n", "expected"), [(1, 5, 0.89), (1, 10, 0.93), (1, 40, 0.95), (5, 5, 0.92)])
def test_coverage_of_the_interquartile_mean(
    strata: int, n: int, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 500)
    samples = np.random.default_rng(0).normal(size=(800, strata * n))
    names = np.repeat(np.arange(strata), n).tolist()
    intervals = [interquartile_mean(sample.tolist(), names) for sample in samples]
    assert np.mean([low <= 0 <= high for _, low, high in intervals]) == pytest.approx(expected, abs=0.025)


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


def test_smallest_p_value() -> None:
    assert smallest_p_value(3, 3) == pytest.approx(0.1)
    assert smallest_p_value(4, 4) == pytest.approx(2 / 70)
    assert smallest_p_value(5, 5) == pytest.approx(0.0079, abs=5e-5)
    assert smallest_p_value(1, 1) == 1


def test_fewer_than_four_a_side_is_said() -> None:
    assert "3 members a side" in too_few_note(3, 3)
    assert "2 against 4" in too_few_note(2, 4)
    assert too_few_note(4, 4) == ""
