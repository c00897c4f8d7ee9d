"""Output folders that go away, cannot be written or are full; names that are odd; two invocations at once."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from faults import Fault, expect
from fingerprints import expect_equal, fingerprint
from full_disks import small_disk
from studies import (
    LEAN,
    ONE,
    expect_gone,
    expect_no_traceback,
    finish_study,
    ran,
    records_of,
    started,
    undisturbed_study,
)

ALONE = ("hydra/launcher=basic",)  # these faults are of one job, and no launcher's process is in their way
LEAN_ALONE = (*LEAN, *ALONE)
LONG = ("cell=noisy", "trainer.steps=600", "trainer.learning_rates=0.01", "probe=off")
LONG_OF_ONE = (*LONG, "trainer.seeds=1")
NAME = "n" * 100


def deleted(random: Random, folder: Path, overrides: Sequence[str] = LONG) -> str:
    """Delete the output folder of a study that trains.

    What is written later makes it again: where all members come later the study is whole, else it must name the folder.
    """
    output = folder / "out"
    with started(folder, f"output={output}", *overrides, "speed=off") as study:
        study.wait_until(lambda: list(output.glob("runs/*/members/*/record.json")))
        time.sleep(random.uniform(0, 1))
        shutil.rmtree(output, ignore_errors=True)
        exit_code = study.end()
        if exit_code == 0:
            expect_equal(fingerprint(records_of(output)), undisturbed_study(*overrides))
        else:
            expect(exit_code in (1, 2), f"exit code {exit_code}: {study.said[-2000:]}")
            expect(str(output) in study.said, f"the folder is not named: {study.said[-2000:]}")
        expect_no_traceback(study.said)
        expect_gone(study)
    finish_study(folder, f"output={output}", *overrides, *LEAN_ALONE, of=records_of(output))
    return "before any member was recorded" if exit_code == 0 else "told by name"


def read_only(_: Random, folder: Path) -> str:
    """Have an output folder that cannot be written; it must be refused by name, and do when it can be."""
    output = folder / "out"
    output.mkdir()
    with _not_writable(output):
        exit_code, said = ran(folder, f"output={output}", *ONE, *LEAN_ALONE)
    expect(exit_code == 2 and f"output={output}: " in said, f"exit code {exit_code}: {said}")
    expect(len(said.splitlines()) == 1, f"more than a line: {said}")
    finish_study(folder, f"output={output}", *ONE, *LEAN_ALONE, of=records_of(output))
    return ""


@contextmanager
def _not_writable(folder: Path) -> Iterator[None]:
    """Take the right to write away, from root by a mount that is read-only."""
    if os.getuid() != 0:
        folder.chmod(0o555)
        yield
        folder.chmod(0o755)
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def full_in_the_report(_: Random, folder: Path) -> str:
    """Fill the disk when training is over and the report is being written."""
    with small_disk(folder) as disk:
        with started(disk.folder, *ONE, *ALONE, "speed=off") as study:
            reports = disk.folder / "reports"
            study.wait_until(lambda: reports.exists() and any(reports.iterdir()))
            disk.fill(study.process.pid)
            exit_code = study.end()
            was_announced = "No report: " in study.said or "cannot continue" in study.said
            expect(exit_code == 1 and was_announced, f"exit code {exit_code}: {study.said[-2000:]}")
            expect_no_traceback(study.said)
            disk.free(study.process.pid)
        finish_study(disk.folder, *ONE, *ALONE, "speed=off")
        expect((disk.folder / "reports" / "tried" / "report.html").is_file(), "no report after all")
    return ""


def two_at_once(_: Random, folder: Path, overrides: Sequence[str] = LONG) -> str:
    """Start a study that runs already; the second must be refused and name the first."""
    with started(folder, *overrides, *LEAN_ALONE) as first:
        first.wait_until(lambda: first.journal("study_began"))
        exit_code, said = ran(folder, *overrides, *LEAN_ALONE)
        expect(exit_code == 2, f"exit code {exit_code} of the second: {said}")
        expect(f"process {first.process.pid} " in said, f"the second does not name the first: {said}")
        expect("python -m lstm_bench " in said and "cell=noisy" in said, f"the second does not name a command: {said}")
        expect(first.end() == 0, f"the first was disturbed: {first.said[-2000:]}")
    expect_equal(fingerprint(records_of(folder)), undisturbed_study(*overrides))
    return ""


def started_anew(_: Random, folder: Path) -> str:
    """Start a finished study anew; the old records must stay, the new ones be equal."""
    ran(folder, *ONE)
    finish_study(folder, *ONE, "resume=false")
    expect_equal(fingerprint(folder / "runs" / "tried.before-1"), undisturbed_study(*ONE))
    return ""


def damaged_member(random: Random, folder: Path) -> str:
    """Flip a bit in a file of a finished member; it must be told by name, set aside and trained again."""
    ran(folder, *ONE)
    path = random.choice([p for p in sorted(records_of(folder).glob("members/*/*")) if p.is_file()])
    content = bytearray(path.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    path.write_bytes(bytes(content))
    said = finish_study(folder, *ONE)
    expect(f"Damaged: {path}" in said, f"the damage is not told: {said}")
    expect(list((records_of(folder) / "damaged").iterdir()), "the damaged member was not kept")
    return path.name


def odd_place(_: Random, folder: Path, output: str) -> str:
    """Run a study with an output folder of an odd name or kind, in a folder of an odd name."""
    here = folder / "a folder with ünïcode ☃" / "here"
    here.mkdir(parents=True)
    (here / "there").mkdir()
    (here / "link").symlink_to(here / "there")
    quoted = "'" + output + "'" if " " in output else output
    finish_study(here, f"output={quoted}", *ONE, of=records_of(here / output))
    return ""


def long_name(_: Random, folder: Path) -> str:
    """Run a study of the longest name that is allowed."""
    finish_study(folder, f"study={NAME}", *ONE, of=records_of(folder, NAME))
    return ""


def link_out_of_the_folder(_: Random, folder: Path) -> str:
    """Have a study's own folder be a link to somewhere else; it must be refused by name, and nothing written there."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (folder / "out" / "runs").mkdir(parents=True)
    (folder / "out" / "runs" / "tried").symlink_to(elsewhere)
    exit_code, said = ran(folder, "output=out", *ONE)
    link = folder / "out" / "runs" / "tried"
    expect(exit_code == 2 and f"{link}: a link to {elsewhere}" in said, f"exit code {exit_code}: {said}")
    expect(not list(elsewhere.iterdir()), "something was written through the link")
    return ""


FAULTS = [
    Fault("output folder deleted in mid-study", 2, 0, deleted),
    Fault("output folder of one member deleted in mid-study", 0, 1, functools.partial(deleted, overrides=LONG_OF_ONE)),
    Fault("output folder read-only", 1, 1, read_only),
    Fault("disk full in the report", 3, 1, full_in_the_report),
    Fault("two invocations at once", 2, 0, two_at_once),
    Fault("two invocations of one member at once", 0, 1, functools.partial(two_at_once, overrides=LONG_OF_ONE)),
    Fault("resume=false beside finished records", 1, 0, started_anew),
    Fault("one bit of a finished member's files flipped", 2, 0, damaged_member),
    Fault("spaces and unicode in the path", 1, 0, functools.partial(odd_place, output="an öutput ☂")),
    Fault("output=../x", 1, 0, functools.partial(odd_place, output="../x")),
    Fault("output folder that is a link", 1, 0, functools.partial(odd_place, output="link")),
    Fault("study name of 100 letters", 1, 0, long_name),
    Fault("study folder that is a link out of the output folder", 1, 1, link_out_of_the_folder),
]
