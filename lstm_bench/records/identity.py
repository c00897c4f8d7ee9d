"""Identities: hashes of everything that changes a result and of nothing else."""

import hashlib
import json
from typing import Any, NamedTuple

EXACT = 2**53  # every integer up to this one is a float exactly


class PlannedMember(NamedTuple):
    """A planned member; `rate` is the learning rate of a tuning member, None where tuning chooses it."""

    identity: str
    role: str
    seed: int
    rate: float | None


def member_identity(job: str, role: str, seed: int, rate: float | None = None) -> str:
    """Return the identity of a member; that of a reported one contains no rate, as the job's tuning chooses it.

    Args:
        job: the identity of its job.
        role: one of ROLES.
        seed: its seed.
        rate: the learning rate of a tuning member.
    """
    return content_hash([job, role, seed, rate])


def content_hash(content: Any) -> str:
    """Return 16 hex digits of the SHA-256 of content that JSON can hold, in which 3 and 3.0 are one number."""
    return hashlib.sha256(json.dumps(_with_floats(content), sort_keys=True).encode()).hexdigest()[:16]


def _with_floats(content: Any) -> Any:
    """Return content with integers as floats: 3 on the command line and 3.0 in a yaml are one setting."""
    if isinstance(content, dict):
        return {key: _with_floats(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_with_floats(value) for value in content]
    is_exact_integer = isinstance(content, int) and not isinstance(content, bool) and abs(content) <= EXACT
    return float(content) if is_exact_integer else content
