"""A disk that is full while a job trains or records, and has room again later."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from faults import Fault, expect
from jobs import CELLS, ended, events, expect_whole, finish, lives, log, seen, start, tiny_job, undisturbed, wait_until

SMALL = "16m"


class SmallDisk:
    """A small tmpfs; where mounting is not permitted, a limit to the size of a process's files stands for it."""

    def __init__(self, folder: Path) -> None:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)]
        self.folder = folder
        self.is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0

    def fill(self, pid: int) -> None:
        """Leave no room for what a process writes."""
        if not self.is_mounted:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            return
        with suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self, pid: int) -> None:
        """Make room again."""
        (self.folder / "filler").unlink(missing_ok=True)
        if not self.is_mounted:
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def unmount(self) -> None:
        if self.is_mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Have a small disk at a folder of its own during the block."""
    (folder / "disk").mkdir()
    disk = SmallDisk(folder / "disk")
    try:
        yield disk
    finally:
        disk.unmount()


def full_for_a_while(random: Random, folder: Path) -> str:
    """Fill the disk while a job trains, until it had to go without a checkpoint; then it has room, and goes on."""
    cell = random.choice(CELLS)
    with small_disk(folder) as disk:
        pid = _filled_at(random.randrange(10, undisturbed(cell).signs // 4), cell, disk)
        wait_until(lambda: _missed_checkpoints(disk.folder) or not lives(pid))
        missed = _missed_checkpoints(disk.folder)
        disk.free(pid)
        end = ended()
        if end != (0, ("done", "")):
            expect(end.returned and "keeping.py" not in end.returned[1], f"a checkpoint cost the job: {end}")
            finish(cell, disk.folder)
            return "recording, so that the job failed"
        expect(missed, "no checkpoint was missed, or none was told")
        expect_whole(cell, disk.folder)
    return "checkpoint"


def full_to_the_end(random: Random, folder: Path) -> str:
    """Fill the disk while a job works; it must say why it failed, and the next run must be whole."""
    cell = random.choice(CELLS)
    with small_disk(folder) as disk:
        pid = _filled_at(random.randrange(10, undisturbed(cell).signs - 10), cell, disk)
        stage = seen(disk.folder).stage
        end = ended()
        disk.free(pid)
        expect(end.exit_code == 0 and end.returned[0] == "failed", f"the disk was full, the job ended with {end}")
        reason = end.returned[1].strip().splitlines()[-1]
        expect("No space left" in reason or "File too large" in reason, f"the reason told is {reason}")
        finish(cell, disk.folder)
    return stage


def _filled_at(moment: int, cell: str, disk: SmallDisk) -> int:
    pid = start(tiny_job(cell), disk.folder)
    wait_until(lambda: seen(disk.folder).signs >= moment)
    disk.fill(pid)
    return pid


def _missed_checkpoints(folder: Path) -> bool:
    """Tell whether a job said that a checkpoint failed: in the journal or, where that has no room, on the screen."""
    return bool(events(folder, "checkpoint_failed")) or "No checkpoint" in log(folder).read_text()


FAULTS = [
    Fault("disk full for a while, in checkpoints", 10, 1, full_for_a_while),
    Fault("disk full to the end, in checkpoints and records", 10, 1, full_to_the_end),
]
