"""A Ray cluster of two nodes, on two hosts of this machine, with a token of its own."""

import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path

import psutil
from processes import Processes, wait_until
from two_hosts import TwoHosts

HEAD, OTHER = "head", "other"
PORT = 6379
TASK = "ray::_run"  # the name of a worker's process while it runs a task of the launcher


class RayCluster:
    """A head that runs no task, and another node that runs one at a time, which can be lost and replaced."""

    address = f"{TwoHosts.first}:{PORT}"

    def __init__(self, folder: Path, hosts: TwoHosts, import_path: str) -> None:
        self._processes, self._hosts = Processes(folder), hosts
        self.environment = os.environ | {  # of the nodes, and of whoever uses them: they share a token
            "PYTHONPATH": import_path,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
        }

    def start(self) -> None:
        """Start both nodes."""
        self._start(HEAD, TwoHosts.first, "--head", f"--port={PORT}", "--include-dashboard=false", "--num-cpus=0")
        self.start_node()

    def start_node(self) -> None:
        """Start the node that runs tasks."""
        self._start(OTHER, TwoHosts.second, f"--address={self.address}", "--num-cpus=1")

    def _start(self, name: str, host: str, *arguments: str) -> None:
        ray = str(Path(sys.executable).with_name("ray"))
        command = [ray, "start", "--block", "--disable-usage-stats", f"--node-ip-address={host}", *arguments]
        before = self._processes.output(name).count("Ray runtime started")
        self._processes.start(name, [*self._hosts.on(host), *command], self.environment)
        wait_until(lambda: self._processes.output(name).count("Ray runtime started") > before, f"a {name} node")

    def kill_node(self) -> None:
        """End the node that runs tasks, and all that it has started, at once."""
        node = psutil.Process(self._processes.pid(OTHER))
        family = [*node.children(recursive=True), node]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._processes.stop(OTHER)

    def kill_worker(self) -> None:
        """End the process that runs a task, at once."""
        node = psutil.Process(self._processes.pid(OTHER))
        (worker,) = [process for process in node.children(recursive=True) if process.name().startswith(TASK)]
        worker.kill()

    def stop(self) -> None:
        """End both nodes."""
        self._processes.stop_all()
