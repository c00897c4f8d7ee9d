"""Where a sigmoid, which lies strictly between 0 and 1, becomes exactly 0 or 1 in float32."""

import math

ONE_FROM = 24 * math.log(2)
"""The x from which 1 / (1 + e^-x) is exactly 1: e^-x is at most 2^-24, half of float32's step above 1. It is 16.64."""

ZERO_TO = -128 * math.log(2)
"""The x down from which 1 / (1 + e^-x) is exactly 0: e^-x is beyond 2^128, the end of float32. It is -88.72."""


def sigmoid_range_text() -> str:
    """Return both limits in a sentence."""
    return (
        "A sigmoid lies strictly between 0 and 1; computed in float32 it is exactly 1 "
        f"from {ONE_FROM:.2f} on, and exactly 0 from {ZERO_TO:.2f} down."
    )
