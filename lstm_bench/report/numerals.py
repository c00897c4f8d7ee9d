"""Numbers as a pupil would round them: a half goes up, and zero has no sign."""

import math

A_HAIR = 1e-12  # 0.95 x 0.95 is a bit below 0.9025 in binary, and is to be 0.903 all the same


def fixed(value: float, places: int) -> str:
    """Return a number with so many places."""
    text = f"{value + math.copysign(A_HAIR, value):.{places}f}"
    return text.lstrip("-") if float(text) == 0 else text


def short(value: float) -> str:
    """Return a number with three places but no idle zeros: 0.72, 0.066; what is far from 1 as 2e-05 or 1.2e+05."""
    if value and not 5e-4 <= abs(value) < 1e4:
        return f"{value:.0e}" if abs(value) < 1 else f"{value:.1e}"
    text = fixed(value, 3)
    return text.rstrip("0").rstrip(".")


def minus(text: str) -> str:
    """Return a number's text with a true minus sign, as a page sets it."""
    return text.replace("-", "−")
