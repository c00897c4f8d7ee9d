"""Run a study in the background: in a process with its own session, which survives its terminal and its parent.

That process runs the whole study: lock, launcher, mirror and report. The process that starts it prints how to follow
the study and how to collect its results, and ends.
"""

import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lstm_bench.python_process import environment_with, import_path
from lstm_bench.records.locking import holder, study_lock

KEY = "detach"
BEGIN_S, POLL_S = 60.0, 0.1  # the process imports and composes everything again before it begins


def detach(records: Path, arguments: Sequence[str], say: Callable[[str], None]) -> int:
    """Start the command of a study in the background, and return when it has begun.

    Return 0. Where the command ends before it has begun, print its output and return its exit code.

    Args:
        records: the folder of the study's records; the log is next to it, <study>.log.
        arguments: those of the command, including `detach`.
        say: prints to the user.
    """
    log = records.with_name(f"{records.name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    collecting = attached(arguments)
    with log.open("ab") as output:
        start = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "lstm_bench", *collecting],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=environment_with(import_path()),
        )
    exit_code = _await_beginning(process, records)
    if exit_code is not None:
        with log.open("rb") as log_file:
            log_file.seek(start)
            say(log_file.read().decode(errors="replace").rstrip())
        return exit_code
    command = shlex.join(["python", "-m", "lstm_bench", *collecting])
    say(
        f"Study {records.name} runs in the background (process {process.pid}), log {log}\n"
        f"  to follow:  python -m lstm_bench.status {shlex.quote(str(records))}\n"
        f"  to stop:    kill {process.pid}\n"
        f"  to collect the results once it has ended, or to resume it if it died: {command}"
    )
    return 0


def attached(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of a command without `detach`, or with `detach=false` where they do not set it."""
    others = [argument for argument in arguments if argument.lstrip("+").partition("=")[0] != KEY]
    return others if len(others) < len(arguments) else [*others, f"{KEY}=false"]  # else a yaml sets it


def _await_beginning(process: subprocess.Popen[bytes], records: Path) -> int | None:
    """Wait, BEGIN_S at most, until a process holds the lock of its study and has written the plan.

    Return its exit code if it ends before, else None.
    """
    until = time.monotonic() + BEGIN_S
    while time.monotonic() < until:
        if (exit_code := process.poll()) is not None:
            return exit_code
        owner = holder(study_lock(records))
        if owner is not None and owner["pid"] == process.pid and (records / "study.json").exists():
            return None
        time.sleep(POLL_S)
    return None
