"""Numbers as words: three significant digits, plain ASCII, the same everywhere."""

import math
from collections.abc import Iterable, Sequence

NOT_AVAILABLE = "n/a"
HUGE = 1e7  # numbers from here on are written in scientific notation
FAR_APART = 1e6  # Student's t with one degree of freedom reaches this, where two members differ
NOTHING_TRAINED = "Nothing was trained: the members were measured at initialisation."


def significant(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits, thousands apart by commas: 14.2, 0.0512, 12,346.

    Integers keep all their digits, very small numbers become 1.2e-05, those from 1e7 on 1.23e7, and what is not finite
    "n/a". With 0 digits it is rounded to an integer.
    """
    if not math.isfinite(value):
        return NOT_AVAILABLE
    if abs(value) >= HUGE:
        mantissa, _, exponent = f"{value:.{max(digits, 2) - 1}e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    if digits == 0 or value == 0:
        return f"{value:,.0f}"
    rounded = float(f"{value:.{digits - 1}e}")
    magnitude = math.floor(math.log10(abs(rounded)))
    if magnitude < -4:
        return f"{value:.{digits - 2}e}"
    if magnitude >= digits - 1:
        return f"{value:,.0f}"
    return f"{rounded:,.{digits - 1 - magnitude}f}"


def with_range(middle: float, low: float, high: float, digits: int = 3) -> str:
    """Return "14.2 (11.0-18.9)" or "-1.9 (-4.8 to -0.47)"; an open upper end reads "14.2 (11.0 or more)"."""
    if not math.isfinite(middle):
        return NOT_AVAILABLE
    ends = range_of(low, high, digits)
    return f"{significant(middle, digits)} ({ends})" if ends else significant(middle, digits)


def range_of(low: float, high: float, digits: int = 3) -> str:
    """Return "11.0-18.9", "-4.8 to -0.47" or, of an open upper end, "11.0 or more"; "" without a lower end.

    "" as well where the ends are too far apart to say anything, as those of two members may be.
    """
    if not math.isfinite(low) or is_boundless(low, high):
        return ""
    if not math.isfinite(high):
        return f"{significant(low, digits)} or more"
    to = " to " if low < 0 else "-"
    return f"{significant(low, digits)}{to}{significant(high, digits)}"


def is_boundless(low: float, high: float) -> bool:
    """Return whether an interval is so wide that it says nothing: its ends a factor of 1e6 apart, or 0 and 1e7."""
    return FAR_APART * low <= high < math.inf if low > 0 else low == 0 and high >= HUGE


def times(ratio: float) -> str:
    """Return a ratio as "9.1x", "0.45x" or "1,200x"."""
    return f"{significant(ratio, 2)}x" if math.isfinite(ratio) else NOT_AVAILABLE


def span_of(counts: Iterable[float]) -> str:
    """Return the range of some counts: "64" where all are equal, else "8-64"; "n/a" without a finite one."""
    known = sorted({count for count in counts if math.isfinite(count)})
    if not known:
        return NOT_AVAILABLE
    return "-".join(f"{count:,.0f}" for count in dict.fromkeys((known[0], known[-1])))


def listed(items: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))


def counted(n: int, noun: str) -> str:
    """Return "1 member" or "5 members"."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
