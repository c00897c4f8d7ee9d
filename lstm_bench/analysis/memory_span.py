"""Learned memory span: the lag at which half of a cell's members solve the task, with its uncertainty."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_trapezoid, trapezoid
from scipy.special import expit

from lstm_bench.analysis.wording import significant, times, with_range

GUESS, HEIGHT = 0.01, 0.98
BEYOND = 0.5  # octaves from an end of the lag grid to that of the prior
WIDTHS = (0.05, 2.0)  # octaves
GRID_T50, GRID_WIDTH = 1201, 121
TAIL = 0.025
RATIO_QUANTILES = 1000
NEGLIGIBLE = 1e-9
Bound = Literal["", ">=", "<=", "?"]
GROWTHS: Mapping[tuple[bool, bool], Bound] = {  # of a ratio, by which of its spans grow with the budget
    (False, False): "",
    (True, False): ">=",
    (False, True): "<=",
    (True, True): "?",
}
Outcome = Literal["fitted", "above", "below", "undetermined", "unmeasured"]
KNOWN = ("fitted", "above", "below")  # outcomes of a span that is a number or a bound
Array = NDArray[np.float64]
Counts = tuple[int, int, int]  # lag, solved, attempts


def solve_probability(lag: Array, log2_t50: Array, width: Array) -> Array:
    """Return p(T) = 0.01 + 0.98 sigmoid((log2 T50 - log2 T) / s): both tails leave room for one member's luck."""
    share: Array = expit((log2_t50 - np.log2(lag)) / width)
    return GUESS + HEIGHT * share


@dataclass(frozen=True, eq=False)
class Posterior:
    """The posterior of T50 and the width s given the solved counts, on a grid.

    `density` [T50, s] is over log2 T50 and ln s, in which the prior is flat; it integrates to 1.
    """

    log2_t50: Array
    ln_width: Array
    density: Array

    @cached_property
    def _distribution(self) -> Array:
        marginal = trapezoid(self.density, self.ln_width, axis=1)
        below: Array = cumulative_trapezoid(marginal, self.log2_t50, initial=0)
        return np.asarray(below / below[-1])

    def quantiles(self, shares: Array) -> Array:
        """Return the T50, in steps, that each of these shares of the posterior lies below."""
        log2_t50 = np.interp(shares, self._distribution, self.log2_t50)
        return np.asarray(np.exp2(log2_t50))

    def mean_probability(self, lags: Array) -> Array:
        """Return the posterior mean of p(T) at each lag, the fitted curve, exact to 1e-8.

        Points of the grid with less than 1e-9 of the largest density are left out, which are most of them.
        """
        rows, columns = np.nonzero(self.density > NEGLIGIBLE * self.density.max())
        log2_t50, width, weights = self.log2_t50[rows], np.exp(self.ln_width[columns]), self.density[rows, columns]
        curve = [float((solve_probability(T, log2_t50, width) * weights).sum()) for T in lags]
        return np.array(curve) / float(weights.sum())


@dataclass(frozen=True)
class MemorySpan:
    """T50 in steps: posterior median and central 95% interval.

    `outcome` is "fitted", or "above" where every attempt solved (median and low are then the longest lag, high is
    inf), "below" where none did (median and high are the shortest lag, low is 0), "undetermined" where one lag alone
    was tried with mixed success, and "unmeasured" where nothing was tried; the last two have NaN for numbers.
    `all_solved` is the longest lag at which every attempt solved, `none_solved` the shortest at which none did.
    `cut_off` is "above" where half or more still solve at the longest lag, else "below" where half or fewer do at the
    shortest: the lag grid ends before T50 is bracketed, and the end of the prior, half an octave beyond, bounds the
    interval too.
    """

    outcome: Outcome
    median: float = math.nan
    low: float = math.nan
    high: float = math.nan
    all_solved: float | None = None
    none_solved: float | None = None
    cut_off: Literal["above", "below"] | None = None
    posterior: Posterior | None = field(default=None, compare=False, repr=False)

    @property
    def text(self) -> str:
        """The span as it stands in a table: "14.2 (11.0-18.9)", ">= 64", "< 2"."""
        if self.outcome == "fitted":
            return with_range(self.median, self.low, self.high)
        bounds = {"above": f">= {self.median:g}", "below": f"< {self.median:g}", "undetermined": "one lag: no estimate"}
        return bounds.get(self.outcome, "not measured")

    @property
    def bracket(self) -> str:
        """The bracket as it stands in a table: "[8, 32]", with a dash for an end that was not reached."""
        ends = ("-" if lag is None else f"{lag:g}" for lag in (self.all_solved, self.none_solved))
        return f"[{', '.join(ends)}]"


def learned_span(lags: Sequence[int], solved: Sequence[int], attempts: Sequence[int]) -> MemorySpan:
    """Return T50 from the members that solved at each lag.

    solved ~ Binomial(attempts, p(T)), p as in `solve_probability`; flat prior on log2 T50 over the range of `prior_of`,
    s log-uniform over 0.05 .. 2 octaves. It is integrated over a grid of 1201 x 121, without random numbers.

    The lag grid is the lags with at least one attempt. One lag alone gives no estimate unless all or none solved there.

    Coverage: how often the 95% interval holds the T50 that the counts were drawn from. T50 in equal steps of log2 over
    the lags 2, 3, 4, 6, 8, 16, 32, 48 and over 2, 4, 8, 16, 32, 64; 14,800 draws a figure, standard error 0.002. An
    open interval counts as [T_max, inf) or [0, T_min]. `pytest tests/analysis/test_memory_span_coverage.py` draws anew.

           s  5 members  10 members
        0.05      0.962       0.917
         0.1      0.976       0.970
         0.3      0.949       0.944
         0.6      0.939       0.944
         1.0      0.948       0.954
         1.5      0.947       0.957
         2.0      0.931       0.934

    Each lag grid alone has 0.90 to 0.98 at every s. For s from 0.3 to 1.5 and T50 a quarter octave or more inside the
    lag grid, every fifth of an octave has 0.90 to 0.99. Elsewhere the coverage of a single T50 strays from its row:

    - s below 0.3, T50 just off a lag: where by chance all members of that lag solve, or none, the counts are those of
      any T50 further off, and the interval stops short of T50. With s = 0.1 the intervals of 5 members hold a T50 0.1
      octave from a lag in 0.81, those of 10 one 0.14 octave from it in 0.89; with s = 0.05 in 0.52 and 0.49. Halfway
      between two lags an octave apart all hold it: the counts determine only the gap, and lags between narrow it.
    - T50 beyond the lag grid: the prior stops half an octave from its end, and a central interval leaves 2.5% of it
      outside. With s = 1.5 and 5 (10) members it holds a T50 at the last lag in 0.95 (0.97), 0.25 octave beyond it in
      0.92 (0.94), 0.4 octave in 0.81 (0.87), and half an octave beyond in almost none. `cut_off` marks where T50 may
      lie there, so let the lag grid reach half an octave or more beyond T50 on both sides.

    Args:
        lags: in steps, in any order, each once.
        solved: members that solved.
        attempts: members that ran to their end, solved or not; failed and missing members are not attempts.
    """
    lag_grid = sorted((T, k, n) for T, k, n in zip(lags, solved, attempts, strict=True) if n > 0)
    if not lag_grid:
        return MemorySpan("unmeasured")
    all_solved = max((T for T, k, n in lag_grid if k == n), default=None)
    none_solved = min((T for T, k, _ in lag_grid if k == 0), default=None)
    first, last = lag_grid[0][0], lag_grid[-1][0]
    posterior = _posterior(tuple(lag_grid)) if len(lag_grid) > 1 else None
    if all(k == n for _, k, n in lag_grid):
        return MemorySpan("above", last, last, math.inf, all_solved, none_solved, posterior=posterior)
    if all(k == 0 for _, k, _ in lag_grid):
        return MemorySpan("below", first, 0.0, first, all_solved, none_solved, posterior=posterior)
    if posterior is None:
        return MemorySpan("undetermined", all_solved=all_solved, none_solved=none_solved)
    low, median, high = posterior.quantiles(np.array((TAIL, 0.5, 1 - TAIL))).tolist()
    return MemorySpan("fitted", median, low, high, all_solved, none_solved, _cut_off(lag_grid), posterior)


def prior_of(first: int, last: int) -> tuple[float, float]:
    """Return the log2 of the least and the greatest T50 that may be: half an octave beyond the lags.

    T50 is at least 1, since no task has a shorter lag; there is no such limit above.
    """
    return max(math.log2(first) - BEYOND, 0.0), math.log2(last) + BEYOND


@lru_cache(maxsize=64)  # a report asks for the same span in its table, its figure and its headline
def _posterior(lag_grid: tuple[Counts, ...]) -> Posterior:
    lags, solved, attempts = zip(*lag_grid, strict=True)
    log2_t50, ln_width, ln_solved, ln_unsolved = _log_probabilities(lags)
    k, n = (np.array(counts, dtype=float)[:, None, None] for counts in (solved, attempts))
    log_likelihood = (k * ln_solved + (n - k) * ln_unsolved).sum(axis=0)
    density = np.exp(log_likelihood - log_likelihood.max())
    volume = trapezoid(trapezoid(density, ln_width, axis=1), log2_t50)
    return Posterior(log2_t50, ln_width, density / volume)


@lru_cache(maxsize=4)  # one lag grid meets many counts: all cells, and several budgets of each
def _log_probabilities(lags: tuple[int, ...]) -> tuple[Array, Array, Array, Array]:
    """Return the grid of log2 T50 and of ln s, and on it ln p and ln(1 - p) at each lag [lag, T50, s]."""
    log2_t50 = np.linspace(*prior_of(lags[0], lags[-1]), GRID_T50)
    ln_width = np.linspace(math.log(WIDTHS[0]), math.log(WIDTHS[1]), GRID_WIDTH)
    steps = np.array(lags, dtype=float)[:, None, None]
    p = solve_probability(steps, log2_t50[:, None], np.exp(ln_width))
    return log2_t50, ln_width, np.log(p), np.log1p(-p)


def _cut_off(lag_grid: Sequence[Counts]) -> Literal["above", "below"] | None:
    (_, first_solved, first_n), (_, last_solved, last_n) = lag_grid[0], lag_grid[-1]
    if 2 * last_solved >= last_n:
        return "above"
    return "below" if 2 * first_solved <= first_n else None


@dataclass(frozen=True)
class SpanRatio:
    """The ratio of one span to another.

    `bound` is ">=" or "<=" where the end of a lag grid cuts one of the spans off, "" where both are fitted, and "?",
    with NaN for numbers, where the lag grids determine no ratio. `growth` is ">=" or "<=" where a larger budget would
    raise or lower the ratio, "?" where it could do either.
    """

    median: float
    low: float
    high: float
    bound: Bound
    growth: Bound = ""

    @property
    def text(self) -> str:
        """The ratio in a sentence: "9.1x (95% 6.0-12.3)", "at least 9.1x (95% bound 7.0x)"."""
        return "not determined" if self.bound == "?" else f"{self.factor} ({self.interval})"

    @property
    def factor(self) -> str:
        """The ratio alone: "9.1x", "at least 9.1x", "9.1x within the budget"."""
        limits = {self.bound, self.growth} - {""}
        if len(limits) == 1 and limits != {"?"}:
            return f"{'at least' if limits == {'>='} else 'at most'} {times(self.median)}"
        return f"{times(self.median)} within the budget" if limits else times(self.median)

    @property
    def interval(self) -> str:
        """The interval of the ratio, or its bound: "95% 6.0-12.3", "95% bound 7.0x"."""
        if self.bound == "":
            return f"95% {significant(self.low, 2)}-{significant(self.high, 2)}"
        return f"95% bound {times(self.low if self.bound == '>=' else self.high)}"

    def with_growth(self, a_grows: bool, b_grows: bool) -> "SpanRatio":
        """Return the same ratio with its `growth`, from which of the two spans still grow with the budget."""
        return replace(self, growth=GROWTHS[a_grows, b_grows])


def span_ratio(a: MemorySpan, b: MemorySpan) -> SpanRatio:
    """Return the span of `a` over that of `b`, with the central 95% interval from the two independent posteriors.

    Both are in lag, or both in distance. The distribution of the difference of their log2 is taken over all pairs of
    1000 equally likely quantiles of each. Where one span is only bounded, so is the ratio; where both are bounded on
    the same side it is unknown.
    """
    at_least = a.outcome == "above" or b.outcome == "below"
    at_most = a.outcome == "below" or b.outcome == "above"
    unknown = {"undetermined", "unmeasured"} & {a.outcome, b.outcome}
    if unknown or (at_least and at_most):
        return SpanRatio(math.nan, math.nan, math.nan, "?")
    if not (at_least or at_most) and a.posterior and b.posterior:
        return _posterior_ratio(a.posterior, b.posterior)
    low = a.low / b.high if math.isfinite(b.high) else 0.0
    high = a.high / b.low if b.low > 0 else math.inf
    return SpanRatio(a.median / b.median, low, high, ">=" if at_least else "<=")


def _posterior_ratio(a: Posterior, b: Posterior) -> SpanRatio:
    shares = (np.arange(RATIO_QUANTILES) + 0.5) / RATIO_QUANTILES
    differences = np.subtract.outer(np.log2(a.quantiles(shares)), np.log2(b.quantiles(shares)))
    low, median, high = np.exp2(np.quantile(differences, (TAIL, 0.5, 1 - TAIL)))
    return SpanRatio(float(median), float(low), float(high), "")
