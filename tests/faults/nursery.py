"""Processes that are born with torch imported: one that has it forks a child for each task that it is sent.

Importing torch takes seconds, a fork milliseconds. The process that forks is started for that and has one thread.
"""

from __future__ import annotations

import atexit
import functools
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

REPOSITORY = Path(__file__).parents[2]


class Ended(NamedTuple):
    """How a child ended, -9 for SIGKILL, and what its function returned, None where it did not come to that."""

    exit_code: int
    returned: Any


class Leaving(SystemExit):
    """Ends a child as any process ends: with what is to be done at its exit, and this exit code."""


class Nursery:
    """A process that forks; it has one child at a time."""

    def __init__(self) -> None:
        self._child: int | None = None
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY
        )
        atexit.register(self._close)

    def start(self, log: Path, function: Callable[..., Any], *arguments: Any) -> int:
        """Have a child run a function of a module here, and return its pid; what it prints goes to `log`."""
        assert self._process.stdin is not None
        if self._child is not None:  # whoever started it gave it up
            os.kill(self._child, signal.SIGKILL)
            self.end()
        self._process.stdin.write(pickle.dumps((log, function, arguments)))
        self._process.stdin.flush()
        self._child = int(self._heard())
        return self._child

    def end(self) -> Ended:
        """Wait for the child."""
        exit_code, returned = self._heard()
        self._child = None
        return Ended(exit_code, returned)

    def _heard(self) -> Any:
        assert self._process.stdout is not None
        return pickle.load(self._process.stdout)

    def _close(self) -> None:
        self._process.communicate()


@functools.cache
def nursery() -> Nursery:
    """Return the nursery of this process."""
    return Nursery()


def _serve(tasks: BinaryIO, answers: BinaryIO) -> None:
    """Fork a child for every task, say who it is, and how it ended."""
    while True:
        try:
            log, function, arguments = pickle.load(tasks)
        except EOFError:
            return
        reader, writer = os.pipe()
        if (pid := os.fork()) == 0:
            os.close(reader)
            _live(log, function, arguments, writer)
        os.close(writer)
        _answer(answers, pid)
        with os.fdopen(reader, "rb") as pipe:
            returned = pipe.read()
        exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        _answer(answers, (exit_code, pickle.loads(returned) if returned else None))


def _answer(answers: BinaryIO, what: object) -> None:
    answers.write(pickle.dumps(what))
    answers.flush()


def _live(log: Path, function: Callable[..., Any], arguments: tuple[Any, ...], writer: int) -> None:
    """In a child: run the function, hand over what it returns, and end without a word more."""
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        os.write(writer, pickle.dumps(function(*arguments)))
    except Leaving:
        raise
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(70)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    private = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    from lstm_bench.engine.process_setup import prepare_process

    prepare_process()
    import torch.fx.experimental.symbolic_shapes  # noqa: F401 - vmap imports it, half a second

    import lstm_bench.study.job_run  # noqa: F401 - all else that children need

    sys.modules["nursery"] = sys.modules["__main__"]  # one class Leaving, whoever imports it
    _serve(sys.stdin.buffer, private)
