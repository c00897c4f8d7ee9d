"""Quote paths on the command line, so that Hydra takes them as typed.

Hydra parses an unquoted value in its own grammar: it refuses '#' or 'ü', splits at a comma, and reads 1_000 as a
number.
"""

import re

AS_TYPED = re.compile(r"(\+{0,2}output=)([^'\"].*)", re.DOTALL)


def quoted(text: str) -> str:
    """Return text as a quoted string of Hydra's grammar; ${...} in it stays an interpolation."""
    escaped = re.sub(r'(\\*)("|$)', lambda match: match[1] * 2 + (r"\"" if match[2] else ""), text)
    return f'"{escaped}"'


def as_typed(override: str) -> str:
    """Return an override with its value quoted if it is an unquoted path; return any other unchanged."""
    match = AS_TYPED.fullmatch(override)
    return match[1] + quoted(match[2]) if match else override
