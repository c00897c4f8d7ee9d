"""Spans as claims take them: no interval ends where only the ladder of lags did."""

import math

from lstm_bench.analysis.memory_span import MemorySpan, span_ratio
from lstm_bench.analysis.statistics import UNKNOWN, Interval
from lstm_bench.analysis.wording import significant, times, with_range


def span_interval(span: MemorySpan) -> Interval:
    """Return T50 with its 95% interval, open where the ladder ends before T50 is bracketed.

    The ladder bounds the prior and so the interval; beyond its end nothing was tried, so nothing is excluded.
    """
    low = 0.0 if span.cut_off == "below" else span.low
    return Interval(span.median, low, math.inf if span.cut_off == "above" else span.high)


def span_text(span: MemorySpan) -> str:
    """Return such a T50 in words: "32.7 (25.0-41.3) steps", "29.6 (20.0 or more) steps", ">= 120 steps"."""
    return f"{with_range(*span_interval(span)) if span.outcome == 'fitted' else span.text} steps"


def ratio_interval(a: MemorySpan, b: MemorySpan) -> Interval:
    """Return T50 of `a` over T50 of `b`, open to the side to which a ladder's end leaves either; NaN where unknown."""
    ratio = span_ratio(a, b)
    if ratio.bound == "?":
        return UNKNOWN
    low = 0.0 if a.cut_off == "below" or b.cut_off == "above" else ratio.low
    high = math.inf if a.cut_off == "above" or b.cut_off == "below" else ratio.high
    return Interval(ratio.median, low, high)


def ratio_text(a: MemorySpan, b: MemorySpan) -> str:
    """Return such a ratio in words: "14x (95% 9.6-18)", "at most 0.54x (95% bound 0.80x)", "1.0x (95% 0.7 or more)"."""
    ratio, interval = span_ratio(a, b), ratio_interval(a, b)
    if interval[1:] == (ratio.low, ratio.high):
        return ratio.text
    ends = [significant(end, 2) for end in interval[1:]]
    told = {
        (True, True): f"{ends[0]}-{ends[1]}",
        (True, False): f"{ends[0]} or more",
        (False, True): f"{ends[1]} or less",
        (False, False): "unbounded, since the lags end too soon",
    }
    return f"{times(ratio.median)} (95% {told[interval.low > 0, math.isfinite(interval.high)]})"
