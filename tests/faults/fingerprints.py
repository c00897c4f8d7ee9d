"""What must be equal to the bit, read from the files of the records alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from faults import Lost

TABLES = ("weights.pt", "curves.parquet", "gradients.parquet", "probes.parquet")
Fingerprint = dict[str, tuple[object, ...]]  # by identity


def fingerprint(records: Path) -> Fingerprint:
    """Return what every member of a study is: status, steps, optimiser and the SHA-256 of each of its files.

    Raises: Lost where a file is not what its record says.
    """
    return {path.parent.name: _of_member(path) for path in sorted(records.glob("members/*/record.json"))}


def _of_member(path: Path) -> tuple[object, ...]:
    record = json.loads(path.read_text())
    for name, promised in record["files"].items():
        if hashlib.sha256((path.parent / name).read_bytes()).hexdigest() != promised:
            raise Lost(f"{path.parent / name} is not what its record says")
    files = [record["files"].get(name) for name in TABLES]
    return record["role"], record["status"], record["steps"], record["steps_to_solve"], record["optimiser"], *files


def expect_equal(found: Fingerprint, undisturbed: Fingerprint) -> None:
    """Raise Lost where members are missing, too many, or not those of an undisturbed run."""
    if absent := undisturbed.keys() - found.keys():
        raise Lost(f"{len(absent)} of {len(undisturbed)} members are missing")
    if strange := found.keys() - undisturbed.keys():
        raise Lost(f"{len(strange)} members that an undisturbed run has not")
    for identity, member in found.items():
        if member != undisturbed[identity]:
            raise Lost(f"{identity} is {member}, undisturbed {undisturbed[identity]}")
