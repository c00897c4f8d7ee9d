"""The posterior of T50 from the packs of members that have ended, and the information that one more would add."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstm_bench.analysis.memory_span import TAIL, WIDTHS, prior_of, solve_probability

PACK = 2  # members that are trained at one lag before the next decision
KEPT_OUTCOMES = 9  # of the packs in flight: the most probable, which are all of them for two packs
NEGLIGIBLE = 1e-6  # probability of a T50 up to which its information is not counted
Array = NDArray[np.float64]
Counts = Mapping[int, tuple[int, int]]  # lag: solved, attempts


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells of equal size in log2 T50 and in ln s, in which the prior is flat: the model and prior of `learned_span`.

    The range of T50 is half an octave beyond the lags that may be tried, whatever was tried, so that it is open above
    while a search climbs. `edges` are those of the cells in log2 T50; `width` is s at the middles of the cells.
    """

    edges: Array
    width: Array

    @classmethod
    def between(
        cls, smallest: int, max_lag: int, points_per_octave: int, widths: int, widest: float = WIDTHS[1]
    ) -> "Grid":
        """Return the grid for lags from `smallest` to `max_lag` and s from 0.05 to `widest` octaves."""
        low, high = prior_of(smallest, max_lag)
        edges = np.linspace(low, high, math.ceil((high - low) * points_per_octave) + 1)
        return cls(edges, np.geomspace(WIDTHS[0], widest, 2 * widths + 1)[1::2])

    def solve_probability(self, lags: Sequence[int]) -> Array:
        """Return p(T) in each cell, [lag, T50, s]."""
        middles = (self.edges[1:] + self.edges[:-1]) / 2
        return solve_probability(np.array(lags, dtype=float)[:, None, None], middles[:, None], self.width)

    def posterior(self, counts: Counts) -> Array:
        """Return the probability of each cell, [T50, s]."""
        p = self.solve_probability(list(counts))
        k, n = np.array(list(counts.values()), dtype=float).reshape(-1, 2).T
        ln_likelihood = np.tensordot(k, np.log(p), 1) + np.tensordot(n - k, np.log1p(-p), 1)
        likelihood = np.exp(ln_likelihood - ln_likelihood.max())
        return np.asarray(likelihood / likelihood.sum())

    def quantiles(self, posterior: Array) -> tuple[float, float, float]:
        """Return T50, in steps: the low end of the central 95% interval, the median, the high end."""
        below = np.concatenate([[0.0], np.cumsum(posterior.sum(axis=1))])
        low, median, high = np.exp2(np.interp((TAIL, 0.5, 1 - TAIL), below, self.edges)).tolist()
        return low, median, high

    def outcomes(self, posterior: Array, pending: Sequence[int]) -> list[tuple[float, Array]]:
        """Return the most likely outcomes of the packs in flight at these lags: probability and posterior of each."""
        outcomes = [(1.0, posterior)]
        for p in self.solve_probability(pending):
            joints = [weight * after * chance for weight, after in outcomes for chance in _binomial(p)]
            weights = [float(joint.sum()) for joint in joints]
            kept = sorted(range(len(joints)), key=lambda i: -weights[i])[:KEPT_OUTCOMES]
            outcomes = [(weights[i], joints[i] / weights[i]) for i in kept]
        return outcomes


def information(posterior: Array, p: Array) -> Array:
    """Return the information about T50 in a pack at each lag, in nats: I(solved; T50), with s marginalised.

    I = sum over k and T50 of P(k, T50) ln(P(k, T50) / (P(k) P(T50))), k the solved of a pack; `p` is [lag, T50, s].
    """
    t50 = posterior.sum(axis=1)
    cells = np.flatnonzero(t50 > NEGLIGIBLE)
    t50, p = t50[cells], p[:, cells]
    once, twice = (np.einsum("ts,lts->lt", posterior[cells], power) for power in (p, p * p))
    joint = np.stack([t50 - 2 * once + twice, 2 * (once - twice), twice])  # [solved, lag, T50]
    solved = joint.sum(axis=2, keepdims=True)
    return np.asarray((joint * np.log(joint / (solved * t50))).sum(axis=(0, 2)))


def _binomial(p: Array) -> tuple[Array, Array, Array]:
    """Return the probability that 0, 1 and 2 members of a pack solve."""
    return (1 - p) ** 2, 2 * p * (1 - p), p**2
