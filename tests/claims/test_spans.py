"""No interval of a span or a ratio ends where only the ladder of lags did."""

import math

import pytest

from lstm_bench.analysis.memory_span import learned_span, span_ratio
from lstm_bench.claims.spans import ratio_interval, ratio_text, span_interval, span_text

LAGS = (4, 8, 16, 32)
BRACKETED = learned_span(LAGS, (5, 5, 1, 0), (5,) * 4)
CUT_ABOVE = learned_span(LAGS, (5, 5, 5, 3), (5,) * 4)
CUT_BELOW = learned_span(LAGS, (2, 0, 0, 0), (5,) * 4)
ALL, NONE = learned_span(LAGS, (5,) * 4, (5,) * 4), learned_span(LAGS, (0,) * 4, (5,) * 4)
ONE_LAG = learned_span((8,), (2,), (5,))


def test_an_interval_is_open_where_the_ladder_ends():
    assert span_interval(BRACKETED) == (BRACKETED.median, BRACKETED.low, BRACKETED.high)
    assert span_interval(CUT_ABOVE) == (CUT_ABOVE.median, CUT_ABOVE.low, math.inf)
    assert span_interval(CUT_BELOW) == (CUT_BELOW.median, 0, CUT_BELOW.high)
    assert span_interval(ALL) == (32, 32, math.inf)
    assert span_interval(NONE) == (4, 0, 4)


def test_the_words_say_which_end_is_open():
    assert span_text(BRACKETED) == f"{BRACKETED.text} steps"
    assert span_text(CUT_ABOVE).endswith(" or more) steps")
    assert (span_text(ALL), span_text(NONE)) == (">= 32 steps", "< 4 steps")


@pytest.mark.parametrize(
    ("a", "b", "low_is_open", "high_is_open"),
    [
        (BRACKETED, BRACKETED, False, False),
        (CUT_ABOVE, BRACKETED, False, True),
        (BRACKETED, CUT_ABOVE, True, False),
        (CUT_BELOW, BRACKETED, True, False),
        (BRACKETED, CUT_BELOW, False, True),
        (CUT_ABOVE, CUT_ABOVE, True, True),
        (NONE, CUT_ABOVE, True, False),
        (ALL, CUT_ABOVE, True, True),
    ],
)
def test_a_ratio_is_open_to_the_side_that_a_ladders_end_leaves(a, b, low_is_open, high_is_open):
    interval, ratio = ratio_interval(a, b), span_ratio(a, b)
    assert interval.middle == ratio.median
    assert interval.low == (0 if low_is_open else pytest.approx(ratio.low))
    assert interval.high == (math.inf if high_is_open else pytest.approx(ratio.high))


def test_a_ratio_in_words():
    assert ratio_text(BRACKETED, BRACKETED) == span_ratio(BRACKETED, BRACKETED).text
    assert ratio_text(NONE, CUT_ABOVE) == span_ratio(NONE, CUT_ABOVE).text  # "at most", whatever lies beyond the end
    assert ratio_text(CUT_ABOVE, BRACKETED).endswith(" or more)")
    assert ratio_text(BRACKETED, CUT_ABOVE).endswith(" or less)")
    assert ratio_text(CUT_ABOVE, CUT_ABOVE).endswith("unbounded, since the lags end too soon)")


def test_spans_that_say_nothing_have_no_ratio():
    assert math.isnan(ratio_interval(ONE_LAG, BRACKETED).middle)
    assert math.isnan(ratio_interval(ALL, ALL).middle)
