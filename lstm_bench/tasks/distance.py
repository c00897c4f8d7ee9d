"""The median of a distance whose distribution is known."""

from collections.abc import Mapping
from itertools import accumulate


def median_of(counts: Mapping[int, int]) -> float:
    """Return the median of integers that occur so often each: the middle one, or the mean of the two in the middle.

    Raises: ValueError where nothing occurs.
    """
    total = sum(counts.values())
    if total < 1:
        raise ValueError("the median of nothing")
    return (_smallest(counts, (total + 1) // 2) + _smallest(counts, total // 2 + 1)) / 2


def _smallest(counts: Mapping[int, int], k: int) -> int:
    """Return the k-th smallest."""
    values = sorted(counts)
    return next(value for value, n in zip(values, accumulate(map(counts.__getitem__, values)), strict=True) if n >= k)
