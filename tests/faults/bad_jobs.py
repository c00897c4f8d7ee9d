"""One job that ends its process, breaks it, hangs or takes all memory: the other jobs of its study lose nothing."""

from __future__ import annotations

import functools
import json
import random as randomness
from collections.abc import Sequence
from pathlib import Path

from faults import Fault, expect
from fingerprints import expect_equal, fingerprint
from studies import LEAN, expect_no_traceback, expect_nothing_running, finish_study, ran, records_of, undisturbed_study

GOOD = ("calm", "merry")  # moods that do nothing
SHORT = ("task.lag=1", "trainer.steps=60", "trainer.eval_every=20", "trainer.seeds=2", "probe=off")
TOLD = {
    "exits": ("failed", "SystemExit: 3"),
    "vanishes": ("failed", "its process ended itself with exit code 3"),
    "breaks": ("failed", "its process died of SIGSEGV"),
    "hangs": ("failed", "hung: no sign of life for 10 s"),
    "starves": ("out_of_memory", "memory"),
}


def bad_jobs(random: randomness.Random, folder: Path, moods: Sequence[str], more: Sequence[str] = ()) -> str:
    """Run a study of two good jobs and some bad ones; then cure those, and the same command must end well."""
    launcher = random.choice(("joblib", "basic"))
    settings = ("cell=moody", f"cell.mood={GOOD[0]},{','.join(moods)},{GOOD[1]}", *SHORT)
    safety = (f"hydra/launcher={launcher}", "safety.job_timeout_s=10", *more)
    exit_code, said = ran(folder, *settings, *safety)
    expect(exit_code == 1, f"exit code {exit_code}: {said[-2000:]}")
    expect_no_traceback(said)
    expect_nothing_running(folder)
    for mood in moods:
        _expect_told(folder, mood, said)
    good = undisturbed_study("cell=moody", f"cell.mood={','.join(GOOD)}", *SHORT)
    members = fingerprint(records_of(folder))
    expect_equal({identity: members[identity] for identity in members.keys() & good.keys()}, good)
    (folder / "cured").touch()
    finish_study(folder, *settings, *safety)
    return launcher


def _expect_told(folder: Path, mood: str, said: str) -> None:
    """Raise Lost unless records and the summary on the screen say what became of a job of that mood."""
    status, reason = TOLD[mood]
    records = [json.loads(path.read_text()) for path in records_of(folder).glob("members/*/record.json")]
    named_so = [r for r in records if r["status"] == status and reason in (r["error"] or "").splitlines()[-1]]
    expect(named_so, f"{mood}: no record is {status} for {reason}: {[(r['status'], r['error']) for r in records]}")
    lines = [line for line in said.splitlines() if line.lower().startswith(status.replace("_", " ")) and reason in line]
    expect(lines, f"{mood}: the screen says {said[-1000:]}")


FAULTS = [
    *[
        Fault(f"job of a study: {does}", 1, 0, functools.partial(bad_jobs, moods=[mood]))
        for mood, does in {
            "exits": "sys.exit",
            "vanishes": "os._exit",
            "breaks": "segmentation fault",
            "hangs": "hang",
            "starves": "no memory",
        }.items()
    ],
    Fault("jobs of a study: one of each kind", 1, 0, functools.partial(bad_jobs, moods=list(TOLD))),
    Fault(
        "jobs of a study: a crash and a hang", 1, 1, functools.partial(bad_jobs, moods=["breaks", "hangs"], more=LEAN)
    ),
]
