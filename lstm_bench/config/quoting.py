"""Paths on the command line, taken as they are typed.

Hydra reads an unquoted value as a word of its own language: it refuses '#' or 'ü', splits at a comma, and makes a
number of 1_000.
"""

import re

AS_TYPED = re.compile(r"(\+{0,2}output=)([^'\"].*)", re.DOTALL)


def quoted(text: str) -> str:
    """Return text as a string in Hydra's language; ${...} in it stays an interpolation."""
    escaped = re.sub(r'(\\*)("|$)', lambda found: found[1] * 2 + (r"\"" if found[2] else ""), text)
    return f'"{escaped}"'


def as_typed(override: str) -> str:
    """Return an override with its value quoted, if it is a path that is not quoted yet; any other as it is."""
    found = AS_TYPED.fullmatch(override)
    return found[1] + quoted(found[2]) if found else override
