"""No interval of a span or a ratio ends where only the lag grid did."""

import math

import pytest

from lstm_bench.analysis.memory_span import learned_span, span_ratio
from lstm_bench.claims.spans import TriedSpan

LAGS = (4, 8, 16, 32)


def tried(solved, lags=LAGS, members=5, limited=False) -> TriedSpan:
    return TriedSpan(learned_span(lags, solved, (members,) * len(lags)), limited)


BRACKETED, GROWING = tried((5, 5, 1, 0)), tried((5, 5, 1, 0), limited=True)
CUT_ABOVE, CUT_BELOW = tried((5, 5, 5, 3)), tried((2, 0, 0, 0))
ALL, NONE = tried((5,) * 4), tried((0,) * 4)
ONE_LAG = tried((2,), (8,))


def test_an_interval_is_open_where_the_lag_grid_ends():
    for one, low, high in (
        (BRACKETED, BRACKETED.span.low, BRACKETED.span.high),
        (CUT_ABOVE, CUT_ABOVE.span.low, math.inf),
        (CUT_BELOW, 0, CUT_BELOW.span.high),
    ):
        assert one.interval == (one.span.median, low, high)
    assert ALL.interval == (32, 32, math.inf)
    assert NONE.interval == (4, 0, 4)


def test_a_span_that_grows_with_the_budget_is_a_lower_bound():
    assert GROWING.interval == (BRACKETED.span.median, BRACKETED.span.low, math.inf)
    assert GROWING.text.endswith(" or more) steps")
    assert GROWING.ratio_to(BRACKETED)[1:] == (BRACKETED.ratio_to(BRACKETED).low, math.inf)
    assert BRACKETED.ratio_to(GROWING)[1:] == (0, BRACKETED.ratio_to(BRACKETED).high)


def test_the_words_say_which_end_is_open():
    assert BRACKETED.text == f"{BRACKETED.span.text} steps"
    assert CUT_ABOVE.text.endswith(" or more) steps")
    assert (ALL.text, NONE.text) == (">= 32 steps", "< 4 steps")


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
def test_a_ratio_is_open_to_the_side_that_a_lag_grids_end_leaves(a, b, low_is_open, high_is_open):
    interval, ratio = a.ratio_to(b), span_ratio(a.span, b.span)
    assert interval.middle == ratio.median
    assert interval.low == (0 if low_is_open else pytest.approx(ratio.low))
    assert interval.high == (math.inf if high_is_open else pytest.approx(ratio.high))


def test_a_ratio_in_words():
    assert BRACKETED.ratio_text(BRACKETED) == span_ratio(BRACKETED.span, BRACKETED.span).text
    assert NONE.ratio_text(CUT_ABOVE) == span_ratio(NONE.span, CUT_ABOVE.span).text  # "at most", whatever lies beyond
    assert CUT_ABOVE.ratio_text(BRACKETED).endswith(" or more)")
    assert BRACKETED.ratio_text(CUT_ABOVE).endswith(" or less)")
    assert CUT_ABOVE.ratio_text(CUT_ABOVE).endswith("unbounded, since the lags or the budget end too soon)")


def test_spans_that_say_nothing_have_no_ratio():
    assert math.isnan(ONE_LAG.ratio_to(BRACKETED).middle)
    assert math.isnan(ALL.ratio_to(ALL).middle)


def test_words_say_in_what_a_span_is_counted():
    in_lag = TriedSpan(BRACKETED.span, unit="steps of lag")
    assert in_lag.text == f"{BRACKETED.span.text} steps of lag"
