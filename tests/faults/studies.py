"""Whole studies by the command line, in a session of their own, so that all their processes can be found."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Protocol

import psutil
from faults import expect
from fingerprints import Fingerprint, expect_equal, fingerprint
from jobs import HERE, TINY, composed, undisturbed_job, wait_until
from nursery import REPOSITORY

from lstm_bench.records.journal import Journal

# A test runner in the background may itself ignore SIGINT, and pass that on to what it starts.
AS_FROM_A_TERMINAL = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("lstm_bench", run_name="__main__")
"""
STUDY_S = 300.0
IMPORT_PATH = (str(HERE), str(REPOSITORY))
PROMPT_S = 60.0  # from a signal to the end, and from there to that of the last process: seconds, unless all is busy
TWELVE = ("cell=rnn,noisy", "task.lag=1,3", "trainer.seeds=3")
ONE = ("cell=rnn", "trainer.seeds=1")
LEAN = ("speed=off", "report=off")  # for a fault that is over before speed is measured and the report is written


class Process(Protocol):
    """The main process of a study."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float) -> int: ...


@dataclass
class Study:
    """A study that runs, or has run, in a folder."""

    process: Process
    folder: Path
    screen: Path

    @property
    def said(self) -> str:
        return self.screen.read_text()

    def end(self) -> int:
        """Wait for the study, and return its exit code."""
        return self.process.wait(STUDY_S)

    def processes(self) -> list[psutil.Process]:
        """Return the processes of this study that live, whoever is their parent now."""
        return [process for process in psutil.process_iter() if _is_of(process, self.process.pid)]

    def wait_until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds, or the study has ended."""
        wait_until(lambda: holds() or self.process.poll() is not None, STUDY_S, poll_s=0.02)

    def journal(self, event: str) -> list[dict[str, Any]]:
        """Return what the journal says of one kind of event since this command began."""
        return [line for line in self._lines() if line["event"] == event]

    def _lines(self) -> list[dict[str, Any]]:
        lines = Journal(records_of(self.folder) / "journal.jsonl").read()[0]
        began = [
            n for n, line in enumerate(lines) if line["event"] == "study_began" and line["pid"] == self.process.pid
        ]
        return lines[began[0] :] if began else []


def _is_of(process: psutil.Process, session: int) -> bool:
    with suppress(psutil.Error, OSError):
        return os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE
    return False


def records_of(folder: Path, study: str = "tried") -> Path:
    """Return where the records of a study below a folder are."""
    return folder / "runs" / study


def command(*overrides: str) -> list[str]:
    """Return the command of a study with tiny jobs and the cells of this folder."""
    overridden = {override.split("=")[0] for override in overrides}
    tiny = [setting for setting in TINY if setting.split("=")[0] not in overridden]
    safety = [] if "safety.checkpoint_s" in overridden else ["safety.checkpoint_s=0.2"]
    name = [] if "study" in overridden else ["study=tried"]
    return [*name, f"--config-dir={HERE / 'conf'}", *tiny, *safety, *overrides]


def begin(arguments: Sequence[str], folder: Path, screen: Path, import_path: Sequence[str]) -> Process:
    """Begin a study from nothing; `warm_studies.begin` does the same in less time."""
    with screen.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-c", AS_FROM_A_TERMINAL, *arguments],
            cwd=folder, stdout=file, stderr=file, start_new_session=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(import_path)},
        )  # fmt: skip


@contextmanager
def started(folder: Path, *overrides: str) -> Iterator[Study]:
    """Start a study in a folder; whatever is left of it when the block ends is killed."""
    folder.mkdir(parents=True, exist_ok=True)
    screen = folder.with_name(f"{folder.name}.{time.monotonic_ns()}.screen.txt")
    screen.touch()
    study = Study(begin(command(*overrides), folder, screen, IMPORT_PATH), folder, screen)
    try:
        yield study
    finally:
        for left in study.processes():
            with suppress(psutil.Error):
                left.kill()
        study.process.wait(STUDY_S)


def ran(folder: Path, *overrides: str) -> tuple[int, str]:
    """Run a study to its end; return its exit code and what it said."""
    with started(folder, *overrides) as study:
        return study.end(), study.said


@functools.cache
def undisturbed_study(*overrides: str) -> Fingerprint:
    """Return what the members of a study are when nothing happens to its jobs."""
    found: Fingerprint = {}
    for job in composed(*overrides):
        found |= undisturbed_job(job).members
    return found


def finish_study(folder: Path, *overrides: str, of: Path | None = None) -> str:
    """Give the command again until it has ended well; hold the records against undisturbed ones; return what it said.

    Raises: Lost.
    """
    exit_code, said = ran(folder, *overrides)
    expect(exit_code == 0, f"the next run ended with exit code {exit_code}: {said[-2000:]}")
    expect_no_traceback(said)
    expect_equal(fingerprint(of or records_of(folder)), undisturbed_study(*_of_jobs(overrides)))
    return said


def _of_jobs(overrides: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(o for o in overrides if not o.startswith(("hydra/", "safety.", "output=", "study=", "resume=", *LEAN)))


def expect_no_traceback(said: str) -> None:
    """Raise Lost where a user is shown the insides."""
    expect("Traceback" not in said, f"a traceback on the screen: {said[-2000:]}")


def wait_for_members(random: Random, study: Study, most: int) -> None:
    """Wait until a random number of members have ended, and some time more."""
    wanted = random.randint(0, most)
    study.wait_until(lambda: study.journal("study_began"))
    study.wait_until(lambda: len(study.journal("member_ended")) >= wanted)
    time.sleep(random.uniform(0, 3.0 if wanted == 0 else 0.3))


def stage_of(folder: Path) -> str:
    """Return at what stage a study is or was ended, by its records."""
    record_texts = [path.read_text() for path in records_of(folder).glob("members/*/record.json")]
    running = [text for text in record_texts if '"status": "running"' in text or '"status": "interrupted"' in text]
    if not record_texts:
        return "starting"
    if not running:
        return "between jobs, speed or report"
    return "training" if any('"role": "report"' in text for text in running) else "tuning"


def expect_gone(study: Study) -> None:
    """Raise Lost where a process of the study outlives it for more than a moment.

    Joblib's own may, and its tracker with it: one that had no job of ours yet when its parent was killed waits for its
    idle time to pass, and trains nothing.
    """
    until = time.monotonic() + PROMPT_S
    while (left := _of_ours(study)) and time.monotonic() < until:
        time.sleep(0.05)
    expect(not left, f"still there: {left}")


def _of_ours(study: Study) -> list[str]:
    commands = []
    for process in study.processes():
        with suppress(psutil.NoSuchProcess):  # it has ended since it was listed
            commands.append(" ".join(process.cmdline()))
    return [command for command in commands if "loky" not in command and "resource_tracker" not in command]


def expect_nothing_running(folder: Path) -> None:
    """Raise Lost where a record says that it runs."""
    running = [p.parent.name for p in records_of(folder).glob("members/*/record.json") if '"running"' in p.read_text()]
    expect(not running, f"{running} still say that they run")


def send(pid: int, signum: signal.Signals) -> None:
    """Send a signal to a process, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signum)
