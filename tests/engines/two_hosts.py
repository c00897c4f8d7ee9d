"""Two hosts on this machine: network namespaces with a cable between them, and none to anything else."""

import os
import shutil
import subprocess
from collections.abc import Sequence


def are_allowed() -> bool:
    """Tell whether this process may make network namespaces."""
    return os.geteuid() == 0 and shutil.which("ip") is not None


class TwoHosts:
    """Two network namespaces; `first` and `second` are their addresses, by which they reach each other alone."""

    first, second = "10.77.0.1", "10.77.0.2"

    def __init__(self) -> None:
        self._cable = f"lb{os.getpid()}"
        self._names = {self.first: f"{self._cable}a", self.second: f"{self._cable}b"}

    def make(self) -> None:
        """Make both, or nothing.

        Raises: CalledProcessError where the system does not allow it.
        """
        one, other = self._names.values()
        try:
            for name in self._names.values():
                _ip("netns", "add", name)
            cable = ["link", "add", self._cable, "netns", one, "type", "veth", "peer", "name", self._cable]
            _ip(*cable, "netns", other)
            for address, name in self._names.items():
                _ip("-n", name, "address", "add", f"{address}/24", "dev", self._cable)
                for device in ("lo", self._cable):
                    _ip("-n", name, "link", "set", device, "up")
        except subprocess.CalledProcessError:
            self.remove()
            raise

    def on(self, address: str) -> Sequence[str]:
        """Return what stands before a command that runs on a host."""
        return ["ip", "netns", "exec", self._names[address]]

    def remove(self) -> None:
        """Remove what there is of both."""
        for name in self._names.values():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, check=True)
