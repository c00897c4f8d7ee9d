"""Whether a launcher can run jobs here: what it needs is installed, and its cluster takes such jobs."""

import socket
from collections.abc import Mapping
from contextlib import closing
from importlib.util import find_spec
from typing import Any

from lstm_bench.launchers.errors import LauncherError

PLUGIN = "hydra_plugins.lstm_bench_launchers."
EXTRAS = {f"{PLUGIN}SlurmLauncher": ("submitit", "slurm"), f"{PLUGIN}RayLauncher": ("ray", "ray")}  # module and extra
CONNECT_S = 5.0


def check_launcher(settings: Mapping[str, Any]) -> None:
    """Check that the launcher with these settings, its `_target_` among them, can run jobs.

    Raises: LauncherError that names the setting, in a line.
    """
    target = str(settings.get("_target_"))
    module, extra = EXTRAS.get(target, ("", ""))
    if not module:
        return
    if find_spec(module) is None:
        raise LauncherError(f"hydra/launcher: {module} is not installed: pip install 'lstm_bench[{extra}]'")
    options = {key: value for key, value in settings.items() if key != "_target_"}
    if extra == "slurm":
        from lstm_bench.launchers import slurm

        try:
            slurm.check(options)
        except LauncherError as error:
            raise LauncherError(f"hydra.launcher: SLURM takes no job with these settings: {error}") from error
    elif options["address"] is not None:
        _check_address(str(options["address"]))


def _check_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise LauncherError(f"hydra.launcher.address={address}: allowed: HOST:PORT of a Ray cluster, or null")
    try:
        with closing(socket.create_connection((host, int(port)), CONNECT_S)):
            pass
    except OSError as error:
        raise LauncherError(f"hydra.launcher.address={address}: no Ray cluster answers there ({error})") from error
