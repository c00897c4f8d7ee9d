"""Files that are not what was written: checkpoints cut short or changed, a pickle that means harm, a torn journal."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from random import Random

from faults import Fault, Lost, expect
from jobs import CELLS, ended, events, finish, kill_at_random, kill_when, start, tiny_job, undisturbed

from lstm_bench.records.journal import Journal

ATTEMPTS = 5  # to kill a job where it has two checkpoints
Damage = Callable[[bytes, Random], bytes]


def kill_with_checkpoints(random: Random, cell: str, folder: Path) -> list[Path]:
    """Kill a job in the middle of a phase that has its two checkpoints; return them, the newest first.

    Raises: Lost where there are never two.
    """
    for _ in range(ATTEMPTS):
        kill_at_random(random, tiny_job(cell), folder, undisturbed(cell).signs // ATTEMPTS)
        if len(found := generations(folder)) >= 2:
            return found
    raise Lost(f"killed {ATTEMPTS} times, it never left two checkpoints")


def generations(folder: Path) -> list[Path]:
    """Return the checkpoints of the phase that is under way, the newest first."""
    records = [json.loads(path.read_text()) for path in folder.glob("records/members/*/record.json")]
    roles = {record["role"] for record in records if record["status"] == "running"}
    return sorted((path for role in roles for path in folder.glob(f"records/checkpoints/*-{role}/*.pt")), reverse=True)


def damaged(random: Random, folder: Path, damage: Damage, both: bool = False) -> str:
    """Damage the newest checkpoint of a job, or both, and let the job end."""
    cell = random.choice(CELLS)
    newest, before = kill_with_checkpoints(random, cell, folder)[:2]
    for path in (newest, before) if both else (newest,):
        path.write_bytes(damage(path.read_bytes(), random))
    if both:
        finish(cell, folder)
    else:
        finish_from(before, cell, folder)
    damaged_paths = {line["path"] for line in events(folder, "damaged")}
    expect(str(newest) in damaged_paths, f"the journal names {damaged_paths or 'nothing'}, not {newest.name}")
    return ""


def finish_from(path: Path, cell: str, folder: Path) -> None:
    """Let a job end; raise Lost unless it went on from that checkpoint."""
    earlier = len(events(folder, "taken_up"))
    finish(cell, folder)
    steps = [line["step"] for line in events(folder, "taken_up")][earlier:]
    expect(steps[:1] == [int(path.name[5:14])], f"taken up at {steps}, not from {path.name}")


def cut(content: bytes, _: Random, at: Callable[[int], int]) -> bytes:
    return content[: at(len(content))]


def flipped(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    changed[random.randrange(len(content))] ^= 1 << random.randrange(8)
    return bytes(changed)


class Harm:
    """An object that runs a command when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch '{self._marker}'",)


def malicious_pickle(random: Random, folder: Path) -> str:
    """Put a pickle that runs a command beside the checkpoints, as the newest and under the right name."""
    cell = random.choice(CELLS)
    newest = kill_with_checkpoints(random, cell, folder)[0]
    marker = folder / "executed"
    content = pickle.dumps({"format": 1, "state": Harm(marker)})
    bad = newest.with_name(f"step-000000149.{hashlib.sha256(content).hexdigest()}.pt")
    bad.write_bytes(content)
    finish_from(newest, cell, folder)
    expect(not marker.exists(), "the pickle was executed")
    expect(str(bad) in {line["path"] for line in events(folder, "damaged")}, "the journal does not name the pickle")
    return ""


def torn_journal(random: Random, folder: Path) -> str:
    """Tear the last line of the journal, as a process does that dies while it writes."""
    cell = random.choice(CELLS)
    journal = folder / "records" / "journal.jsonl"
    pid = start(tiny_job(cell), folder)
    kill_when(pid, folder, lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 2)
    ended()
    whole = Journal(journal).read()[0]
    last = journal.read_bytes().splitlines(keepends=True)[-1]
    os.truncate(journal, journal.stat().st_size - random.randrange(1, len(last)))
    Journal(journal).note("after")
    finish(cell, folder)
    now = Journal(journal).read()[0]
    expect(events(folder, "after"), "the line after the torn one is lost with it")
    expect(now[: len(whole) - 1] == whole[:-1], "the torn line cost more than itself")
    unread = len(journal.read_bytes().splitlines()) - len(now)
    expect(unread <= 1, f"{unread} lines of the journal cannot be read")  # none where its end alone was cut off
    expect(now[-1]["event"] == "job_ran", "what was written after the torn line is lost")
    return ""


CUTS: dict[str, Callable[[int], int]] = {
    "0 bytes": lambda _: 0,
    "1 byte": lambda _: 1,
    "25%": lambda size: size // 4,
    "50%": lambda size: size // 2,
    "all but one byte": lambda size: size - 1,
}
FAULTS = [
    *[
        Fault(
            f"checkpoint cut to {name}",
            full=4,
            short=int(name == "all but one byte"),
            inject=functools.partial(damaged, damage=functools.partial(cut, at=at)),
        )
        for name, at in CUTS.items()
    ],
    Fault("one bit of a checkpoint flipped", 20, 1, functools.partial(damaged, damage=flipped)),
    Fault("both checkpoints damaged", 5, 1, functools.partial(damaged, damage=flipped, both=True)),
    Fault("a malicious pickle as checkpoint", 5, 1, malicious_pickle),
    Fault("torn last line of the journal", 20, 1, torn_journal),
]
