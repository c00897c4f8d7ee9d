"""What a fault is, and what is asked of a study that met one.

"Nothing lost" always means the same: after the fault the same command is given again, and then every member's
status, steps, weights, curves, gradients, probes and optimiser are those of an undisturbed run, to the bit; nothing
says that it runs; and the fault was told where it should be. Whatever falls short of that is raised as `Lost`.
"""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

Inject = Callable[[Random, Path], str]  # into an empty folder; returns at what stage it struck, "" where all are one


class Lost(AssertionError):  # noqa: N818 - no error of the code, a finding
    """What a fault cost, in words."""


@dataclass(frozen=True)
class Fault:
    """One row of the table: what is done, and how often in a full run and in the short one."""

    name: str
    full: int
    short: int
    inject: Inject


@dataclass
class Tried:
    """What became of the tries of one fault."""

    fault: Fault
    tried: int = 0
    stages: dict[str, int] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)

    @property
    def survived(self) -> int:
        return self.tried - len(self.losses)


def tries(fault: Fault, count: int, seed: int, folder: Path, after_each: Callable[[], None] = lambda: None) -> Tried:
    """Inject a fault `count` times, at moments that follow from the seed; keep the folders of what was lost."""
    result = Tried(fault)
    for number in range(count):
        place = folder / f"{fault.name.replace(' ', '-').replace('/', '-')}-{number}"
        place.mkdir(parents=True)
        try:
            stage = fault.inject(Random(f"{seed} {fault.name} {number}"), place)
            result.stages[stage] = result.stages.get(stage, 0) + 1
            shutil.rmtree(place, ignore_errors=True)
        except Lost as lost:
            result.losses.append(f"try {number}: {lost}")
        except Exception:
            result.losses.append(f"try {number}: {traceback.format_exc()}")
        result.tried += 1
        after_each()
    return result


def expect(holds: object, told: str) -> None:
    """Raise Lost with what was told, unless it holds."""
    if not holds:
        raise Lost(told)
