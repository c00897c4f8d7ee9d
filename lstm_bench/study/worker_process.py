"""The process that trains, as its supervisor sees it: a pipe for messages in each direction, and an exit code."""

import atexit
import json
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from lstm_bench.python_process import environment_with, import_path


class Worker:
    """A process that runs jobs, with a pipe for messages in each direction."""

    def __init__(self) -> None:
        self._import_path = import_path()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lstm_bench.study.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment_with(self._import_path),
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read_lines, name="reader", daemon=True)
        self._reader.start()
        atexit.register(self.end)

    def _read_lines(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line)
        self._lines.put("")  # end of the output

    def fits(self) -> bool:
        """Tell whether the process can run a job of this one: it is alive, and has the same import path."""
        return self._process.poll() is None and self._import_path == import_path()

    def send(self, message: object) -> None:
        """Send a message; `receive` reports a process that has died."""
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def receive(self, patience_s: float) -> Any:
        """Return the next message, None where there is none within `patience_s` seconds.

        Raises: EOFError where the process has died.
        """
        try:
            line = self._lines.get(timeout=patience_s)
        except queue.Empty:
            return None
        if not line:
            raise EOFError
        return json.loads(line)

    def end(self) -> int:
        """Kill the process unless it has ended, and return its exit code; -9 for SIGKILL."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)  # a process that has closed its output is about to end
        self._process.kill()
        exit_code = self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # messages that could not be sent
                pipe and pipe.close()
        atexit.unregister(self.end)
        return exit_code
