"""Check that a launcher can run jobs here: what it needs is installed, and its cluster accepts such jobs."""

import socket
from collections.abc import Mapping, Sequence
from contextlib import closing
from importlib.util import find_spec
from typing import Any

from lstm_bench.launchers.errors import LauncherError

PLUGIN = "hydra_plugins.lstm_bench_launchers."
EXTRAS = {f"{PLUGIN}SlurmLauncher": ("submitit", "slurm"), f"{PLUGIN}RayLauncher": ("ray", "ray")}  # module and extra
CONNECT_S = 5.0
LEAST = {  # the least value of each of SLURM's integer settings
    **dict.fromkeys(("nodes", "tasks_per_node", "cpus_per_task", "timeout_min"), 1),
    **dict.fromkeys(("gpus_per_node", "signal_delay_s", "max_requeues"), 0),
}


def check_launcher(settings: Mapping[str, Any]) -> None:
    """Check that the launcher with these settings, including its `_target_`, can run jobs.

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

        _check_values(options)
        try:
            slurm.check(options)
        except LauncherError as error:
            raise LauncherError(f"hydra.launcher: SLURM takes no job with these settings: {error}") from error
    elif options["address"] is not None:
        _check_address(str(options["address"]))


def _check_values(settings: Mapping[str, Any]) -> None:
    """Check settings that SLURM would misread, or submitit refuse with a traceback; null is the cluster's default."""
    chosen = {name: value for name, value in settings.items() if value is not None}
    for name, least in LEAST.items():
        if not _is_number(value := chosen.get(name, least), int) or value < least:
            raise _not_allowed(name, value, f"an integer of at least {least}")
    if not _is_number(memory := chosen.get("mem_gb", 1), int, float) or memory < 0:
        raise _not_allowed("mem_gb", memory, "a number of at least 0, which is all of a node's memory")
    lines = chosen.get("setup", ())
    if isinstance(lines, str) or not isinstance(lines, Sequence) or not all(isinstance(line, str) for line in lines):
        raise _not_allowed("setup", lines, "a list of lines of shell")
    if not isinstance(options := chosen.get("additional_parameters", {}), Mapping):
        raise _not_allowed("additional_parameters", options, "options of sbatch with their values")
    if "timeout_min" in chosen and (delay := chosen.get("signal_delay_s", 0)) >= 60 * chosen["timeout_min"]:
        raise _not_allowed("signal_delay_s", delay, f"less than the {60 * chosen['timeout_min']} s of timeout_min")


def _is_number(value: object, *kinds: type) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _not_allowed(name: str, value: object, allowed: str) -> LauncherError:
    return LauncherError(f"hydra.launcher.{name}={value}: allowed: {allowed}")


def _check_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise LauncherError(f"hydra.launcher.address={address}: allowed: HOST:PORT of a Ray cluster, or null")
    try:
        with closing(socket.create_connection((host, int(port)), CONNECT_S)):
            pass
    except OSError as error:
        raise LauncherError(f"hydra.launcher.address={address}: no Ray cluster answers there ({error})") from error
