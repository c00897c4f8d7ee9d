"""Intervals against closed formulas and tables worked by hand."""

import math

import numpy as np
import pytest

from lstm_bench.analysis.statistics import median_time, quartiles, smallest_p_value, too_few_note, wilson

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
