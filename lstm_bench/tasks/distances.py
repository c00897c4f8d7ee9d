"""Distances at which forgetting is measured: evenly spread on a logarithmic scale, or around one lag."""

MULTIPLES = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4)


def spread(longest: int, points: int) -> list[int]:
    """Return up to `points` integers from 1 to `longest`, evenly spread on a logarithmic scale."""
    return sorted({round(longest ** (k / (points - 1))) for k in range(points)}) if points > 1 else [longest]


def around(lag: int) -> list[int]:
    """Return integers from a quarter of a lag to four times it, at least 1."""
    return sorted({max(1, round(lag * multiple)) for multiple in MULTIPLES})
