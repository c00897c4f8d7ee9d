"""The finding of a check, in words."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "fault", "not tried"]


@dataclass(frozen=True)
class Finding:
    """The verdict of a check on a cell.

    Attributes:
        verdict: a fault makes numbers wrong, or stops the training; a warning is what a reader must know.
        text: what the check found.
        mend: what is allowed, or what to do; empty where all is well.
        brief: the entry in a table of cells, such as "19,456" for the number of parameters; empty where there is none.
    """

    verdict: Verdict
    text: str
    mend: str = ""
    brief: str = ""


def ok(text: str, brief: str = "") -> Finding:
    """Return the finding that all is well."""
    return Finding("ok", text, brief=brief)


def warning(text: str, mend: str = "", brief: str = "") -> Finding:
    """Return the finding of something that is not wrong, but that a reader must know."""
    return Finding("warning", text, mend, brief)


def fault(text: str, allowed: str) -> Finding:
    """Return the finding of something wrong, and what is allowed in its place."""
    return Finding("fault", text, allowed)


def not_tried(why: str) -> Finding:
    """Return the finding of a check that cannot be made here."""
    return Finding("not tried", why)
