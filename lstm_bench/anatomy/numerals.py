"""Numbers rounded as at school: a half goes up, and zero has no sign."""

import math

TOLERANCE = 1e-12  # 0.95 x 0.95 is slightly below 0.9025 in binary, and still becomes 0.903


def fixed(value: float, places: int) -> str:
    """Return a number with `places` decimal places."""
    text = f"{value + math.copysign(TOLERANCE, value):.{places}f}"
    return text.lstrip("-") if float(text) == 0 else text


def short(value: float) -> str:
    """Return a number with up to three places: 0.72, 0.066; far from 1 in powers of ten: 2e-05, 1.2e+05."""
    if value and not 5e-4 <= abs(value) < 1e4:
        return f"{value:.0e}" if abs(value) < 1 else f"{value:.1e}"
    text = fixed(value, 3)
    return text.rstrip("0").rstrip(".")


def minus(text: str) -> str:
    """Return a number's text with a true minus sign."""
    return text.replace("-", "−")
