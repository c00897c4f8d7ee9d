"""Spans in distance: the steps that a memory is held, instead of the lag, which each task counts in its own way."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.memory_span import MemorySpan, Posterior, SpanRatio, span_ratio
from lstm_bench.analysis.solving import is_budget_limited, spans

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DistanceScale:
    """The distance at each lag of a task, lags ascending: linear between the lags, and extrapolated beyond them.

    Between lags a distance is rarely more than half a step off its line, since it is the median of whole steps. For a
    single lag, a step of lag counts as a step held.
    """

    lags: Array
    distances: Array

    def at(self, lag: Array) -> Array:
        """Return the distance at each of these lags; 0 and infinity, the open ends of a span, stay as they are."""
        finite = np.where(np.isfinite(lag), lag, 0.0)
        line = np.clip(np.searchsorted(self.lags, finite) - 1, 0, len(self._slopes) - 1)
        distance = self.distances[line] + self._slopes[line] * (finite - self.lags[line])
        return np.asarray(np.where(finite > 0, distance, lag))

    @cached_property
    def _slopes(self) -> Array:
        if len(self.lags) == 1:
            return np.ones(1)
        return np.asarray(np.diff(self.distances) / np.diff(self.lags))


@dataclass(frozen=True, eq=False)
class PosteriorInDistance(Posterior):
    """A posterior of T50, whose quantiles are in distance."""

    scale: DistanceScale

    def quantiles(self, shares: Array) -> Array:
        """Return the distance that each of these shares of the posterior lies below."""
        return self.scale.at(super().quantiles(shares))


@cache_per_study
def distance_scale(study: StudyData) -> DistanceScale | None:
    """Return the distance at each lag of a study narrowed to one task; None where the plan lacks that of any lag."""
    known = {job.lag: job.distance for job in study.plan.jobs if job.distance is not None}
    lags = sorted({job.lag for job in study.plan.jobs})
    if not lags or lags != sorted(known):
        return None
    return DistanceScale(np.array(lags, dtype=float), np.array([known[lag] for lag in lags]))


@cache_per_study
def spans_in_distance(study: StudyData) -> dict[str, MemorySpan] | None:
    """Return each cell's learned span in steps held, of a study narrowed to one task; None where these are unknown."""
    scale = distance_scale(study)
    return None if scale is None else {cell: in_distance(span, scale) for cell, span in spans(study).items()}


@cache_per_study
def held_spans(study: StudyData) -> dict[str, MemorySpan]:
    """Return each cell's learned span in steps held, and where these are unknown in lag."""
    return spans_in_distance(study) or spans(study)


@cache_per_study
def held_ratio(study: StudyData, a: str, b: str) -> SpanRatio:
    """Return the span of one cell over that of another, by `held_spans`, and whether it grows with the budget."""
    by_cell = held_spans(study)
    return span_ratio(by_cell[a], by_cell[b]).with_growth(is_budget_limited(study, a), is_budget_limited(study, b))


def in_distance(span: MemorySpan, scale: DistanceScale) -> MemorySpan:
    """Return a learned span in steps held: T50, its interval, its bracket and its posterior at these distances."""
    numbers = scale.at(np.array([span.median, span.low, span.high]))
    median, low, high = numbers.tolist()
    posterior = span.posterior
    return replace(
        span,
        median=median,
        low=low,
        high=high,
        all_solved=_at(span.all_solved, scale),
        none_solved=_at(span.none_solved, scale),
        posterior=posterior and PosteriorInDistance(posterior.log2_t50, posterior.ln_width, posterior.density, scale),
    )


def _at(lag: float | None, scale: DistanceScale) -> float | None:
    return None if lag is None else float(scale.at(np.array(lag)))
