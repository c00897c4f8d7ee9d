"""Typeset plain ASCII text."""

import re

RULES = (
    (re.compile(r"(?<=\d)-(?=\d)|(?<![^\s\[(])-(?![^\s\]),])"), "–"),
    (re.compile(r">= ?(?=[\d-])"), "≥ "),
    (re.compile(r"<= ?(?=[\d-])"), "≤ "),
    (re.compile(r"(?<=\d)x(?=$|[\s,.;:)])"), "×"),
)


def typeset(text: str) -> str:
    """Return text with dashes in ranges and gaps, times signs after factors, and ">=" and "<=" as one sign."""
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return text
