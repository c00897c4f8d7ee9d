"""Processes that a fixture starts on loopback and stops by their ids."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 60.0


def free_port() -> int:
    """Return a TCP port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], object], what: str, patience_s: float = PATIENCE_S, poll_s: float = 0.2) -> None:
    """Wait until something holds; fail in words where it does not in time."""
    until = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < until, f"not within {patience_s:g} s: {what}"
        time.sleep(poll_s)


class Processes:
    """Processes that stay in the foreground, each with a log."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._started = folder, dict[str, subprocess.Popen[bytes]]()

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        own_session: bool = False,
    ) -> None:
        """Start a process whose output goes to <name>.out; one with a session of its own ends with all of that."""
        with (self._folder / f"{name}.out").open("ab") as output:
            self._started[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd=self._folder,
                start_new_session=own_session,
            )  # fmt: skip

    def pid(self, name: str) -> int:
        """Return the id of a process."""
        return self._started[name].pid

    def output(self, name: str) -> str:
        """Return what a process has printed, and others of its name before."""
        path = self._folder / f"{name}.out"
        return path.read_text(errors="replace") if path.exists() else ""

    def is_running(self, name: str) -> bool:
        """Tell whether a process has not ended."""
        return self._started[name].poll() is None

    def stop(self, name: str, patience_s: float = 10.0, signum: signal.Signals = signal.SIGTERM) -> None:
        """End a process, by force where it does not end by itself."""
        process = self._started.pop(name)
        process.send_signal(signum)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
        with suppress(ProcessLookupError):
            leads_a_session = os.getsid(process.pid) == process.pid
            os.killpg(process.pid, signal.SIGKILL) if leads_a_session else process.kill()
        process.wait()

    def stop_all(self) -> None:
        """End all processes, the last first."""
        for name in reversed(list(self._started)):
            self.stop(name)
