"""The growth of a span with the budget: what it says of counts whose answer is known, and how often it is right."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from lstm_bench.analysis.memory_span import SpanRatio, learned_span
from lstm_bench.analysis.span_growth import span_growth

LAGS = [2, 3, 4, 6, 8, 16, 32, 48]
BUDGET, STUDIES = 4000.0, 40
Times = NDArray[np.float64]  # [lag, member]


def growth_of(times: Times) -> tuple[float, float, float]:
    """Return middle and ends of the growth from half to all of the budget, of members with these times to solve."""
    early, solved = ((times <= budget).sum(axis=1).tolist() for budget in (BUDGET / 2, BUDGET))
    ratio = span_growth(LAGS, early, solved, [times.shape[1]] * len(LAGS))
    return ratio.median, ratio.low, ratio.high


def test_the_middle_is_the_ratio_of_the_two_spans() -> None:
    early, solved = [5, 5, 5, 4, 1, 0, 0, 0], [5, 5, 5, 5, 4, 3, 0, 0]
    ratio = span_growth(LAGS, early, solved, [5] * 8)
    half, whole = (learned_span(LAGS, counts, [5] * 8).median for counts in (early, solved))
    assert ratio.median == whole / half
    assert ratio.bound == ""
    assert 1 < ratio.low < ratio.median < ratio.high


def test_the_interval_is_that_of_members_drawn_one_by_one() -> None:
    """By a plain loop: draw members with both of their outcomes, fit both spans anew, take the quantiles."""
    early, solved = [5, 5, 5, 4, 1, 0, 0, 0], [5, 5, 5, 5, 4, 2, 0, 0]
    outcomes = [np.repeat([2, 1, 0], [e, s - e, 5 - s]) for e, s in zip(early, solved, strict=True)]
    rng, ratios = np.random.default_rng(3), []
    for _ in range(150):
        drawn = [rng.choice(of_lag, 5) for of_lag in outcomes]
        half, whole = ([int((of_lag >= least).sum()) for of_lag in drawn] for least in (2, 1))
        ratios.append(learned_span(LAGS, whole, [5] * 8).median / learned_span(LAGS, half, [5] * 8).median)
    ratio = span_growth(LAGS, early, solved, [5] * 8)
    expected = np.quantile(ratios, (0.025, 0.975))
    assert [ratio.low, ratio.high] == pytest.approx(expected, rel=0.08)


def test_nobody_who_solves_late_is_no_growth_at_all() -> None:
    counts = [5, 5, 4, 3, 1, 0, 0, 0]
    assert span_growth(LAGS, counts, counts, [5] * 8) == SpanRatio(1.0, 1.0, 1.0, "")


def test_one_late_member_decides_nothing() -> None:
    """It is missing from (4/5)^5 = 0.33 of the resamples, whose spans are the same."""
    ratio = span_growth(LAGS, [5, 5, 5, 5, 2, 0, 0, 0], [5, 5, 5, 5, 3, 0, 0, 0], [5] * 8)
    assert ratio.median > 1
    assert ratio.low == 1


def test_the_pair_is_closer_than_two_independent_spans() -> None:
    """Two late members beside many that are early: each span is uncertain, and their ratio much less."""
    early, solved = [5, 4, 4, 3, 3, 2, 1, 0], [5, 4, 4, 3, 4, 3, 1, 0]
    ratio = span_growth(LAGS, early, solved, [5] * 8)
    half, whole = (learned_span(LAGS, counts, [5] * 8) for counts in (early, solved))
    assert ratio.high / ratio.low < (half.high / half.low)
    assert ratio.high / ratio.low < (whole.high / whole.low)


@pytest.mark.parametrize(
    ("early", "solved", "bound", "middle"),
    [
        ([5, 5, 0, 0], [5, 5, 5, 5], ">=", None),  # the whole is beyond the lags
        ([0, 0, 0, 0], [5, 5, 0, 0], ">=", None),  # the half is below them
        ([0, 0, 0, 0], [5, 5, 5, 5], ">=", 8.0),
        ([5, 5, 5, 5], [5, 5, 5, 5], "?", math.nan),
        ([0, 0, 0, 0], [0, 0, 0, 0], "?", math.nan),
    ],
)
def test_spans_that_the_lags_only_bound(early: list[int], solved: list[int], bound: str, middle: float | None) -> None:
    ratio = span_growth([2, 4, 8, 16], early, solved, [5] * 4)
    assert ratio.bound == bound
    if middle is None:
        assert ratio.median > 1.5
        assert ratio.high == math.inf
    else:
        assert ratio.median == pytest.approx(middle, nan_ok=True)


def test_lags_without_attempts_and_in_any_order_change_nothing() -> None:
    plain = span_growth([2, 4, 8, 16], [5, 4, 0, 0], [5, 5, 3, 0], [5] * 4)
    shuffled = span_growth([16, 8, 64, 4, 2], [0, 0, 0, 4, 5], [0, 3, 0, 5, 5], [5, 5, 0, 5, 5])
    assert shuffled == plain
    assert span_growth([4], [2], [3], [5]).bound == "?"


def power_law_times(exponent: float, sigma: float, members: int, rng: np.random.Generator) -> Times:
    """Draw times whose median is a power of the lag, and the whole budget's T50 between 12 and 32."""
    t50 = 2 ** rng.uniform(math.log2(12), math.log2(32))
    spread = np.exp(sigma * rng.standard_normal((len(LAGS), members)))
    return BUDGET * (np.array(LAGS) / t50)[:, None] ** exponent * spread


def test_a_span_that_grows_is_flagged_and_its_growth_is_in_the_interval() -> None:
    """T50 within a budget b is proportional to b^(1 / exponent), so that it doubles for an exponent of 1."""
    rng = np.random.default_rng(0)
    found = np.array([growth_of(power_law_times(1.0, 0.4, 10, rng)) for _ in range(STUDIES)])
    middle, low, high = found.T
    assert np.median(middle) == pytest.approx(2.0, rel=0.1)
    assert ((low <= 2) & (high >= 2)).mean() >= 0.8
    assert ((middle > 1.1) & (low > 1)).mean() >= 0.95


def test_a_span_that_has_stopped_is_not_flagged() -> None:
    """Members either solve early or never, with a share that falls with the lag: more steps would change nothing."""
    rng = np.random.default_rng(1)
    share = 1 / (1 + (np.array(LAGS) / 8.0) ** 3)[:, None]
    flagged = 0
    for _ in range(STUDIES):
        early = BUDGET / 4 * np.exp(0.3 * rng.standard_normal((len(LAGS), 10)))
        middle, low, _ = growth_of(np.where(rng.random(early.shape) < share, early, math.inf))
        flagged += middle > 1.1 and low > 1
    assert flagged <= 1
