"""SIGKILL to a job: at random moments, and inside each part of writing a checkpoint or a record."""

from __future__ import annotations

import functools
import os
import resource
import signal
from pathlib import Path
from random import Random
from typing import Any

from faults import Fault, expect
from jobs import CELLS, finish, kill_at_random, run, tiny_job, undisturbed

from lstm_bench.records import atomic, checkpoints, store


def killed_at_random(random: Random, folder: Path, times: int = 1) -> str:
    """Kill a job at random moments, then let it end."""
    cell = random.choice(CELLS)
    stages = [kill_at_random(random, tiny_job(cell), folder, undisturbed(cell).signs) for _ in range(times)]
    finish(cell, folder)
    return " + ".join(stage or "too late" for stage in stages) if times == 1 else ""


def _die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _in_the_middle() -> None:
    """Die of writing: half of what is to be written fits, and the system ends who writes more."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))


def _before_fsync() -> None:
    os.fsync = _die


def _before_rename() -> None:
    Path.replace = _die  # type: ignore[method-assign, assignment]


def _after_rename() -> None:
    atomic.sync_folder = _die


def _after_all() -> None:
    whole = atomic.sync_folder
    atomic.sync_folder = lambda folder: (whole(folder), _die())[0]


MOMENTS = {
    "in mid-write": _in_the_middle,
    "before fsync": _before_fsync,
    "before rename": _before_rename,
    "after rename": _after_rename,
    "before the old one goes": _after_all,
}


def trap(moment: str, kind: str, number: int) -> None:
    """In a child: die at one moment of writing the `number`th file that lasts below a folder of this kind."""
    whole, writes = atomic.write_bytes, 0

    def write_bytes(path: Path, content: bytes, lasting: bool = True) -> None:
        nonlocal writes
        writes += lasting and kind in path.parts
        if writes >= number and lasting and kind in path.parts:
            MOMENTS[moment]()
        whole(path, content, lasting)

    for module in (atomic, checkpoints, store):
        module.write_bytes = write_bytes  # type: ignore[attr-defined]


def killed_in_write(random: Random, folder: Path, kind: str, most: int) -> str:
    """Kill a job inside one of its writes, then let it end."""
    cell, moment = random.choice(CELLS), random.choice(list(MOMENTS))
    end = run(tiny_job(cell), folder, functools.partial(trap, moment, kind, random.randint(1, most)))
    wanted = -signal.SIGXFSZ if moment == "in mid-write" else -signal.SIGKILL
    expect(end.exit_code == wanted, f"was to die {moment}, ended with {end}")
    finish(cell, folder)
    return moment


FAULTS = [
    Fault("job killed (SIGKILL) at a random moment", 50, 2, killed_at_random),
    Fault("job killed three times", 5, 1, functools.partial(killed_at_random, times=3)),
    Fault(
        "job killed inside a checkpoint write",
        full=30,
        short=2,
        inject=functools.partial(killed_in_write, kind="checkpoints", most=8),
    ),
    Fault(
        "job killed inside a record write",
        full=10,
        short=1,
        inject=functools.partial(killed_in_write, kind="members", most=20),
    ),
]
