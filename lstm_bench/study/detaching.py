"""Run a study in the background: in a process of its own session, which no terminal and no parent ends with itself.

That process is the study, with its lock, its launcher, its mirror and its report. This one says how to look and how to
collect, and ends.
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
BEGIN_S, POLL_S = 60.0, 0.1  # for the process to begin, which imports and composes everything again


def detach(records: Path, arguments: Sequence[str], say: Callable[[str], None]) -> int:
    """Start the command of a study in the background, and return when it has begun.

    Return 0; where it ended before, what it said is printed and its exit code is returned.

    Args:
        records: the folder of the study's records; the log is beside it, <study>.log.
        arguments: those of the command, `detach` among them.
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
        with log.open("rb") as said:
            said.seek(start)
            say(said.read().decode(errors="replace").rstrip())
        return exit_code
    command = shlex.join(["python", "-m", "lstm_bench", *collecting])
    say(
        f"Study {records.name} runs in the background (process {process.pid}), log {log}\n"
        f"  to look:    python -m lstm_bench.status {shlex.quote(str(records))}\n"
        f"  to stop:    kill {process.pid}\n"
        f"  to collect, once it has ended, and to resume what died: {command}"
    )
    return 0


def attached(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of a command that does not detach."""
    others = [argument for argument in arguments if argument.lstrip("+").partition("=")[0] != KEY]
    return others if len(others) < len(arguments) else [*others, f"{KEY}=false"]  # else a yaml sets it


def _await_beginning(process: subprocess.Popen[bytes], records: Path) -> int | None:
    """Wait until a process holds the lock of its study and has written the plan; return its exit code if it ended."""
    until = time.monotonic() + BEGIN_S
    while time.monotonic() < until:
        if (exit_code := process.poll()) is not None:
            return exit_code
        owner = holder(study_lock(records))
        if owner is not None and owner["pid"] == process.pid and (records / "study.json").exists():
            return None
        time.sleep(POLL_S)
    return None
