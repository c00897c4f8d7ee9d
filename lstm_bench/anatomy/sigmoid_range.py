"""Where a sigmoid, which lies strictly between 0 and 1, becomes exactly 0 or 1 in float32."""

from collections.abc import Callable
from functools import cache

import numpy as np

FAR = np.float32(128)  # beyond either end


@cache
def one_from() -> float:
    """Return the smallest float32 x at which 1 / (1 + e^-x) is exactly 1.

    That is where 1 + e^-x rounds to 1: e^-x is at most 2^-24, half of float32's step above 1, so x is 24 ln 2 = 16.64.
    """
    return _first(lambda x: _sigmoid(x) == 1)


@cache
def zero_to() -> float:
    """Return the largest float32 x at which 1 / (1 + e^-x) is exactly 0: e^-x is beyond float32, 3.4e38."""
    return -_first(lambda x: _sigmoid(-x) == 0)


def sigmoid_range_text() -> str:
    """Return both in a sentence."""
    return (
        "A sigmoid lies strictly between 0 and 1; computed in float32 it is exactly 1 "
        f"from {one_from():.2f} on, and exactly 0 from {zero_to():.2f} down."
    )


def _sigmoid(x: np.float32) -> np.float32:
    with np.errstate(over="ignore"):
        return np.float32(1 / (1 + np.exp(-x)))


def _first(holds: Callable[[np.float32], np.bool_]) -> float:
    """Return the smallest x from 0 to FAR at which this holds, where it holds from some x on."""
    low, high = np.float32(0), FAR
    while np.nextafter(low, high) < high:
        middle = np.float32((low + high) / 2)
        low, high = (low, middle) if holds(middle) else (middle, high)
    return float(high)
