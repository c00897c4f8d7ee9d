"""Numbers as a reader would write them."""

import math

import pytest

from lstm_bench.analysis.wording import counted, listed, significant, span_of, times, with_range


@pytest.mark.parametrize(
    ("value", "text"),
    [(14.23, "14.2"), (0.05123, "0.0512"), (12345.6, "12,346"), (9.996, "10.0"), (0, "0"), (-3.14159, "-3.14"),
     (1e-8, "1.0e-08"), (math.nan, "n/a"), (math.inf, "n/a"), (100, "100"), (0.1, "0.100"),
     (9_876_543, "9,876,543"), (12_345_678, "1.23e7"), (-1.1e27, "-1.10e27"), (1e300, "1.00e300")],
)  # fmt: skip
def test_three_significant_digits(value: float, text: str) -> None:
    assert significant(value) == text


def test_ranges() -> None:
    assert with_range(14.2, 11.0, 18.9) == "14.2 (11.0-18.9)"
    assert with_range(3000, 2600, math.inf, digits=0) == "3,000 (2,600 or more)"
    assert with_range(math.nan, 1, 2) == "n/a"
    assert with_range(-1.9, -4.8, -0.47, digits=2) == "-1.9 (-4.8 to -0.47)"
    assert with_range(3e8, 2.6e8, 1.1e9, digits=0) == "3.0e8 (2.6e8-1.1e9)"
    assert with_range(0.6, 1e-27, 1.1e27) == with_range(0.6, 0, math.inf) == "0.600"
    assert with_range(0.6, 0, 0.9, digits=1) == "0.6 (0-0.9)"
    assert with_range(5.0, math.nan, math.nan) == "5.00"


def test_small_words() -> None:
    assert times(9.13) == "9.1x"
    assert times(1.1e27) == "1.1e27x"
    assert times(math.nan) == "n/a"
    assert span_of([64, 64]) == "64"
    assert span_of([8, 64, math.nan]) == "8-64"
    assert span_of([]) == "n/a"
    assert [listed(list("abc"[:n])) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert (counted(1, "member"), counted(1200, "member")) == ("1 member", "1,200 members")
