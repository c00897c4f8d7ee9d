"""Plain ASCII text as a typesetter would set it."""

import re

RULES = (
    (re.compile(r"(?<=\d)-(?=\d)"), "–"),
    (re.compile(r">= ?(?=[\d-])"), "≥ "),
    (re.compile(r"<= ?(?=[\d-])"), "≤ "),
    (re.compile(r"(?<=\d)x(?=$|[\s,.;:)])"), "×"),
)


def typeset(text: str) -> str:
    """Return text with dashes in ranges, times signs after factors, and one sign for "at least" and "at most"."""
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return text
