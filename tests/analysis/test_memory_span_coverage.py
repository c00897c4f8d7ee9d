"""How often the 95% interval of T50 holds the T50 that was drawn from: the table in `learned_span`, and its corners.

An open interval is taken as it stands, [T_max, inf) or [0, T_min], so that it misses every T50 inside the lag grid.
"""

import math
import re
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import cumulative_trapezoid
from scipy.special import logit

from lstm_bench.analysis.memory_span import TAIL, WIDTHS, learned_span, solve_probability

Array = NDArray[np.float64]
Singles = NDArray[np.float32]
Counts = NDArray[np.int64]
LagGrid = tuple[int, ...]
COPY_TASK: LagGrid = (2, 3, 4, 6, 8, 16, 32, 48)
DOUBLING: LagGrid = (2, 4, 8, 16, 32, 64)
LAG_GRIDS, MEMBERS = (COPY_TASK, DOUBLING), (5, 10)
SLOPES = np.array((0.05, 0.1, 0.3, 0.6, 1.0, 1.5, 2.0))  # 0.05 and 2 are the ends of the prior
PLACES, DRAWS = 370, 20  # T50s in equal steps over the lag grid; studies drawn for each
INSIDE = slice(2, 6), slice(20, -20)  # s from 0.3 to 1.5, T50 a quarter octave or more from both ends of the lag grid
GRID = 401, 31


@lru_cache
def likelihood_of_one(lag_grid: LagGrid) -> tuple[Array, Singles, Singles]:
    """Return log2 T50, ln p/(1-p) [lag, T50 x s] and the sum of ln(1-p): on a coarser grid than `learned_span`'s."""
    log2_t50 = np.linspace(math.log2(lag_grid[0]) - 0.5, math.log2(lag_grid[-1]) + 0.5, GRID[0])
    ln_width = np.linspace(*np.log(WIDTHS), GRID[1])
    p = solve_probability(np.array(lag_grid, dtype=float)[:, None, None], log2_t50[:, None], np.exp(ln_width))
    p = p.reshape(len(lag_grid), -1)
    return log2_t50, logit(p).astype(np.float32), np.log1p(-p).sum(axis=0).astype(np.float32)


def intervals(lag_grid: LagGrid, members: int, solved: Counts) -> Array:
    """Return the ends of the interval of each study, in log2 steps [study, 2], from its counts [study, lag]."""
    log2_t50, log_odds, ln_all_fail = likelihood_of_one(lag_grid)
    by_width = np.ones(GRID[1], dtype=np.float32)
    by_width[[0, -1]] = 0.5  # the trapezoidal rule
    ends = []
    for block in np.array_split(solved.astype(np.float32), len(solved) // 100 + 1):
        likelihood = block @ log_odds + members * ln_all_fail
        density = np.exp(likelihood - likelihood.max(axis=1, keepdims=True)).reshape(-1, *GRID)
        below = cumulative_trapezoid(density @ by_width, log2_t50, axis=1, initial=0)
        ends += [np.interp((TAIL, 1 - TAIL), row / row[-1], log2_t50) for row in below]
    intervals = np.array(ends)
    intervals[(solved == members).all(axis=1)] = math.log2(lag_grid[-1]), math.inf
    intervals[(solved == 0).all(axis=1)] = -math.inf, math.log2(lag_grid[0])
    return intervals


def coverage(lag_grid: LagGrid, members: int, slopes: Array, log2_t50: Array, draws: int) -> Array:
    """Return the share of studies drawn whose interval holds the T50 they were drawn from, [slope, T50]."""
    share = 1 / (1 + np.exp((np.log2(lag_grid) - log2_t50[:, None]) / slopes[:, None, None]))
    solved = np.random.default_rng(0).binomial(members, 0.01 + 0.98 * share, (draws, *share.shape))
    names = solved @ (members + 1) ** np.arange(len(lag_grid))  # one number for each outcome
    _, first, which = np.unique(names, return_index=True, return_inverse=True)
    outcomes = intervals(lag_grid, members, solved.reshape(-1, len(lag_grid))[first])
    low, high = np.moveaxis(outcomes[which], -1, 0)
    covered: Array = ((low <= log2_t50) & (log2_t50 <= high)).mean(axis=0)
    return covered


@lru_cache
def coverage_over_the_lag_grid(lag_grid: LagGrid, members: int) -> Array:
    """Return the coverage at each slope and each of the T50s in equal steps of log2, [slope, T50]."""
    first, last = math.log2(lag_grid[0]), math.log2(lag_grid[-1])
    log2_t50 = first + (last - first) * (np.arange(PLACES) + 0.5) / PLACES
    return coverage(lag_grid, members, SLOPES, log2_t50, DRAWS)


@pytest.mark.parametrize("lag_grid", LAG_GRIDS)
@pytest.mark.parametrize("members", MEMBERS)
def test_intervals_on_the_coarser_grid_are_those_of_learned_span(lag_grid: LagGrid, members: int) -> None:
    rng = np.random.default_rng(1)
    widths, log2_t50 = rng.choice(SLOPES, (20, 1)), rng.uniform(1.0, math.log2(lag_grid[-1]), (20, 1))
    p = solve_probability(np.array(lag_grid, dtype=float), log2_t50, widths)
    solved = np.vstack([rng.binomial(members, p), np.zeros(len(lag_grid), int), np.full(len(lag_grid), members)])
    spans = [learned_span(lag_grid, row.tolist(), [members] * len(lag_grid)) for row in solved]
    ends = np.array([(span.low, span.high) for span in spans])
    assert np.exp2(intervals(lag_grid, members, solved)) == pytest.approx(ends, rel=0.015)


@pytest.mark.parametrize("lag_grid", LAG_GRIDS)
@pytest.mark.parametrize("members", MEMBERS)
def test_coverage_over_each_lag_grid_is_near_95_percent(lag_grid: LagGrid, members: int) -> None:
    coverage = coverage_over_the_lag_grid(lag_grid, members).mean(axis=1)
    assert coverage.min() >= 0.90
    assert coverage.max() <= 0.99


def test_the_table_of_learned_span_is_what_is_found() -> None:
    rows = re.findall(r"^ +(\d\.\d+) +(0\.\d{3}) +(0\.\d{3})$", learned_span.__doc__ or "", re.MULTILINE)
    coverages = [
        np.mean([coverage_over_the_lag_grid(each, n).mean(axis=1) for each in LAG_GRIDS], axis=0) for n in MEMBERS
    ]
    assert np.array(rows, dtype=float) == pytest.approx(np.column_stack([SLOPES, *coverages]), abs=0.001)


@pytest.mark.parametrize("lag_grid", LAG_GRIDS)
@pytest.mark.parametrize("members", MEMBERS)
def test_coverage_holds_all_over_the_inside_of_a_lag_grid(lag_grid: LagGrid, members: int) -> None:
    inside = coverage_over_the_lag_grid(lag_grid, members)[INSIDE]
    shares = inside.reshape(-1, inside.shape[1] // 15, 15).mean(axis=2)  # 300 studies each
    assert shares.min() >= 0.90
    assert shares.max() < 0.995


@pytest.mark.parametrize(
    ("lag_grid", "members", "width", "octaves_from_lag", "lag", "expected"),
    [
        (COPY_TASK, 5, 0.1, 0.0, 16, 0.94),  # on a lag
        (DOUBLING, 10, 0.1, 0.0, 16, 0.97),
        (COPY_TASK, 5, 0.1, -0.1, 32, 0.81),  # just off a lag
        (DOUBLING, 10, 0.1, -0.14, 16, 0.89),
        (COPY_TASK, 5, 0.05, -0.1, 32, 0.52),
        (DOUBLING, 10, 0.05, 0.14, 16, 0.49),
        (DOUBLING, 5, 0.1, 0.5, 16, 1.0),  # between two lags
        (DOUBLING, 10, 0.1, 0.5, 16, 1.0),
        (DOUBLING, 5, 1.5, 0.0, 64, 0.95),  # at the end of the lag grid
        (DOUBLING, 10, 1.5, 0.0, 64, 0.97),
        (DOUBLING, 5, 0.1, 0.0, 64, 0.97),
        (DOUBLING, 5, 1.5, 0.25, 64, 0.92),  # beyond it, up to the end of the prior
        (DOUBLING, 10, 1.5, 0.25, 64, 0.94),
        (DOUBLING, 5, 1.5, 0.4, 64, 0.81),
        (DOUBLING, 10, 1.5, 0.4, 64, 0.87),
        (DOUBLING, 5, 1.5, 0.5, 64, 0.0),
    ],
)
def test_corners_are_what_learned_span_says(
    lag_grid: LagGrid, members: int, width: float, octaves_from_lag: float, lag: int, expected: float
) -> None:
    log2_t50 = np.array([math.log2(lag) + octaves_from_lag])
    assert coverage(lag_grid, members, np.array([width]), log2_t50, 2000) == pytest.approx(expected, abs=0.03)
