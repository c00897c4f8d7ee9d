"""The lags that a search for a span may try: quarter octaves of the lag that it begins with."""

import math

FIRST_LAG = 4  # a search begins with no shorter lag, since it costs little to come back to one
LAGS_PER_OCTAVE = 4


def first_lag(shortest: int, longest: int) -> int:
    """Return the lag that a search begins with: the shortest, but at least 4, and at most the longest."""
    return min(max(shortest, FIRST_LAG), longest)


def quarter_octaves(shortest: int, longest: int) -> list[int]:
    """Return the lags a quarter octave apart, ascending, the shortest and the longest included."""
    first = first_lag(shortest, longest)
    down, up = (math.log2(end / first) * LAGS_PER_OCTAVE for end in (shortest, longest))
    inner = {round(first * 2 ** (part / LAGS_PER_OCTAVE)) for part in range(math.ceil(down), math.floor(up) + 1)}
    return sorted({shortest, longest, *inner})


def octaves(shortest: int, longest: int) -> list[int]:
    """Return those of `quarter_octaves` that are whole octaves away from the first lag."""
    first = first_lag(shortest, longest)
    down, up = math.ceil(math.log2(shortest / first)), math.floor(math.log2(longest / first))
    return sorted({round(first * 2.0**octave) for octave in range(down, up + 1)})


def nearest(lag: float, lags: list[int]) -> int:
    """Return the one of some ascending lags that is nearest to `lag` in octaves; of two, the shorter."""
    return min(lags, key=lambda other: abs(math.log2(other / lag)))
