"""Studies that are born with torch imported: a fork of the nursery does what the command does, in its own session.

The processes that a study starts are started as ever. `make faults` starts the studies, too, from nothing.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from jobs import wait_until
from nursery import Leaving, nursery

import lstm_bench.report.build  # most of what a report needs
import lstm_bench.study.running  # noqa: F401 - most of what a study needs

FIRST_OF_OTHERS = 3  # file descriptors from here on belong to the nursery


class WarmStudy:
    """A study that runs or has run, with what the tests use of `subprocess.Popen`."""

    def __init__(self, pid: int, exit_code: Path) -> None:
        self.pid = pid
        self._exit_code = exit_code

    def poll(self) -> int | None:
        """Return the exit code, -9 for SIGKILL; None while the study runs."""
        return int(self._exit_code.read_text()) if self._exit_code.exists() else None

    def wait(self, timeout: float) -> int:
        """Wait for the end, and return the exit code.

        Raises: TimeoutError.
        """
        wait_until(lambda: self.poll() is not None, timeout, poll_s=0.02)
        return int(self._exit_code.read_text())


def begin(arguments: Sequence[str], folder: Path, screen: Path, import_path: Sequence[str]) -> WarmStudy:
    """Begin a study in a folder."""
    exit_code = screen.with_suffix(".exit")
    log = screen.with_suffix(".nursery.txt")
    nursery().start(log, _found, list(arguments), folder, screen, list(import_path), exit_code)
    born, pid = nursery().end()
    assert born == 0, log.read_text()
    return WarmStudy(pid, exit_code)


def _found(arguments: list[str], folder: Path, screen: Path, import_path: list[str], exit_code: Path) -> int:
    """In a child of the nursery: fork who waits for the study, have that fork the study, and return the study's pid."""
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        with os.fdopen(reader) as pipe:
            return int(pipe.read())
    if (pid := os.fork()) == 0:
        os.setsid()
        os.write(writer, str(os.getpid()).encode())
    os.closerange(FIRST_OF_OTHERS, os.sysconf("SC_OPEN_MAX"))
    if pid == 0:
        _be_the_study(arguments, folder, screen, import_path)
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    written = exit_code.with_suffix(".part")
    written.write_text(str(ended))
    written.replace(exit_code)
    os._exit(0)


def _be_the_study(arguments: list[str], folder: Path, screen: Path, import_path: list[str]) -> None:
    """Be as a process is that a terminal starts with the command, and run the command."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, (path, flags) in enumerate(((os.devnull, os.O_RDONLY), (screen, os.O_WRONLY | os.O_APPEND))):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    os.dup2(1, 2)
    sys.stdout.reconfigure(line_buffering=False)
    os.chdir(folder)
    os.environ["PYTHONPATH"] = os.pathsep.join(import_path)
    sys.path[:0] = ["", *import_path]
    sys.argv[1:] = arguments
    sys.modules["__main__"] = ModuleType("__main__")  # that of the nursery is none of a worker's business
    try:
        runpy.run_module("lstm_bench", run_name="__main__")
    except SystemExit as end:
        raise Leaving(end.code) from None
    raise Leaving(0)
