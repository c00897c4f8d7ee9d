"""Spans for claims: open where the lags or the budget ended, and with the range that a study could have found."""

import math
from dataclasses import dataclass

import numpy as np

from lstm_bench.analysis.distance import distance_scale, held_spans
from lstm_bench.analysis.frames import StudyData, cache_per_study
from lstm_bench.analysis.memory_span import MemorySpan, span_ratio
from lstm_bench.analysis.solving import is_budget_limited, solve_rates
from lstm_bench.analysis.statistics import UNKNOWN, Interval
from lstm_bench.analysis.wording import significant, times, with_range
from lstm_bench.claims.contract import ANYWHERE, NOWHERE, Claimed

STEPS, LAG = "steps", "steps of lag"
FEWEST = 4  # members at every lag: fewer cannot be significant


@dataclass(frozen=True)
class TriedSpan:
    """The span of a cell, and the range in which its study could have found it.

    Args:
        span: the span that the members give, in steps held, or in lag where a task does not say how many these are.
        limited: whether it still grows with the budget, so that it is a lower bound.
        reach: the span at the shortest and at the longest lag tried; `NOWHERE` where the members are too few for any
            T50, or the budget too small: no cell solved any lag.
        unit: what the span is counted in.
    """

    span: MemorySpan
    limited: bool = False
    reach: Claimed = ANYWHERE
    unit: str = STEPS

    @property
    def interval(self) -> Interval:
        """The span with its 95% interval, open where the lags end before T50 is bracketed, above where it still grows.

        The lag grid bounds the prior and so the interval; beyond its end nothing was tried, so nothing is excluded.
        """
        span = self.span
        low = 0.0 if span.cut_off == "below" else span.low
        return Interval(span.median, low, math.inf if self._open_above else span.high)

    @property
    def text(self) -> str:
        """The span in words: "32.7 (25.0-41.3) steps", "29.6 (20.0 or more) steps", ">= 120 steps"."""
        return f"{with_range(*self.interval) if self.span.outcome == 'fitted' else self.span.text} {self.unit}"

    @property
    def _open_above(self) -> bool:
        return self.limited or self.span.cut_off == "above"

    def ratio_to(self, other: "TriedSpan") -> Interval:
        """Return this span over another, open on the sides that lags or budget leave open; NaN where unknown."""
        ratio = span_ratio(self.span, other.span)
        if ratio.bound == "?":
            return UNKNOWN
        low = 0.0 if self.span.cut_off == "below" or other._open_above else ratio.low
        high = math.inf if self._open_above or other.span.cut_off == "below" else ratio.high
        return Interval(ratio.median, low, high)

    def ratio_text(self, other: "TriedSpan") -> str:
        """Return the ratio to another span in words: "14x (95% 9.6-18)", "at most 0.54x (95% bound 0.80x)"."""
        ratio, interval = span_ratio(self.span, other.span), self.ratio_to(other)
        if interval[1:] == (ratio.low, ratio.high):
            return ratio.text
        ends = [significant(end, 2) for end in interval[1:]]
        ranges = {
            (True, True): f"{ends[0]}-{ends[1]}",
            (True, False): f"{ends[0]} or more",
            (False, True): f"{ends[1]} or less",
            (False, False): "unbounded, since the lags or the budget end too soon",
        }
        return f"{times(ratio.median)} (95% {ranges[interval.low > 0, math.isfinite(interval.high)]})"

    def ratio_reach(self, other: "TriedSpan") -> Claimed:
        """Return the least and the greatest ratio that the lags of both could have shown."""
        if NOWHERE in (self.reach, other.reach):
            return NOWHERE
        return Claimed(self.reach.low / other.reach.high, self.reach.high / other.reach.low)


@cache_per_study
def tried_spans(study: StudyData) -> dict[str, TriedSpan]:
    """Return each cell's span with the range in which it could have been found, of a study narrowed to one task."""
    unit = STEPS if distance_scale(study) else LAG
    return {
        cell: TriedSpan(span, is_budget_limited(study, cell), _reach(study, cell), unit)
        for cell, span in held_spans(study).items()
    }


def _reach(study: StudyData, cell: str) -> Claimed:
    rates, scale = solve_rates(study), distance_scale(study)
    tried = rates.loc[(rates["cell"] == cell) & (rates["attempts"] > 0)]
    if tried.empty or tried["attempts"].min() < FEWEST or not rates["solved"].any():
        return NOWHERE
    ends = np.array([tried["lag"].min(), tried["lag"].max()], dtype=float)
    return Claimed(*(scale.at(ends) if scale else ends).tolist())
