"""Intervals against closed formulas and tables worked by hand."""

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats

from lstm_bench.analysis import statistics
from lstm_bench.analysis.statistics import (
    geometric_mean,
    geometric_ratio,
    holm,
    interquartile_mean,
    mean,
    prediction_of_count,
    prediction_of_mean,
    probability_of_improvement,
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
        interval = interquartile_mean(values, strata)
        assert interval.middle == 3
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)
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
    interval = interquartile_mean([*a, *b], ["a"] * 3 + ["b"] * 3)
    assert interval[1:] == pytest.approx(np.quantile(means, (0.025, 0.975)), abs=0.1)
    pooled = interquartile_mean([*a, *b])
    assert interval.high - interval.low < 0.5 * (pooled.high - pooled.low)


def test_interquartile_mean_agrees_with_the_bootstrap_of_scipy() -> None:
    rng = np.random.default_rng(4)
    groups = [rng.normal(centre, 1, 10) for centre in (0, 1, 3)]

    def pooled(*samples: np.ndarray, axis: int) -> np.ndarray:
        return np.asarray(stats.trim_mean(np.concatenate(samples, axis=axis), 0.25, axis=axis))

    ends = stats.bootstrap(groups, pooled, method="percentile", rng=rng).confidence_interval
    interval = interquartile_mean(np.concatenate(groups).tolist(), np.repeat([2, 1, 0], 10).tolist())
    assert interval[1:] == pytest.approx((ends.low, ends.high), abs=0.02)


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


X, Y = [3.0, 1.0, 4.0, 1.5], [2.0, 1.0, 0.5]


def test_probability_of_improvement_is_mann_and_whitneys_u_over_all_pairs() -> None:
    u = stats.mannwhitneyu(X, Y).statistic
    assert probability_of_improvement([(X, Y)]).middle == u / 12 == (3 + 1.5 + 3 + 2) / 12
    assert probability_of_improvement([(Y, X)]).middle == pytest.approx(1 - u / 12)


def test_probability_of_improvement_ties_what_is_endless_and_weighs_strata_alike() -> None:
    never = -math.inf
    assert probability_of_improvement([([never, -3], [never, -5])]).middle == (0.5 + 0 + 1 + 1) / 4
    strata = [(X, Y), ([1.0], [2.0]), ([], [1.0]), ([math.nan, 3.0], [2.0, 4.0])]
    assert probability_of_improvement(strata).middle == pytest.approx((9.5 / 12 + 0 + 0.5) / 3)
    assert all(math.isnan(end) for end in probability_of_improvement([([], [1.0])]))


def resampled_wins(x: list[float], y: list[float]) -> Iterator[float]:
    """Return the share of wins in every possible resample of both sides."""
    for drawn_x in itertools.product(x, repeat=len(x)):
        for drawn_y in itertools.product(y, repeat=len(y)):
            pairs = [(a, b) for a in drawn_x for b in drawn_y]
            yield sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)


def test_probability_of_improvement_has_the_interval_of_all_possible_resamples() -> None:
    every = list(resampled_wins(X, Y))
    assert probability_of_improvement([(X, Y)])[1:] == pytest.approx(np.quantile(every, (0.025, 0.975)), abs=0.02)
    a, b = list(resampled_wins(X[:3], Y)), list(resampled_wins(Y, X[1:]))
    means = np.add.outer(a, b).ravel() / 2
    both = probability_of_improvement([(X[:3], Y), (Y, X[1:])])
    assert both[1:] == pytest.approx(np.quantile(means, (0.025, 0.975)), abs=0.02)


def test_probability_of_improvement_bounds_nothing_where_all_resamples_agree() -> None:
    for strata in ([([2.0, 3.0], [0.0, 1.0])], [([1.0], [0.0]), ([4.0, 4.0], [4.0])]):
        middle, low, high = probability_of_improvement(strata)
        assert middle in (1, 0.75)
        assert math.isnan(low)
        assert math.isnan(high)


def test_probability_of_improvement_is_the_same_at_every_call_and_in_every_order() -> None:
    assert probability_of_improvement([(X, Y)]) == probability_of_improvement([(X[::-1], Y[::-1])])


def test_coverage_of_the_probability_of_improvement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 500)
    rng = np.random.default_rng(0)
    truth = stats.norm.cdf(1 / math.sqrt(2))
    studies = [[(rng.normal(1, 1, 5), rng.normal(0, 1, 5)) for _ in range(5)] for _ in range(800)]
    intervals = [probability_of_improvement(strata) for strata in studies]
    assert np.mean([low <= truth <= high for _, low, high in intervals]) == pytest.approx(0.93, abs=0.025)


def test_holm_by_hand() -> None:
    """Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04, and none below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.3, 0.9, 0.4]) == pytest.approx([0.9, 0.9, 0.9])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([0.0079] * 8) == pytest.approx([8 * 0.0079] * 8)


def test_holm_leaves_what_was_not_tested_out_of_the_family() -> None:
    adjusted = holm([math.nan, 0.04, math.nan, 0.02])
    assert adjusted[1::2] == pytest.approx([0.04, 0.04])
    assert math.isnan(adjusted[0])
    assert math.isnan(adjusted[2])
    assert holm([]) == []


def test_smallest_p_value() -> None:
    assert smallest_p_value(3, 3) == pytest.approx(0.1)
    assert smallest_p_value(4, 4) == pytest.approx(2 / 70)
    assert smallest_p_value(5, 5) == pytest.approx(0.0079, abs=5e-5)
    assert smallest_p_value(1, 1) == 1


def test_fewer_than_four_a_side_is_said() -> None:
    assert "3 members a side" in too_few_note(3, 3)
    assert "2 against 4" in too_few_note(2, 4)
    assert too_few_note(4, 4) == ""


def test_a_mean_has_the_interval_that_theory_gives_for_many_values() -> None:
    values = np.random.default_rng(1).normal(10, 2, 400)
    interval = mean(values.tolist())
    assert interval.middle == pytest.approx(values.mean(), rel=1e-12)
    half = Z * values.std() / math.sqrt(400)
    assert (interval.low, interval.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)
    assert mean(values[::-1].tolist()) == interval


def test_a_mean_of_one_has_no_interval_and_of_none_is_unknown() -> None:
    one, none = mean([3.0, math.nan]), mean([])
    assert one.middle == 3.0 and math.isnan(one.low) and math.isnan(one.high)
    assert all(math.isnan(end) for end in none)


@pytest.mark.parametrize("runs", [1, 10])
def test_further_means_fall_where_theory_says(runs: int) -> None:
    """Variance of a further mean: s^2 (1/n + 1/runs), that of the mean known so far and that of the new one."""
    values = np.random.default_rng(2).normal(0, 1, 300)
    prediction = prediction_of_mean(values.tolist(), runs)
    half = Z * values.std() * math.sqrt(1 / 300 + 1 / runs)
    assert (prediction.low, prediction.high) == pytest.approx(
        (values.mean() - half, values.mean() + half), abs=0.12 * half
    )


@pytest.mark.parametrize(("n", "runs"), [(10, 10), (20, 1)])
def test_further_means_hold_what_comes_as_often_as_they_say(n: int, runs: int) -> None:
    """Of 300 repetitions with normal values about 95%, for few values somewhat less."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        prediction = prediction_of_mean(rng.normal(0, 1, n).tolist(), runs)
        held += prediction.low <= rng.normal(0, 1, runs).mean() <= prediction.high
    assert 0.86 <= held / 300 <= 0.98


def test_a_further_single_value_never_leaves_the_range_of_ours() -> None:
    prediction = prediction_of_mean([1.0, 2.0, 4.0, 8.0], 1)
    assert (prediction.low, prediction.high) == (1.0, 8.0)


def test_further_counts_of_a_known_chance_are_binomial() -> None:
    prediction = prediction_of_count([3000] * 4, [10_000] * 4, 1, 1000)
    low, high = stats.binom.ppf([0.025, 0.975], 1000, 0.3)
    assert prediction.middle == 300
    assert (prediction.low, prediction.high) == pytest.approx((low, high), abs=6)


def test_without_a_single_one_there_is_still_room_for_some() -> None:
    """Beta(1/2, 10,000.5) and then 2,560 tries: the 97.5% point by scipy's beta-binomial."""
    prediction = prediction_of_count([0] * 5, [10_000] * 5, 1, 2560)
    assert (prediction.middle, prediction.low) == (0, 0)
    assert prediction.high == pytest.approx(stats.betabinom.ppf(0.975, 2560, 0.5, 10_000.5), abs=1)


def test_nothing_to_go_by_or_no_run_is_told() -> None:
    assert math.isnan(prediction_of_mean([], 3).middle) and math.isnan(prediction_of_count([], [], 1, 10).middle)
    assert math.isnan(prediction_of_mean([2.0], 3).low)
    with pytest.raises(ValueError, match=r"^runs=0: allowed: "):
        prediction_of_mean([1.0, 2.0], 0)
    with pytest.raises(ValueError, match=r"^runs=1, 1 counts of 2 tries: allowed: "):
        prediction_of_count([1], [2, 3], 1, 10)


def test_the_ratio_of_geometric_means_has_the_interval_of_welchs_t():
    values, others = [0.9, 0.95, 0.99, 0.91], [0.5, 0.7, 0.6]
    ratio = geometric_ratio(values, others)
    test = stats.ttest_ind(np.log(values), np.log(others), equal_var=False)
    assert ratio.middle == pytest.approx(stats.gmean(values) / stats.gmean(others))
    assert ratio[1:] == pytest.approx(tuple(np.exp(test.confidence_interval(0.95))))


def test_a_ratio_of_members_far_apart_has_an_interval_without_ends():
    ratio = geometric_ratio([1e-140, 1e140], [1e-140, 1e140])
    assert (ratio.low, ratio.high) == (0.0, math.inf)
    assert ratio.middle == pytest.approx(1.0)


def test_a_ratio_of_geometric_means_needs_values_above_zero_and_two_a_side():
    assert math.isnan(geometric_ratio([], [1.0]).middle)
    assert math.isnan(geometric_ratio([0.0, 1.0], [1.0, 2.0]).middle)
    one = geometric_ratio([3.0], [1.0, 2.0])
    assert one.middle == pytest.approx(3 / math.sqrt(2))
    assert math.isnan(one.low)
    assert geometric_ratio([2.0, 2.0], [4.0, 4.0]) == pytest.approx((0.5, 0.5, 0.5))
