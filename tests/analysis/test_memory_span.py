"""T50 against quadrature by another road, and against a truth that was drawn from."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad_vec

from lstm_bench.analysis.memory_span import MemorySpan, learned_span, span_ratio

LAG_GRIDS = [
    ([2, 4, 8, 16, 32], [5, 5, 4, 1, 0], [5] * 5),
    ([2, 3, 4, 6, 8, 16, 32, 64], [10, 10, 9, 10, 6, 4, 1, 0], [10, 10, 10, 10, 9, 10, 8, 10]),
    ([10, 20], [3, 1], [4, 4]),
    ([1, 2, 4], [4, 1, 0], [5] * 3),
]


def distribution(lags: list[int], solved: list[int], attempts: list[int], t50: float) -> float:
    """Return P(T50 < t50) by adaptive quadrature over log2 T50 and Gauss-Legendre over ln s."""
    nodes, weights = np.polynomial.legendre.leggauss(160)
    first, last = math.log(0.05), math.log(2.0)
    widths = np.exp((nodes + 1) / 2 * (last - first) + first)

    def likelihood(log2_t50: float) -> np.ndarray:
        total = np.ones_like(widths)
        for T, k, n in zip(lags, solved, attempts, strict=True):
            p = 0.01 + 0.98 / (1 + np.exp(-np.clip((log2_t50 - math.log2(T)) / widths, -700, 700)))
            total = total * p**k * (1 - p) ** (n - k)
        return np.array([(total * weights).sum()])

    ends = max(math.log2(min(lags)) - 0.5, 0.0), math.log2(max(lags)) + 0.5
    inside = [math.log2(T) for T in lags]
    below = quad_vec(likelihood, ends[0], math.log2(t50), epsrel=1e-7, points=inside)[0]
    whole = quad_vec(likelihood, *ends, epsrel=1e-7, points=inside)[0]
    return float(below[0] / whole[0])


@pytest.mark.parametrize("lag_grid", LAG_GRIDS)
def test_posterior_quantiles_are_those_of_quadrature(lag_grid: tuple[list[int], list[int], list[int]]) -> None:
    span = learned_span(*lag_grid)
    assert span.outcome == "fitted"
    cumulative = [distribution(*lag_grid, t50=t50) for t50 in (span.low, span.median, span.high)]
    assert cumulative == pytest.approx([0.025, 0.5, 0.975], abs=1e-3)


def test_a_known_span_is_recovered_and_covered() -> None:
    rng = np.random.default_rng(7)
    lags, truth, width = [2, 4, 8, 16, 32, 64], 11.0, 0.4
    p = 0.01 + 0.98 / (1 + np.exp(-(math.log2(truth) - np.log2(lags)) / width))
    spans = [learned_span(lags, rng.binomial(10, p).tolist(), [10] * 6) for _ in range(60)]
    assert np.median([span.median for span in spans]) == pytest.approx(truth, rel=0.05)
    assert np.mean([span.low <= truth <= span.high for span in spans]) >= 0.9


def test_one_mistake_far_from_the_edge_does_not_move_the_span_far() -> None:
    clean = learned_span([2, 4, 8, 16, 32, 64], [10, 10, 10, 5, 0, 0], [10] * 6)
    unlucky = learned_span([2, 4, 8, 16, 32, 64], [9, 10, 10, 5, 0, 0], [10] * 6)
    assert unlucky.median == pytest.approx(clean.median, rel=0.1)


def test_bracket_and_text() -> None:
    span = learned_span([32, 2, 8, 4, 16], [0, 5, 4, 5, 1], [5] * 5)  # in any order
    assert (span.all_solved, span.none_solved, span.bracket) == (4, 32, "[4, 32]")
    assert span.text == f"{span.median:.1f} ({span.low:.2f}-{span.high:.1f})"
    assert MemorySpan("fitted", 14.23, 11.04, 18.91).text == "14.2 (11.0-18.9)"


def test_a_lag_grid_that_ends_too_early_is_said() -> None:
    above = learned_span([8, 16, 32, 64], [5, 5, 5, 5], [5] * 4)
    below = learned_span([2, 4, 8], [0, 0, 0], [5] * 3)
    assert (above.text, above.high, above.bracket) == (">= 64", math.inf, "[64, -]")
    assert (below.text, below.low, below.bracket) == ("< 2", 0.0, "[-, 2]")
    assert learned_span([2, 4, 8], [5, 5, 4], [5] * 3).cut_off == "above"
    assert learned_span([2, 4, 8], [2, 0, 0], [5] * 3).cut_off == "below"
    assert learned_span([2, 4, 8], [5, 3, 0], [5] * 3).cut_off is None


def test_one_lag_gives_no_estimate_unless_all_or_none_solve() -> None:
    assert learned_span([20], [5], [5]).text == ">= 20"
    assert learned_span([20], [0], [5]).text == "< 20"
    mixed = learned_span([20], [3], [5])
    assert (mixed.outcome, mixed.text) == ("undetermined", "one lag: no estimate")
    assert math.isnan(mixed.median)


def test_lags_without_attempts_are_no_part_of_the_lag_grid() -> None:
    assert learned_span([2, 4, 8, 16], [5, 3, 0, 0], [5, 5, 5, 0]) == learned_span([2, 4, 8], [5, 3, 0], [5] * 3)
    assert learned_span([2, 4], [5, 0], [5, 0]).text == ">= 2"
    assert learned_span([2, 4], [0, 0], [0, 0]).text == "not measured"


@given(st.lists(st.integers(0, 5), min_size=2, max_size=6))
def test_the_median_lies_in_its_interval_and_all_within_half_an_octave_of_the_lag_grid(solved: list[int]) -> None:
    lags = [2 * 2**k for k in range(len(solved))]
    span = learned_span(lags, solved, [5] * len(solved))
    if span.outcome == "fitted":
        assert lags[0] / 2**0.5 <= span.low <= span.median <= span.high <= lags[-1] * 2**0.5


@given(st.integers(0, 4), st.integers(0, 4))
def test_solving_more_never_shortens_the_span(k: int, place: int) -> None:
    solved = [5, 4, 3, 1, 0]
    more = [min(5, n + k * (i == place)) for i, n in enumerate(solved)]
    few, many = (learned_span([2, 4, 8, 16, 32], each, [5] * 5).median for each in (solved, more))
    assert many >= few * (1 - 1e-9)


def test_the_ratio_of_two_spans_agrees_with_draws_from_both_posteriors() -> None:
    a = learned_span([4, 8, 16, 32, 64], [10, 9, 6, 3, 0], [10] * 5)
    b = learned_span([2, 4, 8, 16], [9, 5, 1, 0], [10] * 4)
    assert a.posterior is not None
    assert b.posterior is not None
    rng = np.random.default_rng(3)
    draws = a.posterior.quantiles(rng.random(200_000)) / b.posterior.quantiles(rng.random(200_000))
    ratio = span_ratio(a, b)
    assert (ratio.low, ratio.median, ratio.high) == pytest.approx(np.quantile(draws, (0.025, 0.5, 0.975)), rel=0.02)
    swapped = span_ratio(b, a)
    assert (swapped.low, swapped.median, swapped.high) == pytest.approx(
        (1 / ratio.high, 1 / ratio.median, 1 / ratio.low)
    )


def test_a_ratio_with_an_open_span_is_a_bound() -> None:
    fitted = learned_span([2, 4, 8, 16], [5, 3, 1, 0], [5] * 4)
    above = learned_span([8, 64], [5, 5], [5, 5])
    below = learned_span([2, 4], [0, 0], [5, 5])
    further = span_ratio(above, fitted)
    assert (further.bound, further.high) == (">=", math.inf)
    assert further.median == pytest.approx(64 / fitted.median)
    assert further.low == pytest.approx(64 / fitted.high)
    shorter = span_ratio(fitted, above)
    assert (shorter.bound, shorter.low) == ("<=", 0.0)
    assert shorter.high == pytest.approx(fitted.high / 64)
    assert span_ratio(above, below).text == "at least 32x (95% bound 32x)"
    assert span_ratio(fitted, below).bound == ">="
    assert span_ratio(above, above).text == "not determined"
    assert span_ratio(fitted, learned_span([2], [1], [5])).bound == "?"


def test_the_fitted_curve_falls_from_the_first_lag_to_the_last() -> None:
    span = learned_span(*LAG_GRIDS[0])
    assert span.posterior is not None
    curve = span.posterior.mean_probability(np.array([2.0, 4.0, 8.0, 16.0, 32.0]))
    assert np.all(np.diff(curve) < 0)
    assert curve[0] > 0.9
    assert curve[-1] < 0.15
    assert span.posterior.mean_probability(np.array([span.median]))[0] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("lag_grid", LAG_GRIDS)
def test_the_fitted_curve_is_the_mean_over_the_whole_grid(lag_grid: tuple[list[int], list[int], list[int]]) -> None:
    posterior = learned_span(*lag_grid).posterior
    assert posterior is not None
    lags = np.geomspace(lag_grid[0][0], lag_grid[0][-1], 7)
    slopes = (posterior.log2_t50[:, None, None] - np.log2(lags)) / np.exp(posterior.ln_width)[None, :, None]
    curves = 0.01 + 0.49 * (1 + np.tanh(slopes / 2))
    expected = (curves * posterior.density[:, :, None]).sum(axis=(0, 1)) / posterior.density.sum()
    np.testing.assert_allclose(posterior.mean_probability(lags), expected, rtol=0, atol=1e-8)
