"""Range checks whose message names the key, the value and what is allowed."""

import re
from collections.abc import Collection

STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
STUDY_NAME_RULE = "up to 100 letters (a to z), digits, '.', '_' and '-', the first a letter or a digit"


def at_least(minimum: int, **values: int) -> None:
    """Raise ValueError for a value below `minimum`."""
    for name, value in values.items():
        if value < minimum:
            raise ValueError(f"{name}={value}: allowed: an integer of at least {minimum}")


def at_most(maximum: int, reason: str, **values: int) -> None:
    """Raise ValueError for a value above `maximum`; the reason ends the sentence "at most 9, ..."."""
    for name, value in values.items():
        if value > maximum:
            raise ValueError(f"{name}={value}: allowed: at most {maximum:,}, {reason}")


def one_of(allowed: Collection[str], **values: str) -> None:
    """Raise ValueError for a value that is not allowed."""
    for name, value in values.items():
        if value not in allowed:
            raise ValueError(f"{name}={value}: allowed: {', '.join(allowed)}")
